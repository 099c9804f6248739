"""Still-picture codecs through Pillow: jpeg, webp and (lossless) png. Every frame decodes alone."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import PIL.Image

from embodiedcomp_codec.codec import BitstreamError, CodecError, Coded, Decoder, Encoder, Image, Mode
from embodiedcomp_codec.picture_size import webp_size


class PillowCodec:
    """One of Pillow's formats; ``levels`` quality steps from ``coarsest`` to ``finest`` in Pillow's own numbers.

    ``max_side`` is the longest side that the format can say, in pixels.
    """

    modes: tuple[Mode, ...] = ("intra",)

    def __init__(
        self,
        name: str,
        format: str,
        coarsest: int,
        finest: int,
        max_side: int,
        lossless: bool = False,
        **options: Any,
    ) -> None:
        self.name = name
        self.lossless = lossless
        self.format = format
        self.coarsest = coarsest
        self.finest = finest
        self.levels = finest - coarsest + 1
        self.max_side = max_side
        self.options = options

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """A stateless encoder."""
        return _PillowEncoder(self)

    def decoder(self, mode: Mode) -> Decoder:
        """A stateless decoder."""
        return _PillowDecoder(self.format)


class _PillowEncoder:
    def __init__(self, codec: PillowCodec) -> None:
        self._codec = codec

    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        codec, out = self._codec, io.BytesIO()
        height, width = image.shape[:2]
        if max(width, height) > codec.max_side:
            raise CodecError(f"{codec.name}: a frame of {width}x{height} is too large; at most {codec.max_side} a side")
        number = codec.coarsest + round(quality * (codec.finest - codec.coarsest))
        try:
            PIL.Image.fromarray(image).save(out, codec.format, quality=number, **codec.options)
        except (OSError, ValueError, SystemError, struct.error) as error:
            raise CodecError(f"{codec.name}: Pillow refused a frame of {width}x{height}: {error}") from error
        return Coded(out.getvalue(), key=True)


class _PillowDecoder:
    def __init__(self, format: str) -> None:
        self._format = format

    def decode(self, data: bytes, key: bool, width: int, height: int) -> Image:
        return decode_still(data, self._format, width, height)


def decode_still(data: bytes, format: str, width: int, height: int) -> Image:
    """Decode a picture file of exactly this format and size; its size is read before its pixels are."""
    # Pillow makes a WebP file's canvas as soon as it is opened.
    if format == "WEBP" and webp_size(data) != (width, height):
        raise BitstreamError(f"a WEBP file of {webp_size(data)} where {(width, height)} was announced")
    try:
        with PIL.Image.open(io.BytesIO(data), formats=(format,)) as picture:
            if picture.size != (width, height):
                raise BitstreamError(f"a {format} file of {picture.size} where {(width, height)} was announced")
            return np.array(picture.convert("RGB"))
    except BitstreamError:
        raise
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and more
        raise BitstreamError(f"no {format} picture of {width}x{height}: {error}") from error


JPEG = PillowCodec("jpeg", "JPEG", 1, 98, max_side=65500, optimize=True, subsampling=2)
WEBP = PillowCodec("webp", "WEBP", 0, 100, max_side=16383, method=4)
PNG = PillowCodec("png", "PNG", 100, 100, max_side=65535, lossless=True, compress_level=6)
