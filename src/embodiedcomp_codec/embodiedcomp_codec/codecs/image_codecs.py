"""Still-picture codecs through imagecodecs: avif, jpegxl and jpeg2000. Every frame decodes alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np

from embodiedcomp_codec.codec import BitstreamError, CodecError, Coded, Decoder, Encoder, Image, Mode
from embodiedcomp_codec.picture_size import Size, avif_size, jpeg2000_size


@dataclass(frozen=True)
class StillCodec:
    """One of imagecodecs' formats. ``setting`` gives the library's number for a quality in [0, 1], ``levels`` steps."""

    name: str
    encode: Callable[..., bytes | bytearray]
    decode: Callable[..., Any]
    setting: Callable[[float], float]
    levels: int
    options: tuple[tuple[str, Any], ...] = ()
    modes: tuple[Mode, ...] = ("intra",)
    lossless: bool = False
    size: Callable[[bytes], Size | None] | None = None  # None: the library itself looks at it first

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """A stateless encoder."""
        return _StillEncoder(self)

    def decoder(self, mode: Mode) -> Decoder:
        """A stateless decoder."""
        return _StillDecoder(self)


class _StillEncoder:
    def __init__(self, codec: StillCodec) -> None:
        self._codec = codec

    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        codec = self._codec
        level = codec.setting(quality)
        try:
            data = codec.encode(np.ascontiguousarray(image), level, **dict(codec.options))
        except (RuntimeError, ValueError, OverflowError) as error:
            height, width = image.shape[:2]
            raise CodecError(f"{codec.name}: imagecodecs refused a frame of {width}x{height}: {error}") from error
        return Coded(bytes(data), key=True)


class _StillDecoder:
    def __init__(self, codec: StillCodec) -> None:
        self._codec = codec

    def decode(self, data: bytes, key: bool, width: int, height: int) -> Image:
        name = self._codec.name
        if not data:
            raise BitstreamError("an empty packet")
        # The size is read before the library makes room for what a forged one claims.
        size = self._codec.size(data) if self._codec.size else (width, height)
        if size != (width, height):
            raise BitstreamError(f"a {name} picture of {size} where {(width, height)} was announced")
        out = np.empty((height, width, 3), dtype=np.uint8)
        try:
            picture = self._codec.decode(data, out=out)
        except (RuntimeError, ValueError, TypeError) as error:
            raise BitstreamError(f"no {name} picture of {width}x{height}: {error}") from error
        if picture.shape != (height, width, 3) or picture.dtype != np.uint8:
            raise BitstreamError(f"a {name} picture of {picture.shape} where {width}x{height} was announced")
        return np.asarray(picture)


AVIF = StillCodec(
    "avif",
    imagecodecs.avif_encode,
    imagecodecs.avif_decode,
    lambda quality: round(quality * 95),
    96,
    (("speed", 6), ("pixelformat", "420"), ("numthreads", 1)),
    size=avif_size,
)
# JPEG XL's own measure is a distance: 25 coarsest, 0.1 nearly lossless.
JPEGXL = StillCodec(
    "jpegxl",
    lambda image, distance: imagecodecs.jpegxl_encode(image, distance=distance, effort=5, numthreads=1),
    imagecodecs.jpegxl_decode,
    lambda quality: 25.0 * (0.1 / 25.0) ** quality,
    128,
)
# JPEG 2000's is a signal-to-noise ratio in dB.
JPEG2000 = StillCodec(
    "jpeg2000",
    imagecodecs.jpeg2k_encode,
    imagecodecs.jpeg2k_decode,
    lambda quality: 15.0 + round(quality * 160) / 4,
    161,
    (("codecformat", "j2k"), ("numthreads", 1)),
    size=jpeg2000_size,
)
