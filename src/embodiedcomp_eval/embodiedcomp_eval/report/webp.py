"""Pictures as small WebP files, for looking at."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

QUALITY = 92
"""Far above what the codecs under test leave, at a tenth of a lossless file."""


def encode_webp(image: npt.NDArray[np.uint8]) -> bytes:
    """The file's bytes of ``image (H, W, 3) uint8`` RGB."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, "WEBP", quality=QUALITY)
    return content.getvalue()
