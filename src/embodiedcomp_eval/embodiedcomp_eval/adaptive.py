"""Finds one codec's threshold with few episodes: each next rate is the one from which most is learnt.

Method: the *psi* method (Kontsevich and Tyler 1999), Bayesian adaptive estimation of a psychometric function. On seeds
that the uncompressed run solves, the chance of success is a logistic function of log rate with a lapse rate; the
threshold is where it reaches 0.95. A posterior over (threshold, spread, lapse) on a grid chooses the rate whose outcome is
expected to leave the least entropy about the threshold. A Bayesian posterior does not care why one stopped, so looking at
it after every episode costs nothing. The interval is a bootstrap of whole seeds around the posterior median, because
several episodes share a seed and a hard scene is hard at every rate.

What it takes for granted, and the full grid's monotone fit does not: the logistic shape, and that a seed which the
uncompressed run fails is failed at every rate. What it does not give is the rest of the curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.threshold import FRACTION

Floats = npt.NDArray[np.float64]

SPREADS = np.geomspace(0.06, 0.9, 10)
"""Of the logistic function, in log rate: from a cliff to a slope over a decade."""
LAPSES = np.array([0.0, 0.01, 0.02, 0.04])
"""Chance of failing at any rate however high."""
CANDIDATES = 25
SHARE = 1 / 3
"""Of the full grid's episodes: the search's budget."""


@dataclass(frozen=True)
class Estimate:
    """Median and 95 % interval of the threshold, in the unit of the rates, after ``episodes``.

    at_end: the interval comes within one candidate rate of the end of those that may be tried: read it as censored there.
    """

    value: float
    low: float
    high: float
    episodes: int
    at_end: bool

    @property
    def width(self) -> float:
        """Of the interval, in log rate."""
        return float(np.log(self.high / self.low))


class ThresholdSearch:
    """Ask ``next_rate``, run an episode there on a seed that the uncompressed run solves, tell ``update``; repeat."""

    def __init__(self, lowest: float, highest: float, levels: int = 80) -> None:
        """lowest, highest: rates that may be tried; the threshold is sought between them."""
        if not 0 < lowest < highest:
            raise ValueError(f"rates must satisfy 0 < lowest < highest, found {lowest:g} and {highest:g}")
        self._thresholds = np.linspace(np.log(lowest), np.log(highest), levels)
        self.candidates: Floats = np.geomspace(lowest, highest, CANDIDATES)
        self._chances = self._chance(np.log(self.candidates))
        self._log_posterior = np.zeros((levels, len(SPREADS), len(LAPSES)))
        self._of_seed: dict[int, Floats] = {}
        self.episodes = 0

    def next_rate(self) -> float:
        """The candidate whose outcome is expected to leave the least entropy about the threshold."""
        posterior = _normalised(self._log_posterior)
        success = np.einsum("rtsl,tsl->rt", self._chances, posterior)
        failure = posterior.sum(axis=(1, 2)) - success
        return float(self.candidates[int(np.argmin(_entropy_left(success) + _entropy_left(failure)))])

    def update(self, seed: int, rate: float, success: bool) -> None:
        """Take in an episode at the rate that was achieved (not the one that was asked for)."""
        chance = self._chance(np.array([np.log(rate)]))[0]
        log_likelihood = np.log(chance if success else 1.0 - chance)
        self._log_posterior += log_likelihood
        self._of_seed[seed] = self._of_seed.get(seed, 0.0) + log_likelihood
        self.episodes += 1

    def estimate(self, draws: int = 400, random_seed: int = 0) -> Estimate:
        """What is known now. With episodes on a single seed, the interval is the posterior's own."""
        low, middle, high = self._quantiles(self._log_posterior)
        if len(self._of_seed) > 1:
            medians = self._bootstrap(draws, random_seed)
            low, high = (float(end) for end in np.quantile(medians, [0.025, 0.975]))
        step = float(np.log(self.candidates[1] / self.candidates[0]))
        at_end = low <= self._thresholds[0] + step or high >= self._thresholds[-1] - step
        return Estimate(float(np.exp(middle)), float(np.exp(low)), float(np.exp(high)), self.episodes, bool(at_end))

    def _bootstrap(self, draws: int, random_seed: int) -> Floats:
        """Posterior medians with whole seeds drawn anew."""
        likelihoods = np.stack([values.ravel() for values in self._of_seed.values()])
        n = len(likelihoods)
        counts = np.random.default_rng(random_seed).multinomial(n, np.full(n, 1 / n), size=draws)
        shape = self._log_posterior.shape
        return np.array([self._quantiles((row @ likelihoods).reshape(shape))[1] for row in counts])

    def _chance(self, log_rates: Floats) -> Floats:
        """``(R, T, S, L)``: success at each rate under each (threshold, spread, lapse), kept off 0 and 1."""
        top = 1.0 - LAPSES
        middle = self._thresholds[:, None, None] - np.log(FRACTION / (top - FRACTION)) * SPREADS[:, None]
        scaled = (log_rates[:, None, None, None] - middle) / SPREADS[:, None]
        return np.clip(top / (1.0 + np.exp(-np.clip(scaled, -50, 50))), 1e-3, 1 - 1e-3)

    def _quantiles(self, log_posterior: Floats) -> tuple[float, float, float]:
        """2.5 %, 50 % and 97.5 % of the threshold, in log rate."""
        weights = _normalised(log_posterior).sum(axis=(1, 2))
        low, middle, high = np.interp([0.025, 0.5, 0.975], np.cumsum(weights), self._thresholds)
        return float(low), float(middle), float(high)


def search_order(seeds: Sequence[int], baseline: Sequence[bool], episodes: int) -> list[int]:
    """The seed of each next episode: those that the uncompressed run solves, in turn. Raises ValueError if none is."""
    solved = [seed for seed, success in zip(seeds, baseline, strict=True) if success]
    if not solved:
        raise ValueError("the uncompressed run solves none of the seeds: there is no threshold to find")
    return [solved[i % len(solved)] for i in range(episodes)]


def _normalised(log_weights: Floats) -> Floats:
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _entropy_left(joint: Floats) -> Floats:
    """``(R,)``: entropy about the threshold after one outcome, times the outcome's chance; joint: ``(R, T)``."""
    total = joint.sum(axis=1, keepdims=True)
    return np.asarray(-(joint * np.log(np.maximum(joint, 1e-300) / total)).sum(axis=1), dtype=np.float64)
