"""Seeded synthetic camera sequences, on which codecs and rate control are tested and measured."""

from __future__ import annotations

import numpy as np

from embodiedcomp_codec.codec import Image


def panning(count: int, height: int = 64, width: int = 96, seed: int = 0) -> list[Image]:
    """A smooth coloured texture that moves by 3 pixels across and 2 down each frame."""
    rng = np.random.default_rng(seed)
    # Mostly grey, as the world is: colours that change from pixel to pixel are lost to 4:2:0 at any rate.
    coarse = 0.75 * rng.integers(0, 256, (16, 16, 1)) + 0.25 * rng.integers(0, 256, (16, 16, 3))
    rows = np.linspace(0, 14.999, height + 2 * count)
    columns = np.linspace(0, 14.999, width + 3 * count)
    r, c = rows.astype(int), columns.astype(int)
    fr, fc = (rows - r)[:, None, None], (columns - c)[None, :, None]
    top = coarse[r][:, c] * (1 - fc) + coarse[r][:, c + 1] * fc
    bottom = coarse[r + 1][:, c] * (1 - fc) + coarse[r + 1][:, c + 1] * fc
    canvas = (top * (1 - fr) + bottom * fr).astype(np.uint8)
    return [np.ascontiguousarray(canvas[2 * i : 2 * i + height, 3 * i : 3 * i + width]) for i in range(count)]


def pan_photo(photo: Image, count: int, height: int = 256, width: int = 256) -> list[Image]:
    """A window that wanders over a larger picture by 2 pixels across and 1 down each frame, and turns at its edges."""
    spare_rows, spare_columns = photo.shape[0] - height, photo.shape[1] - width
    if spare_rows < 0 or spare_columns < 0:
        raise ValueError(f"a picture of {photo.shape[1]}x{photo.shape[0]} is smaller than {width}x{height}")
    rows, columns = (_to_and_fro(spare, step, count) for spare, step in ((spare_rows, 1), (spare_columns, 2)))
    return [
        np.ascontiguousarray(photo[row : row + height, column : column + width])
        for row, column in zip(rows, columns, strict=True)
    ]


def to_and_fro(frames: list[Image], count: int) -> list[Image]:
    """An episode forwards and backwards, again and again, ``count`` frames long: no cut anywhere."""
    return [frames[at] for at in _to_and_fro(len(frames) - 1, 1, count)]


def _to_and_fro(last: int, step: int, count: int) -> list[int]:
    """``count`` numbers in 0 … ``last``, ``step`` apart, that turn at both ends."""
    if last <= 0:
        return [0] * count
    return [last - abs(last - step * index % (2 * last)) for index in range(count)]


def hard_cuts(count: int, height: int = 64, width: int = 96, every: int = 37) -> list[Image]:
    """Panning textures that change altogether every ``every`` frames."""
    parts = [panning(every, height, width, seed=scene) for scene in range(-(-count // every))]
    return [frame for part in parts for frame in part][:count]


def noise(count: int, height: int = 64, width: int = 96, seed: int = 0) -> list[Image]:
    """Independent uniform noise in every pixel of every frame: nothing to predict from."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(count)]


def frozen(count: int, height: int = 64, width: int = 96, seed: int = 0) -> list[Image]:
    """One picture, again and again."""
    return panning(1, height, width, seed) * count


def mean_square_error(a: Image, b: Image) -> float:
    """Mean squared difference of two frames."""
    return float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
