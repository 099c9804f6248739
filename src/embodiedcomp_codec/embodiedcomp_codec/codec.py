"""The protocol that every codec plug-in implements, and nothing else.

A codec is a pair of factories. An *encoder* turns one stream's frames into bitstreams, in order; a *decoder* turns
them back, in another process. Both may keep references from one frame to the next (``mode="inter"``) or not
(``mode="intra"``). Neither knows of packets, stamps, loss or budgets: that is ``stream.py``'s job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""One frame's pixels, ``(H, W, 3) uint8``, RGB."""

Mode = Literal["intra", "inter"]


class CodecError(ValueError):
    """The user asked a codec for something that it can't do; the message names the value and the valid choices."""


class BitstreamError(ValueError):
    """Bytes that are no bitstream of this codec (truncated, corrupt, too large)."""


@dataclass(frozen=True)
class Coded:
    """What one frame became: the bitstream, and whether a decoder can start here."""

    data: bytes
    key: bool


class Encoder(Protocol):
    """Encodes the frames of one stream, all of one size, in order."""

    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        """Encode ``image`` ``(H, W, 3) uint8`` at ``quality`` in [0, 1] (0 coarsest, 1 finest this codec offers).

        ``key=True`` forces a frame that decodes alone. The codec may return a key frame unasked.
        Bits grow with ``quality``, as far as the underlying library allows.
        """
        ...


class Decoder(Protocol):
    """Decodes the frames of one stream, in order."""

    def decode(self, data: bytes, key: bool, width: int, height: int) -> Image:
        """Return ``(height, width, 3) uint8``. Raises BitstreamError on bytes that are no frame of that size."""
        ...


@runtime_checkable
class Codec(Protocol):
    """A plug-in, registered by the entry point group ``embodiedcomp.codecs``; one per name."""

    name: str
    modes: tuple[Mode, ...]
    lossless: bool

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """A fresh encoder for frames of one size. Raises CodecError for a mode that the codec lacks."""
        ...

    def decoder(self, mode: Mode) -> Decoder:
        """A fresh decoder."""
        ...


class DepthCodec(Protocol):
    """Codes 16-bit depth without loss, every frame alone; entry point group ``embodiedcomp.depth_codecs``."""

    name: str

    def encode(self, depth: npt.NDArray[np.uint16]) -> bytes:
        """The bitstream of ``(H, W) uint16``."""
        ...

    def decoder(self, mode: Mode) -> Decoder:
        """A fresh decoder, whose pictures are ``(H, W) uint16``."""
        ...
