"""Lossless 16-bit depth through imagecodecs: JPEG XL, one channel. Every frame decodes alone.

Chosen by measurement over PNG, JPEG 2000, JPEG-LS, HTJ2K and FFV1, see ``docs/decisions/0022-depth.md``.
"""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np

from embodiedcomp_codec.codec import BitstreamError, CodecError, Decoder, Mode

_EFFORT = 3


class JpegXl16:
    """Stateless both ways."""

    name = "jpegxl16"
    modes: tuple[Mode, ...] = ("intra",)
    lossless = True

    def encode(self, depth: Any) -> bytes:
        """The JPEG XL file of ``(H, W) uint16``. Raises CodecError where the library refuses it."""
        try:
            return bytes(imagecodecs.jpegxl_encode(depth, lossless=True, effort=_EFFORT, numthreads=1))
        except (RuntimeError, ValueError, OverflowError) as error:
            height, width = depth.shape
            raise CodecError(f"{self.name}: imagecodecs refused a frame of {width}x{height}: {error}") from error

    def decoder(self, mode: Mode) -> Decoder:
        """A decoder whose pictures are ``(H, W) uint16``."""
        return _Decoder()


class _Decoder:
    def decode(self, data: bytes, key: bool, width: int, height: int) -> Any:
        if not data:
            raise BitstreamError("an empty packet")
        # The library compares the picture's size with what is given before it decodes; nothing larger is allocated.
        out = np.empty((height, width), dtype=np.uint16)
        try:
            depth = imagecodecs.jpegxl_decode(data, numthreads=1, out=out)
        except (RuntimeError, ValueError, TypeError) as error:
            raise BitstreamError(f"no depth picture of {width}x{height}: {error}") from error
        if depth.shape != (height, width) or depth.dtype != np.uint16:
            raise BitstreamError(f"a picture of {depth.shape} {depth.dtype} where {width}x{height} depth was announced")
        return depth
