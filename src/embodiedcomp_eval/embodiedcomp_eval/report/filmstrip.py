"""An episode as one small picture: what the policy saw at some of its queries, base view above wrist view."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Pixels = npt.NDArray[np.uint8]

SIDE = 128
"""px of a view."""
COLUMNS = 8
CAPTION = 14
"""px of the line that says when."""
QUALITY = 80


def chosen(count: int, columns: int = COLUMNS) -> list[int]:
    """Which of ``count`` instants are shown: at most ``columns``, evenly spread, the first and the last among them."""
    return sorted({round(k) for k in np.linspace(0, count - 1, min(count, columns))}) if count else []


def filmstrip(seen: Sequence[tuple[int, Mapping[str, Pixels]]]) -> bytes:
    """WebP file of an episode's queries ``(stamp_ns, camera -> (H, W, 3) uint8)``. Raises ValueError where there are none."""
    if not seen:
        raise ValueError("an episode without a query has no filmstrip")
    shown = [seen[index] for index in chosen(len(seen))]
    cameras = list(shown[0][1])
    sheet = Image.new("RGB", (SIDE * len(shown), CAPTION + SIDE * len(cameras)), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (stamp_ns, images) in enumerate(shown):
        draw.text((column * SIDE + 3, 1), f"{stamp_ns / 1e9:.1f} s", fill="black")
        for row, camera in enumerate(cameras):
            view = Image.fromarray(images[camera]).resize((SIDE, SIDE), Image.Resampling.BOX)
            sheet.paste(view, (column * SIDE, CAPTION + row * SIDE))
    content = io.BytesIO()
    sheet.save(content, "WEBP", quality=QUALITY, method=6)
    return content.getvalue()
