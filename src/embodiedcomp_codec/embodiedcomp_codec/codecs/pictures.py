"""JPEG and PNG files as other programs write them, in and out, and pictures at another size; all through Pillow."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image

from embodiedcomp_codec.codec import BitstreamError, Image
from embodiedcomp_codec.picture_size import jpeg_size, png_size

FORMATS = ("JPEG", "PNG")
JPEG_FINEST, JPEG_COARSEST = 98, 1
_GREY_16 = ("I;16", "I;16B", "I;16L", "I;16N")


@dataclass(frozen=True)
class Picture:
    """``pixels``: ``(H, W, 3) uint8`` RGB, or ``(H, W) uint16`` of a 16-bit grey PNG. ``grey``: the file has one channel."""

    pixels: npt.NDArray[Any]
    grey: bool


def open_picture(data: bytes, max_pixels: int) -> Picture:
    """Decode a JPEG or PNG file. Raises BitstreamError; what the file claims is checked before memory is taken for it."""
    size = jpeg_size(data) or png_size(data)
    if size is None:
        raise BitstreamError("no JPEG or PNG file")
    if not 0 < size[0] * size[1] <= max_pixels:
        raise BitstreamError(f"a picture file of {size[0]}x{size[1]}; at most max_pixels {max_pixels} are decoded")
    try:
        with PIL.Image.open(io.BytesIO(data), formats=FORMATS) as file:
            if file.size != size:
                raise BitstreamError(f"a picture file says both {size} and {file.size}")
            if file.mode in _GREY_16:
                return Picture(np.array(file).astype(np.uint16), grey=True)
            return Picture(np.array(file.convert("RGB")), grey=file.mode in ("1", "L", "LA"))
    except BitstreamError:
        raise
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and more
        raise BitstreamError(f"no whole picture file of {size[0]}x{size[1]}: {error}") from error


def picture_file(pixels: npt.NDArray[Any], codec: str, quality: float, grey: bool) -> bytes:
    """A whole JPEG or PNG file (``codec`` jpeg, png) of ``(H, W, 3) uint8``, or a PNG of ``(H, W) uint16`` depth.

    ``quality`` in [0, 1] is the stream's own scale of JPEG; ``grey`` writes one channel, the second.
    """
    out = io.BytesIO()
    picture = PIL.Image.fromarray(np.ascontiguousarray(pixels[:, :, 1]) if grey and pixels.ndim == 3 else pixels)
    if codec == "jpeg" and pixels.ndim == 3:
        number = JPEG_COARSEST + round(quality * (JPEG_FINEST - JPEG_COARSEST))
        picture.save(out, "JPEG", quality=number)
    else:
        picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def resize(image: Image, size: tuple[int, int]) -> Image:
    """``(H, W, 3)`` at ``size`` = (width, height): a linear filter as wide as a target pixel, so that nothing aliases."""
    if (image.shape[1], image.shape[0]) == size:
        return image
    return np.asarray(PIL.Image.fromarray(image).resize(size, PIL.Image.Resampling.BILINEAR))
