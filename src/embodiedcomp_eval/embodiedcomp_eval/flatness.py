"""Whether memory grows: what a process holds over the frames that went through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ALLOWED = 2.0
"""MiB between the floors of the first and the last quarter: far less than a leak of a hundred bytes a frame."""
WARM_UP = 0.1
"""Share of the frames after which allocators have what they need."""


@dataclass(frozen=True)
class Flatness:
    """MiB. first, last: medians of the first and the last quarter; growth: between them; per_frame: slope in bytes of a frame.

    floor: the lowest of the last quarter minus that of the first. What is held goes up and down with the group of pictures,
    and where an allocator puts it; a leak lifts the floor.
    """

    first: float
    last: float
    highest: float
    growth: float
    bytes_per_frame: float
    floor: float

    @property
    def flat(self) -> bool:
        """Whether what it can't do without does not grow."""
        return self.floor <= ALLOWED


def flatness(frames: Sequence[int], mebibytes: Sequence[float]) -> Flatness:
    """Of samples after warming up, at least four: numbers of frames, resident size in MiB."""
    held = np.asarray(mebibytes, dtype=np.float64)
    quarter = len(held) // 4
    if quarter < 1:
        raise ValueError(f"{len(held)} samples say nothing; at least 4 are needed")
    first, last = float(np.median(held[:quarter])), float(np.median(held[-quarter:]))
    slope = float(np.polyfit(np.asarray(frames, dtype=np.float64), held, 1)[0]) * 2**20
    floor = float(held[-quarter:].min() - held[:quarter].min())
    return Flatness(first, last, float(held.max()), last - first, slope, floor)


def warmed_up(frames: Sequence[int], mebibytes: Sequence[float]) -> Flatness:
    """``flatness`` of the samples after ``WARM_UP``."""
    warm = [(count, held) for count, held in zip(frames, mebibytes) if count > WARM_UP * frames[-1]]
    return flatness([count for count, _ in warm], [held for _, held in warm])
