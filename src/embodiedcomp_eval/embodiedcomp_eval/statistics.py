"""Intervals and tests on paired binary outcomes: what a success rate is worth, and whether two of them differ.

Outcomes are always arrays ``(N,) bool``, one entry per seed, and two arrays that are compared hold the same seeds in
the same order. Everything here is two-sided at the confidence asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, norm, spearmanr

Outcomes = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PairedDifference:
    """``SR(candidate) - SR(anchor)`` over the same seeds, with its interval and the exact McNemar test.

    gained, lost: seeds where only the candidate, or only the anchor, succeeded.
    """

    seeds: int
    gained: int
    lost: int
    difference: float
    low: float
    high: float
    p_value: float


def wilson(successes: int, episodes: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a rate. Of no episodes nothing is known: ``(0, 1)``."""
    if not 0 <= successes <= episodes:
        raise ValueError(f"{successes} successes of {episodes} episodes: must be 0 <= successes <= episodes")
    if episodes == 0:
        return 0.0, 1.0
    interval = binomtest(successes, episodes).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar_exact(gained: int, lost: int) -> float:
    """p-value of the exact McNemar test: are the discordant seeds split as a fair coin would?"""
    if gained + lost == 0:
        return 1.0
    return float(binomtest(gained, gained + lost, 0.5).pvalue)


def paired_difference(candidate: Outcomes, anchor: Outcomes, confidence: float = 0.95) -> PairedDifference:
    """Compare two outcomes of the same seeds.

    The interval is Newcombe's (1998, method 10: Wilson limits of both rates, squared and added with the correlation of
    the pairs, continuity-corrected), which keeps its coverage near rates of 0 and 1 where a normal one does not.
    """
    if candidate.shape != anchor.shape or candidate.ndim != 1 or not len(candidate):
        raise ValueError(f"paired outcomes need the same seeds, at least one: got {candidate.shape} and {anchor.shape}")
    n = len(candidate)
    both = int(np.sum(candidate & anchor))
    gained = int(np.sum(candidate & ~anchor))
    lost = int(np.sum(~candidate & anchor))
    neither = n - both - gained - lost
    p1, p2 = (both + gained) / n, (both + lost) / n
    low1, high1 = wilson(both + gained, n, confidence)
    low2, high2 = wilson(both + lost, n, confidence)
    phi = _newcombe_phi(both, gained, lost, neither)
    below = (p1 - low1) ** 2 - 2 * phi * (p1 - low1) * (high2 - p2) + (high2 - p2) ** 2
    above = (p2 - low2) ** 2 - 2 * phi * (p2 - low2) * (high1 - p1) + (high1 - p1) ** 2
    difference = p1 - p2
    return PairedDifference(
        seeds=n,
        gained=gained,
        lost=lost,
        difference=difference,
        low=max(-1.0, difference - float(np.sqrt(max(below, 0.0)))),
        high=min(1.0, difference + float(np.sqrt(max(above, 0.0)))),
        p_value=mcnemar_exact(gained, lost),
    )


def _newcombe_phi(both: int, gained: int, lost: int, neither: int) -> float:
    """Correlation of the pairs, shrunk by Newcombe's continuity correction; 0 where a margin is empty."""
    margins = (both + gained) * (lost + neither) * (both + lost) * (gained + neither)
    if margins == 0:
        return 0.0
    determinant = float(both * neither - gained * lost)
    if determinant > 0:
        determinant = max(determinant - (both + gained + lost + neither) / 2, 0)
    return float(determinant / np.sqrt(margins))


def not_below(candidate: Outcomes, anchor: Outcomes, fraction: float = 0.95, confidence: float = 0.95) -> bool:
    """Whether "SR is not below ``fraction`` of the anchor's" may be claimed.

    Only when the lower bound of the paired difference lies above ``-(1 - fraction) * SR(anchor)``.
    """
    margin = (1.0 - fraction) * float(np.mean(anchor))
    return paired_difference(candidate, anchor, confidence).low >= -margin


def ratio_z(candidate: Outcomes, anchor: Outcomes, fraction: float = 0.95) -> float:
    """How clearly ``SR(candidate)`` lies above (positive) or below (negative) ``fraction * SR(anchor)``, in standard
    normal units, from paired outcomes: 1.96 is one-sided p = 0.025.

    The test statistic is ``successes(candidate) - fraction * successes(anchor)``. Its distribution under equality is
    computed exactly (as the n-fold convolution of one pair's), at the pair probabilities that are most likely under
    equality (Nam and Blackwelder 2002 give them in closed form), and the p-value is the mid-p: unlike a normal
    approximation it holds near rates of 1, where thresholds lie.
    """
    if candidate.shape != anchor.shape or candidate.ndim != 1:
        raise ValueError(f"paired outcomes need the same seeds: got {candidate.shape} and {anchor.shape}")
    both, only_candidate = int(np.sum(candidate & anchor)), int(np.sum(candidate & ~anchor))
    only_anchor = int(np.sum(~candidate & anchor))
    return _ratio_z(both, only_candidate, only_anchor, len(candidate), fraction)


@lru_cache(maxsize=65536)
def _ratio_z(both: int, only_candidate: int, only_anchor: int, n: int, fraction: float) -> float:
    some = both + only_candidate + only_anchor
    if not some:
        return 0.0
    mass = some / n
    # the larger root of the likelihood equation in the chance of "only the anchor"
    b = mass * ((both + only_anchor) * (1 - fraction**2) + only_candidate + only_anchor)
    root = max(b * b - 4 * (1 + fraction) * some * only_anchor * (1 - fraction) * mass * mass, 0.0)
    p_anchor = (b + root**0.5) / (2 * (1 + fraction) * some)
    p_both = max((mass - (1 + fraction) * p_anchor) / fraction, 0.0)
    p_candidate = max(mass - p_anchor - p_both, 0.0)
    # with fraction = r / q the statistic moves in steps of 1 / q
    ratio = Fraction(fraction).limit_denominator(100)
    r, q = ratio.numerator, ratio.denominator
    size = 1 << (n * (q + r)).bit_length()
    one = np.zeros(size)
    for step, chance in ((q - r, p_both), (q, p_candidate), (-r, p_anchor), (0, 1 - mass)):
        one[step % size] += chance
    total = np.maximum(np.fft.irfft(np.fft.rfft(one) ** n, size), 0.0)
    found = (q - r) * both + q * only_candidate - r * only_anchor
    ordered = np.roll(total, r * n)
    here, middle = r * n + found, ordered[r * n + found] / 2
    above, below = ordered[here + 1 : n * (q + r) + 1].sum() + middle, ordered[:here].sum() + middle
    sign, p = (1.0, above) if above < below else (-1.0, below)
    return sign * float(norm.isf(max(p, 1e-12)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given."""
    # statsmodels takes seconds to import and only a comparison of several codecs needs it
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(list(p_values), method="holm")[1]] if p_values else []


def mean_interval(
    values: npt.ArrayLike, confidence: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Bootstrap interval (percentiles) of the mean of ``values (N,)``; NaN of none."""
    sample = np.asarray(values, dtype=np.float64)
    if not len(sample):
        return float("nan"), float("nan")
    means = np.random.default_rng(seed).choice(sample, (draws, len(sample))).mean(axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rho between a metric and the success rate over ``points`` rate points; NaN where undefined."""

    points: int
    rho: float
    p_value: float


def rank_correlation(metric: Sequence[float], success_rate: Sequence[float]) -> RankCorrelation:
    """How well a cheap metric orders rate points as the success rate does. Points without the metric are left out."""
    x, y = np.asarray(metric, dtype=np.float64), np.asarray(success_rate, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(f"a metric value per rate point is needed: got {x.shape} and {y.shape}")
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return RankCorrelation(len(x), float("nan"), float("nan"))
    found = spearmanr(x, y)
    return RankCorrelation(len(x), float(found.statistic), float(found.pvalue))
