"""What part of a camera's picture is sent, and at which size: crop first, then resize; and what that makes of ``camera_info``.

Pixel coordinates are those of OpenCV and ROS: the centre of the first pixel is (0, 0), so that its outer corner is
(-0.5, -0.5). A scale by s about that corner maps x to s (x + 0.5) - 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Size = tuple[int, int]
"""Width and height, in pixels."""
Matrix = npt.NDArray[np.float64]
MAX_SIDE = 65535


class ViewError(ValueError):
    """A crop or size that can't be had; the message names it and what is valid."""


@dataclass(frozen=True)
class View:
    """``crop``: x, y of its first pixel, width, height. ``resize``: width, height. None: all of it, as large as it is."""

    crop: tuple[int, int, int, int] | None = None
    resize: Size | None = None

    def __post_init__(self) -> None:
        """Raise ViewError on numbers that no picture could satisfy."""
        if self.crop is not None and (min(self.crop[:2]) < 0 or not _is_size(self.crop[2:])):
            raise ViewError(
                f"crop {list(self.crop)} is impossible; valid: [x, y, width, height] in pixels, from 0 and 1"
            )
        if self.resize is not None and not _is_size(self.resize):
            raise ViewError(
                f"resize {list(self.resize)} is impossible; valid: [width, height], each 1 to {MAX_SIDE} pixels"
            )

    @property
    def whole(self) -> bool:
        """Whether pictures pass as they are."""
        return self.crop is None and self.resize is None

    def size(self, source: Size) -> Size:
        """The size of what is sent of a ``source``. Raises ViewError where the crop lies outside it."""
        _, _, width, height = self._box(source)
        return self.resize or (width, height)

    def cut(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The cropped part of ``(H, W, ...)``, as a view of it. Raises ViewError where it lies outside."""
        x, y, width, height = self._box((pixels.shape[1], pixels.shape[0]))
        return pixels[y : y + height, x : x + width]

    def matrix(self, source: Size) -> Matrix:
        """``(3, 3)``: homogeneous pixel coordinates of the source to those of what is sent. Raises ViewError."""
        x, y, width, height = self._box(source)
        wide, tall = self.resize or (width, height)
        return scaling(wide / width, tall / height) @ translation(-x, -y)

    def _box(self, source: Size) -> tuple[int, int, int, int]:
        box = self.crop or (0, 0, *source)
        if box[0] + box[2] > source[0] or box[1] + box[3] > source[1]:
            raise ViewError(f"crop {list(box)} lies outside a picture of {source[0]}x{source[1]}")
        return box


def views(crop: Sequence[int], resize: Sequence[int], cameras: int) -> list[View]:
    """One view a camera from flat lists: one crop or size for all, one for each in turn, or none. Raises ViewError."""
    crops, sizes = _groups("crop", crop, 4, cameras), _groups("resize", resize, 2, cameras)
    return [View(c, s) for c, s in zip(crops, sizes, strict=True)]


def nearest(pixels: npt.NDArray[Any], size: Size) -> npt.NDArray[Any]:
    """``(H, W)`` at another size by its nearest pixels: for depth, of which no mean may be taken."""
    height, width = pixels.shape
    rows = ((np.arange(size[1]) + 0.5) * height / size[1]).astype(np.int64)
    columns = ((np.arange(size[0]) + 0.5) * width / size[0]).astype(np.int64)
    return pixels[rows[:, None], columns]


def scaling(x: float, y: float) -> Matrix:
    """``(3, 3)``: pixel coordinates after a resize by these factors."""
    return np.array([[x, 0.0, (x - 1) / 2], [0.0, y, (y - 1) / 2], [0.0, 0.0, 1.0]])


def translation(x: float, y: float) -> Matrix:
    """``(3, 3)``: pixel coordinates after a shift."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def sensor_to_image(offset: tuple[int, int], binning: tuple[int, int]) -> Matrix:
    """``(3, 3)``: what a camera's own region of interest and binning make of full-resolution pixel coordinates."""
    return scaling(1 / max(binning[0], 1), 1 / max(binning[1], 1)) @ translation(-offset[0], -offset[1])


def adjust(k: Sequence[float], p: Sequence[float], matrix: Matrix) -> tuple[list[float], list[float]]:
    """``camera_info``'s K (9 numbers) and P (12) after ``matrix``: both project to pixels, so it multiplies from the left.

    So fx' = sx fx, cx' = sx (cx - x + 0.5) - 0.5, and the baseline term of a stereo camera Tx' = sx Tx. Zeros, which mean
    "not calibrated", stay zeros.
    """
    whole = [(matrix @ np.reshape(np.asarray(values, dtype=np.float64), (3, -1))).ravel() for values in (k, p)]
    return whole[0].tolist(), whole[1].tolist()


def _is_size(size: Sequence[int]) -> bool:
    return all(1 <= side <= MAX_SIDE for side in size)


def _groups(name: str, values: Sequence[int], count: int, cameras: int) -> list[Any]:
    if len(values) not in (0, count, count * cameras):
        numbers = str(count) if cameras == 1 else f"{count}, or {count} for each of {cameras} cameras"
        raise ViewError(f"{name} {list(values)} has {len(values)} numbers; valid: {numbers}")
    found = [tuple(values[at : at + count]) for at in range(0, len(values), count)]
    return found * (cameras // len(found)) if found else [None] * cameras
