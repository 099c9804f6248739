"""A worked example of a codec plug-in: fewer shades of every colour, then zlib. Simple, not good.

It shows all that a plug-in needs: a class with a name, modes and two factories. Rate control, packets, loss, downsampling,
nodes and statistics come with the suite. A learned codec looks the same: load the weights in the factories, and let the
encoder's ``quality`` choose the model or the gain.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from embodiedcomp_codec.codec import BitstreamError, Coded, Decoder, Encoder, Image, Mode

_HEAD = struct.Struct(">BHH")  # bits dropped of each sample, width, height
_MOST_DROPPED = 6


class FewerShades:
    """What the entry point names. ``levels`` is how many quality steps there are: the rate control walks over them."""

    name = "fewer-shades"
    modes: tuple[Mode, ...] = ("intra",)
    lossless = False
    levels = _MOST_DROPPED + 1

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """A fresh encoder."""
        return _Encoder()

    def decoder(self, mode: Mode) -> Decoder:
        """A fresh decoder: everything that it needs is in the bitstream."""
        return _Decoder()


class _Encoder:
    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        dropped = round(_MOST_DROPPED * (1 - quality))
        shades = image >> dropped
        difference = np.diff(shades, axis=1, prepend=np.zeros_like(shades[:, :1]))
        head = _HEAD.pack(dropped, image.shape[1], image.shape[0])
        return Coded(head + zlib.compress(difference.tobytes(), 9), key=True)


class _Decoder:
    def decode(self, data: bytes, key: bool, width: int, height: int) -> Image:
        # Bytes come from a network: check every number before anything is allocated for it.
        if len(data) < _HEAD.size:
            raise BitstreamError(f"{len(data)} bytes are shorter than the header")
        dropped, *size = _HEAD.unpack_from(data)
        if size != [width, height] or dropped > _MOST_DROPPED:
            raise BitstreamError(f"a picture of {size} where {[width, height]} was announced")
        inflate, count = zlib.decompressobj(), 3 * width * height
        try:
            samples = inflate.decompress(data[_HEAD.size :], count)
        except zlib.error as error:
            raise BitstreamError(f"no picture of {width}x{height}: {error}") from error
        if len(samples) != count:
            raise BitstreamError(f"{len(samples)} samples where {count} were announced")
        difference = np.frombuffer(samples, dtype=np.uint8).reshape(height, width, 3)
        shades = np.cumsum(difference, axis=1, dtype=np.uint8)
        return (shades << dropped) | (1 << dropped >> 1)
