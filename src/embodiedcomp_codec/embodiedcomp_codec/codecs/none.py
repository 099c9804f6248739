"""No compression: the frame's own bytes. Lossless, 24 bpp."""

from __future__ import annotations

import numpy as np

from embodiedcomp_codec.codec import BitstreamError, Coded, Decoder, Encoder, Image, Mode


class NoneCodec:
    """Raw RGB rows."""

    name = "none"
    modes: tuple[Mode, ...] = ("intra",)
    lossless = True
    levels = 1

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """A stateless encoder."""
        return _Raw()

    def decoder(self, mode: Mode) -> Decoder:
        """A stateless decoder."""
        return _Raw()


class _Raw:
    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        return Coded(np.ascontiguousarray(image).tobytes(), key=True)

    def decode(self, data: bytes, key: bool, width: int, height: int) -> Image:
        if len(data) != width * height * 3:
            raise BitstreamError(f"{len(data)} bytes are no raw frame of {width}x{height}")
        return np.frombuffer(data, dtype=np.uint8).reshape(height, width, 3)
