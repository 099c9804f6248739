"""Two ways to do the same work, timed turn by turn in one run, so that whatever else the machine does falls on both."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PairedTiming:
    """Seconds of one frame. added: median of the paired differences; ratio: median of the paired ratios minus 1."""

    ours: float
    theirs: float
    added: float
    ratio: float
    frames: int

    @property
    def within(self) -> bool:
        """Whether at most 15 % or 1 ms is added, whichever is larger."""
        return self.added <= max(0.15 * self.theirs, 1e-3)


def compare(ours: Callable[[int], None], theirs: Callable[[int], None], frames: int, warm_up: int) -> PairedTiming:
    """Call both for every frame number, the first by turns; the first ``warm_up`` frames are not counted."""
    rows = []
    for number in range(frames):
        order = (ours, theirs) if number % 2 else (theirs, ours)
        seconds = {}
        for way in order:
            started = time.perf_counter()
            way(number)
            seconds[way] = time.perf_counter() - started
        if number >= warm_up:
            rows.append((seconds[ours], seconds[theirs]))
    return summary(rows)


def summary(rows: list[tuple[float, float]]) -> PairedTiming:
    """Medians of pairs (ours, theirs) in seconds."""
    mine, other = np.array(rows).T
    return PairedTiming(
        float(np.median(mine)),
        float(np.median(other)),
        float(np.median(mine - other)),
        float(np.median(mine / other)) - 1.0,
        len(rows),
    )
