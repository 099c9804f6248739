"""Whether memory grows: what a process holds over the frames that went through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ALLOWED = 2.0
"""MiB between the first and the last quarter after warming up: less than one page-cache's worth, far from a leak a frame."""


@dataclass(frozen=True)
class Flatness:
    """MiB. growth: median of the last quarter minus that of the first; per_frame: slope in bytes of a frame."""

    first: float
    last: float
    highest: float
    growth: float
    bytes_per_frame: float

    @property
    def flat(self) -> bool:
        """Whether it does not grow."""
        return self.growth <= ALLOWED


def flatness(frames: Sequence[int], mebibytes: Sequence[float]) -> Flatness:
    """Of samples after warming up, at least four: numbers of frames, resident size in MiB."""
    held = np.asarray(mebibytes, dtype=np.float64)
    quarter = len(held) // 4
    if quarter < 1:
        raise ValueError(f"{len(held)} samples say nothing; at least 4 are needed")
    first, last = float(np.median(held[:quarter])), float(np.median(held[-quarter:]))
    slope = float(np.polyfit(np.asarray(frames, dtype=np.float64), held, 1)[0]) * 2**20
    return Flatness(first, last, float(held.max()), last - first, slope)
