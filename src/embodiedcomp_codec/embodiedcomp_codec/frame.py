"""Geometry of frames: padding for encoders that refuse odd sizes, and the paper's downsampling by n/8.

Everything here is exact integer arithmetic (small integers in float32 where that is faster), so that it gives the same pixels
on every machine and in every process.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.codec import CodecError, Image


def check_image(image: Image) -> None:
    """Raise CodecError unless ``image`` is ``(H, W, 3) uint8`` with at least one pixel."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise CodecError(f"a frame is (H, W, 3) uint8, not {image.shape} {image.dtype}")


def pad(image: Image, multiple: int, minimum: int) -> Image:
    """Repeat the last row and column until both sides are a multiple of ``multiple`` and at least ``minimum``."""
    height, width = image.shape[:2]
    tall, wide = padded_side(height, multiple, minimum), padded_side(width, multiple, minimum)
    if (tall, wide) == (height, width):
        return image
    return np.pad(image, ((0, tall - height), (0, wide - width), (0, 0)), mode="edge")


def padded_side(side: int, multiple: int, minimum: int) -> int:
    """The padded length of a side, in pixels."""
    return max(minimum, -(-side // multiple) * multiple)


def coded_side(side: int, downsample: int) -> int:
    """The length that a source side has after downsampling by ``downsample``/8, in pixels."""
    return side if downsample == 8 else -(-side // 8) * downsample


def downsample(image: Image, n: int) -> Image:
    """Area-average ``(H, W, 3)`` to n/8 of its sides; ``n`` = 8 returns the frame itself."""
    _check_rate_point(n)
    if n == 8:
        return image
    padded = pad(image, 8, 8)
    height, width = padded.shape[:2]
    # Everything stays exact, in 16 bits down the rows and in float32 along them: sums of at most 64 * 255, in any order.
    blocks = padded.reshape(height // 8, 8, width * 3)
    rows = np.empty((height // 8, n, width * 3), dtype=np.float32)
    for target, weights in enumerate(_area_weights(n).astype(np.uint16)):
        sources = np.flatnonzero(weights)
        total = np.multiply(blocks[:, sources[0]], weights[sources[0]], dtype=np.uint16)
        for source in sources[1:]:
            total += np.multiply(blocks[:, source], weights[source], dtype=np.uint16)
        rows[:, target] = total
    both = rows.reshape(-1, 24) @ _area_weights_of_pixels(n)
    both += 32.0
    both *= 1 / 64
    return both.astype(np.uint8).reshape(height // 8 * n, width // 8 * n, 3)


def upsample(image: Image, n: int, width: int, height: int) -> Image:
    """Linearly interpolate a frame downsampled by n/8 back to ``(height, width, 3)``; pixel centres match."""
    _check_rate_point(n)
    if n == 8:
        return image
    rows, row_next, row_weight = _linear_taps(height, n, image.shape[0])
    columns, column_next, column_weight = _linear_taps(width, n, image.shape[1])
    # 255 * 16 * 16 + 128 still fits 16 bits. Along the rows first, of which there are fewer then.
    coded = len(image)
    weight = np.repeat(column_weight, 3)
    wide = np.take(image, columns, axis=1).reshape(coded, -1) * (np.uint16(16) - weight)
    wide += np.take(image, column_next, axis=1).reshape(coded, -1) * weight
    both, below = np.take(wide, rows, axis=0), np.take(wide, row_next, axis=0)
    both *= (np.uint16(16) - row_weight)[:, None]
    below *= row_weight[:, None]
    both += below
    both += np.uint16(128)
    both >>= np.uint16(8)
    return both.astype(np.uint8).reshape(height, width, 3)


def _check_rate_point(n: int) -> None:
    if not 1 <= n <= 8:
        raise CodecError(f"downsample {n} is outside 1 to 8")


@functools.cache
def _area_weights(n: int) -> npt.NDArray[np.float32]:
    """``(n, 8)``: how much of each of 8 source pixels falls into each of n pixels, in eighths of a target pixel."""
    weights = np.zeros((n, 8), dtype=np.float32)
    for source in range(8):
        for target in range(n):
            # In units of 1/(8n) of the block: a source pixel covers n of them, a target pixel 8.
            overlap = min((source + 1) * n, (target + 1) * 8) - max(source * n, target * 8)
            weights[target, source] = max(0, overlap)
    return weights


@functools.cache
def _area_weights_of_pixels(n: int) -> npt.NDArray[np.float32]:
    """``(24, 3 n)``: the same for rows of pixels, whose three colours stay apart."""
    return np.ascontiguousarray(np.kron(_area_weights(n), np.eye(3, dtype=np.float32)).T)


@functools.cache
def _linear_taps(
    length: int, n: int, coded: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint16]]:
    """For each of ``length`` source positions: the two coded positions it lies between, and the second's weight in 1/16."""
    sixteenths = (2 * np.arange(length) + 1) * n - 8
    first = sixteenths // 16
    weight = (sixteenths - first * 16).astype(np.uint16)
    return np.clip(first, 0, coded - 1), np.clip(first + 1, 0, coded - 1), weight
