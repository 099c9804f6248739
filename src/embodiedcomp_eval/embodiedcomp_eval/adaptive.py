"""Finds one codec's threshold with few episodes: the search decides which rate is run next, and on which seeds.

The interval is that of the full grid (``threshold.interval``: from the highest rate shown to be too low to the lowest
shown to be enough, paired tests, nothing assumed but that success rises with the rate). Two rates well placed give it; a
grid spends most of its episodes on rates that bear on neither end. The search therefore asks, again and again: which rate,
run on how many seeds, shortens the interval most for an episode? How likely a run is to show anything is predicted by a
Bayesian model (success is logistic in log rate with a lapse, the family of the psi method of Kontsevich and Tyler 1999);
the model only proposes, and a wrong one costs episodes, not truth. A run that has become hopeless is given up; a run that
goes well is never ended before its planned number of seeds, since stopping on a good look would be a false proof.

The search is a function of the outcomes alone: killed and started again on the same outcomes, it asks the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from embodiedcomp_eval.statistics import ratio_z
from embodiedcomp_eval.threshold import FRACTION, WINDOW, interval, nearest_outcomes

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SHARE = 1 / 3
"""Of the full grid's episodes: the search's budget (the uncompressed run, which all codecs share, counts on neither side)."""
CRITICAL = 1.96
"""Standard normal units: what a paired test must reach, two-sided 95 %."""
SPREADS = np.geomspace(0.03, 0.9, 9)
"""Of the logistic function, in log rate: from a cliff to a slope over a decade."""
LAPSES = np.array([0.0, 0.005, 0.02, 0.05 - 1e-3])
"""Chance of failing at any rate however high."""
PLANS = (0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
"""Shares of the seeds that a run may be planned for."""
BLOCK = 10
"""Episodes between two decisions: they run in parallel."""
HOPELESS = 0.2
"""A run whose chance of showing anything falls below this is given up."""
OPEN_END = 8
"""How many rates' worth it is to close an end of the interval that is still open."""
LEVELS: Floats = np.concatenate([np.linspace(5e-4, 0.9, 100), np.linspace(0.9, 0.9995, 200)[1:]])
"""Success rates at which binomial chances are tabulated."""


@dataclass(frozen=True)
class Block:
    """Episodes to run next: seeds (as indices ``0..N-1``) at one of the rates (as an index)."""

    rate: int
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class _Plan:
    """Run ``rate`` until ``seeds`` seeds bear on it, to show that it is enough (side +1) or too low (-1)."""

    rate: int
    seeds: int
    side: int


class ThresholdSearch:
    """Ask ``next_block``, run it, tell ``update``; repeat until None. The interval is then ``threshold``'s."""

    def __init__(self, rates: Sequence[float], baseline: Bools, budget: int) -> None:
        """rates: that may be tried, ascending. baseline: ``(N,)``, success of the uncompressed run. budget: episodes."""
        self.rates: Floats = np.asarray(rates, dtype=np.float64)
        if len(self.rates) < 2 or self.rates[0] <= 0 or (np.diff(self.rates) <= 0).any():
            raise ValueError(f"the rates to search must be positive and ascending, at least two: found {list(rates)}")
        if not baseline.any():
            raise ValueError("the uncompressed run solves none of the seeds: there is no threshold to find")
        self.baseline = baseline
        self.budget = budget
        shape = (len(self.rates), len(baseline))
        self.ran, self.success = np.zeros(shape, bool), np.zeros(shape, bool)
        self._chances = _chances(np.log(self.rates))
        self._level = np.searchsorted(LEVELS, self._chances).clip(0, len(LEVELS) - 1).reshape(len(self.rates), -1)
        self._log_posterior = np.zeros(self._chances[0].size)
        self._plan: _Plan | None = None

    @property
    def episodes(self) -> int:
        """Taken in so far."""
        return int(self.ran.sum())

    def next_block(self) -> Block | None:
        """The episodes to run next; None when the budget is spent or nothing can shorten the interval."""
        if self._plan is None or not self._fresh(self._plan) or self._hopeless(self._plan):
            self._plan = self._choose()
        if self._plan is None:
            return None
        return Block(self._plan.rate, tuple(self._fresh(self._plan)[: min(BLOCK, self.budget - self.episodes)]))

    def update(self, rate: int, seed: int, success: bool) -> None:
        """Take in an episode's outcome."""
        self.ran[rate, seed], self.success[rate, seed] = True, success
        if self.baseline[seed]:
            chance = self._chances[rate].ravel()
            self._log_posterior += np.log(chance if success else 1.0 - chance)

    def _choose(self) -> _Plan | None:
        """The plan that is expected to shorten the interval most for an episode."""
        low, high = self._ends()
        best, best_value = None, 0.0
        for rate in range(low + 1, high):
            belief = self._belief(rate)
            for side in (+1, -1):
                gain = high - rate if side > 0 else rate - low
                gain += OPEN_END * ((side > 0 and high == len(self.rates)) or (side < 0 and low == -1))
                has, outcome = self._bearing(rate, side)
                for share in PLANS:
                    plan = _Plan(rate, round(share * len(self.baseline)), side)
                    episodes = plan.seeds - int(has.sum())
                    if not 0 < episodes <= self.budget - self.episodes:
                        continue
                    win = self._win(plan, belief, has, outcome)
                    cost = win * episodes + (1 - win) * min(episodes, BLOCK + 0.25 * episodes)
                    if win * gain / cost > best_value:
                        best, best_value = plan, win * gain / cost
        return best

    def _ends(self) -> tuple[int, int]:
        """Indices of the rates that end the interval now; -1 and ``len(rates)`` where an end is open."""
        tried = self.ran.any(axis=1)
        if not tried.any():
            return -1, len(self.rates)
        low, high = interval(self.rates[tried], self.ran[tried], self.success[tried], self.baseline)
        # beyond the outermost rate tried there is nothing to find either
        first = len(self.rates) if low == np.inf else int(np.searchsorted(self.rates, low, side="right")) - 1
        last = -1 if high == -np.inf else int(np.searchsorted(self.rates, high))
        tried_at = np.flatnonzero(tried)
        return min(first, int(tried_at[-1])), max(last, int(tried_at[0]))

    def _fresh(self, plan: _Plan) -> list[int]:
        """Seeds that the plan still lacks, in order."""
        has, _ = self._bearing(plan.rate, plan.side)
        return [int(seed) for seed in np.flatnonzero(~has)[: max(plan.seeds - int(has.sum()), 0)]]

    def _bearing(self, rate: int, side: int) -> tuple[Bools, Bools]:
        """Seeds with an episode that bears on the rate, and its outcome."""
        near = np.flatnonzero(np.abs(np.log(self.rates / self.rates[rate])) <= np.log(WINDOW) + 1e-9)
        return nearest_outcomes(self.rates[near], self.ran[near], self.success[near], float(self.rates[rate]), side)

    def _belief(self, rate: int) -> Floats:
        """``(LEVELS,)``: how likely each success rate is there."""
        weights = np.exp(self._log_posterior - self._log_posterior.max())
        return np.bincount(self._level[rate], weights, len(LEVELS)) / weights.sum()

    def _hopeless(self, plan: _Plan) -> bool:
        return self._win(plan, self._belief(plan.rate), *self._bearing(plan.rate, plan.side)) < HOPELESS

    def _win(self, plan: _Plan, belief: Floats, has: Bools, outcome: Bools) -> float:
        """Predicted chance that the plan, carried to its end, shows what it is meant to show."""
        lost = int(self.baseline[has].sum()) - int(outcome[has].sum())
        left = max(plan.seeds - int(has.sum()), 0)
        gained = round(left * self._gains())
        most, fewest = _limits(plan.seeds)
        table = _at_most(left, most - lost + gained) if plan.side > 0 else _at_least(left, fewest - lost + gained)
        return float(table @ belief)

    def _gains(self) -> float:
        """How often a seed that the uncompressed run failed is solved, per episode."""
        return float((self.success & ~self.baseline).sum()) / max(self.episodes, 20)


def _chances(log_rates: Floats) -> Floats:
    """``(R, T, S, L)``: success on a seed that the uncompressed run solves, at each rate under each (threshold, spread,
    lapse), kept off 0 and 1."""
    thresholds = np.linspace(log_rates[0] - 0.2, log_rates[-1] + 0.2, 50)
    top = 1.0 - LAPSES
    middle = thresholds[:, None, None] - np.log(FRACTION / (top - FRACTION)) * SPREADS[:, None]
    scaled = (log_rates[:, None, None, None] - middle) / SPREADS[:, None]
    return np.asarray(np.clip(top / (1.0 + np.exp(-np.clip(scaled, -50, 50))), 1e-3, 0.9995), dtype=np.float64)


@lru_cache(maxsize=1024)
def _limits(seeds: int) -> tuple[int, int]:
    """Most seeds lost of so many that still show a rate to be enough (-1: not even none), fewest that show it too low."""
    baseline = np.ones(seeds, bool)
    z = [ratio_z(np.arange(seeds) >= lost, baseline, FRACTION) for lost in range(seeds + 1)]
    most = max((lost for lost, value in enumerate(z) if value >= CRITICAL), default=-1)
    fewest = min((lost for lost, value in enumerate(z) if value <= -CRITICAL), default=seeds + 1)
    return most, fewest


@lru_cache(maxsize=4096)
def _at_most(left: int, lost: int) -> Floats:
    """Chance of losing at most so many of the seeds left, at each of LEVELS."""
    return np.asarray(binom.cdf(lost, left, 1 - LEVELS), dtype=np.float64)


@lru_cache(maxsize=4096)
def _at_least(left: int, lost: int) -> Floats:
    return np.asarray(binom.sf(lost - 1, left, 1 - LEVELS), dtype=np.float64)
