"""Which of a ladder's downsampling rate points a stream codes at: down as soon as its floor is too high, up slowly."""

from __future__ import annotations

from embodiedcomp_codec.codec import Codec, Mode
from embodiedcomp_codec.config import Ladder, ladder, rate_point
from embodiedcomp_codec.rate_control import Budget

SUNK = 0.3  # windows in debt, at the coarsest quality: then frames are coded smaller, from a key frame on
RISEN, RISE_WINDOWS = 0.4, 2  # of the quality range, for so long: then frames may be coded larger again
PATIENCE = 8  # times as long, at most: twice after each rise that was followed by a fall
CLIFF_FALL = 0.2  # of a side, at least: a size that is hardly smaller has the same steps
REST_WINDOWS = 2  # after a key frame, before one is sent for another rate point's sake
WASTED = 0.2  # windows of bits that expired at poor quality: no quality step lies where they would be used


class RatePoints:
    """Of one stream of ``codec``, whose quality steps are ``levels`` in number."""

    def __init__(self, codec: Codec, mode: Mode, levels: int) -> None:
        self._codec, self._mode, self._levels = codec, mode, levels
        self.forget()

    def forget(self) -> None:
        """Trust the ladder again: the target is another one."""
        self._cap = 8
        self._well_off = 0
        self._risen, self._patience = False, 1
        self._wasted = 0.0
        self._since_key = self._since_rise = 0

    def ladder(self, sparse: bool) -> Ladder:
        """The ladder for the pace at which frames come."""
        if self._codec.lossless:
            return ((0.0, 8),)
        if self._mode == "intra":
            return ladder(self._codec.name, "intra")
        return ladder(self._codec.name, "sparse" if sparse else "inter")

    def serving(self, rungs: Ladder, bpp: float) -> list[int]:
        """The downsamplings to try for ``bpp``, the largest picture first."""
        most = min(rate_point(rungs, bpp), self._cap)
        return sorted({n for _, n in rungs if n <= most}, reverse=True)

    def fall(self, downsample: int, sparse: bool, least: float = 0.0) -> bool:
        """Trust only smaller frames than ``downsample`` from now on, by a share of ``least``; whether there are any."""
        coarser = [n for _, n in self.ladder(sparse) if n < downsample and n <= (1 - least) * downsample]
        if coarser:
            self._cap = max(coarser)
            self._patience = min(2 * self._patience, PATIENCE) if self._risen else self._patience
            self._risen = False
        return bool(coarser)

    def see(self, downsample: int, level: int, key: bool, moves: bool, budget: Budget, pixels: int) -> bool:
        """Take in a predicted stream's frame; whether the next shall be a key frame, at another rate point.

        moves: whether the picture does.
        """
        rungs = self.ladder(budget.sparse)
        poor = level < RISEN * self._levels
        self._wasted = self._wasted + budget.expired if poor and moves and not key else 0.0
        self._since_key = 0 if key else self._since_key + 1
        self._since_rise += 1
        # Two key frames within two windows would break the promise; with one frame a query a group is as short anyway.
        rested = budget.sparse or self._since_key >= REST_WINDOWS * budget.window_frames - 1
        # Deep in debt at the coarsest quality, or steps so far apart that bits are left: smaller frames from now on.
        sunk = level == 0 and budget.balance < -SUNK
        cliff = rested and not budget.sparse and self._wasted > WASTED and budget.expired > 0
        falls = (sunk or cliff) and self.fall(downsample, budget.sparse, 0.0 if sunk else CLIFF_FALL)
        # Well off for long at a rate point below the one that serves the target: larger frames again.
        finer = [n for _, n in rungs if downsample < n <= rate_point(rungs, budget.usual / pixels)]
        good = not poor and budget.balance > -SUNK
        self._well_off = self._well_off + 1 if finer and good else 0
        patience = 1 if budget.sparse else self._patience
        rises = self._well_off > patience * RISE_WINDOWS * budget.window_frames and rested and not budget.owing
        if rises:
            # One rung at a time where frames follow fast: the largest may be what failed.
            self._cap = max(self._cap, min(finer)) if budget.sparse else min(finer)
            self._well_off, self._risen, self._since_rise = 0, True, 0
        elif self._risen and self._since_rise > PATIENCE * RISE_WINDOWS * budget.window_frames:
            self._risen, self._patience = False, 1  # it was right to rise
        return falls or rises
