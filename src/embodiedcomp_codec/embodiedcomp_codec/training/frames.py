"""Frames to train on: shards on disk, and the crops that a batch is made of.

A crop shows a frame as the encoder codes it: downsampled to n/8, padded where it is smaller than the crop. Batch number
``step`` depends on seed and step alone, so that an interrupted training goes on with what it would have seen.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.codec import CodecError, Image
from embodiedcomp_codec.frame import downsample, pad

RATE_POINTS = ((8, 0.45), (6, 0.2), (4, 0.25), (2, 0.1))
"""How often a crop is taken from which n/8 of a frame."""


def save_shard(path: Path, frames: npt.NDArray[np.uint8]) -> None:
    """Write ``(n, H, W, 3) uint8``; a killed process leaves no half of one."""
    temporary = path.with_suffix(".partial")
    with temporary.open("wb") as file:
        np.save(file, frames)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


class Frames:
    """The frames of several shards, all of one size; pixels stay on disk until they are asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Raises CodecError where there is none, or where one is no shard of frames."""
        self._shards = []
        for path in paths:
            try:
                shard = np.load(path, mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError, EOFError) as error:
                raise CodecError(f"{str(path)!r} is no shard of frames ({error})") from error
            if shard.ndim != 4 or shard.shape[3] != 3 or shard.dtype != np.uint8 or 0 in shard.shape:
                raise CodecError(f"{str(path)!r} holds {shard.shape} {shard.dtype}, not (n, H, W, 3) uint8")
            self._shards.append(shard)
        if not self._shards:
            raise CodecError("no shard of frames to train on")
        self._starts = np.cumsum([0] + [len(shard) for shard in self._shards])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: int) -> Image:
        """Frame ``(H, W, 3) uint8``."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        shard = int(np.searchsorted(self._starts, index, side="right")) - 1
        return np.asarray(self._shards[shard][index - self._starts[shard]])

    def batch(self, step: int, size: int, crop: int, seed: int) -> npt.NDArray[np.float32]:
        """Batch number ``step``: ``(size, 3, crop, crop) float32`` in [0, 1]."""
        rng = np.random.default_rng(np.random.SeedSequence([seed, step]))
        return np.stack([self._crop(rng, crop) for _ in range(size)])

    def _crop(self, rng: np.random.Generator, side: int) -> npt.NDArray[np.float32]:
        points, shares = zip(*RATE_POINTS, strict=True)
        image = self[int(rng.integers(len(self)))]
        image = pad(downsample(image, int(rng.choice(points, p=shares))), 1, side)
        top, left = (int(rng.integers(length - side + 1)) for length in image.shape[:2])
        part = image[top : top + side, left : left + side]
        if rng.random() < 0.5:
            part = part[:, ::-1]
        return np.ascontiguousarray(part.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)
