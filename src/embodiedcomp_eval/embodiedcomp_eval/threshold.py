"""The embodied bitrate threshold: the rate below which the success rate falls under 0.95 of the uncompressed one.

The value is where a monotone (isotonic) fit of the success rate against log rate, interpolated linearly between the rate
points, reaches that. The interval runs from the highest rate that is shown to be too low to the lowest that is shown to
be enough, each by a paired test over whole seeds against the uncompressed run. It takes for granted that the success rate
rises with the rate, and nothing about its shape between the points tried: it is never narrower than the gap between two of
them (docs/decisions/0050). The answer may be censored: every point good enough ("at most" the lowest rate tried) or none
("not reached"). Average savings have no such test: there whole seeds are bootstrapped jointly over both curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from scipy.stats import norm

from embodiedcomp_eval.statistics import ratio_z

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FRACTION = 0.95
"""Of the uncompressed success rate: the definition of the threshold."""
WINDOW = 1.25
"""An episode also counts as evidence at rates up to so many times as high (that they are enough) or as low (that they are
not): with more bits it would not have gone worse."""


@dataclass(frozen=True)
class Curve:
    """One codec's outcomes at P rate points over N seeds, beside the uncompressed run of the same seeds.

    ran: ``(P, N) bool``, whether the point was run on the seed (what was not run is left out, not failed).
    success: ``(P, N) bool``. baseline: ``(N,) bool``, success of the uncompressed episode.
    bits, measure: ``(P, N)``; a point's rate is the sum of the one over the sum of the other, so ``measure`` holds
    pixels for bits per pixel, or seconds for bits per second.
    """

    ran: npt.NDArray[np.bool_]
    success: npt.NDArray[np.bool_]
    bits: Floats
    measure: Floats
    baseline: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        shapes = {a.shape for a in (self.ran, self.success, self.bits, self.measure)}
        if len(shapes) != 1 or self.ran.ndim != 2 or self.baseline.shape != self.ran.shape[1:]:
            raise ValueError(f"a curve needs (points, seeds) arrays and a (seeds,) baseline: got {sorted(shapes)}")
        if not self.ran.any(axis=1).all():
            raise ValueError("a rate point of the curve has no episode")


@dataclass(frozen=True)
class Threshold:
    """A rate with its 95 % interval, in the curve's unit. Ends outside the rates tried are -inf or inf (censored).

    value: -inf where already the lowest rate is good enough ("at most ``smallest``"), inf where none is.
    target: the success rate asked for. smallest, largest: the lowest and the highest rate tried.
    """

    value: float
    low: float
    high: float
    target: float
    smallest: float
    largest: float

    def __str__(self) -> str:
        return f"{self._say(self.value)} [{self._say(self.low)}, {self._say(self.high)}]"

    def _say(self, rate: float) -> str:
        if rate == -np.inf:
            return f"≤ {self.smallest:.4g}"
        if rate == np.inf:
            return "not reached" if self.value == np.inf else f"> {self.largest:.4g}"
        return f"{rate:.4g}"


@dataclass(frozen=True)
class Saving:
    """Average saving of bits at equal success rate: -0.3 means 30 % fewer bits than the anchor. NaN where the curves
    share no range of success rates; the interval is NaN where more than 5 % of the bootstrap draws share none."""

    value: float
    low: float
    high: float
    success_low: float
    success_high: float


def capped(per_query: Sequence[float], queries: int) -> float:
    """Sum over at most ``queries`` queries: a failed episode idles before a still scene, and may not be paid for it."""
    return float(sum(per_query[:queries]))


def monotone_fit(rates: Floats, success_rates: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Isotonic least squares of ``success_rates (P,)`` on ``rates (P,)``: sorted log rates, and the fit at each."""
    order = np.lexsort((success_rates, rates))
    fit = isotonic_regression(success_rates[order], weights=weights[order]).x
    return np.log(rates[order]), np.asarray(fit, dtype=np.float64)


def crossing(log_rates: Floats, fit: Floats, target: float) -> float:
    """Lowest log rate at which the interpolated fit reaches ``target``; -inf or inf where that lies outside."""
    reached = np.flatnonzero(fit >= target - 1e-12)
    if not len(reached):
        return float("inf")
    i = int(reached[0])
    if i == 0:
        return float("-inf")
    share = (target - fit[i - 1]) / (fit[i] - fit[i - 1])
    return float(log_rates[i - 1] + share * (log_rates[i] - log_rates[i - 1]))


def threshold(curve: Curve, fraction: float = FRACTION, confidence: float = 0.95) -> Threshold:
    """The threshold of a curve with its interval."""
    ones = np.ones(curve.ran.shape[1])
    rates, _, _, sent = _points(curve, ones)
    value = _exp(_log_threshold(curve, ones, fraction))
    low, high = interval(rates, curve.ran[sent], curve.success[sent], curve.baseline, fraction, confidence)
    return Threshold(
        value=value,
        low=min(low, value),
        high=max(high, value),
        target=fraction * float(np.mean(curve.baseline)),
        smallest=float(rates.min(initial=np.inf)),
        largest=float(rates.max(initial=-np.inf)),
    )


def bootstrap_interval(
    curve: Curve, fraction: float = FRACTION, draws: int = 2000, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Percentiles of the threshold over samples of whole seeds: what ``interval`` replaced, kept to be measured against."""
    n = curve.ran.shape[1]
    low, high = _percentiles(np.array([_log_threshold(curve, w, fraction) for w in _draws(n, draws, seed)]), confidence)
    return _exp(low), _exp(high)


def interval(
    rates: Floats, ran: Bools, success: Bools, baseline: Bools, fraction: float = FRACTION, confidence: float = 0.95
) -> tuple[float, float]:
    """Highest of ``rates (P,)`` shown to be too low, and lowest shown to be enough; ran, success: ``(P, N)``.

    -inf: already the lowest rate is enough, or none is too low. inf: the other way round.
    """
    if not len(rates):
        return -np.inf, np.inf
    critical = float(norm.isf((1 - confidence) / 2))
    too_low = [rate for rate in rates if _evidence(rates, ran, success, baseline, rate, -1, fraction) <= -critical]
    enough = [rate for rate in rates if _evidence(rates, ran, success, baseline, rate, +1, fraction) >= critical]
    low = float(max(too_low, default=-np.inf))
    high = float(min(enough, default=np.inf))
    low, high = min(low, high), max(low, high)
    return np.inf if low >= rates.max() else low, -np.inf if high <= rates.min() else high


def nearest_outcomes(rates: Floats, ran: Bools, success: Bools, rate: float, side: int) -> tuple[Bools, Bools]:
    """Which seeds ``(N,)`` have an episode within WINDOW of ``rate``, at or below it (side +1) or at or above it (-1), and
    the outcome of the nearest of them."""
    has, outcome = np.zeros(ran.shape[1], bool), np.zeros(ran.shape[1], bool)
    distance = side * np.log(rate / rates)
    for row in np.argsort(distance, kind="stable"):
        if -1e-9 <= distance[row] <= np.log(WINDOW):
            new = ran[row] & ~has
            outcome[new] = success[row, new]
            has |= new
    return has, outcome


def _evidence(
    rates: Floats, ran: Bools, success: Bools, baseline: Bools, rate: float, side: int, fraction: float
) -> float:
    """In standard normal units, that ``rate`` is enough (positive) or too low (negative)."""
    has, outcome = nearest_outcomes(rates, ran, success, rate, side)
    return ratio_z(outcome[has], baseline[has], fraction)


def bit_saving(candidate: Curve, anchor: Curve, draws: int = 2000, confidence: float = 0.95, seed: int = 0) -> Saving:
    """Bjøntegaard's idea on SR–log rate: mean log ratio of the rates over the success rates both curves reach.

    Both curves hold the same seeds in the same order, and are resampled jointly.
    """
    n = candidate.ran.shape[1]
    if anchor.ran.shape[1] != n:
        raise ValueError(f"both curves need the same seeds: got {n} and {anchor.ran.shape[1]}")
    value, low_sr, high_sr = _log_ratio(candidate, anchor, np.ones(n))
    ratios = np.array([_log_ratio(candidate, anchor, w)[0] for w in _draws(n, draws, seed)])
    known = ratios[np.isfinite(ratios)]
    low, high = _percentiles(known, confidence) if len(known) >= 0.95 * draws else (np.nan, np.nan)
    return Saving(float(np.expm1(value)), float(np.expm1(low)), float(np.expm1(high)), low_sr, high_sr)


def _exp(log_rate: float) -> float:
    return log_rate if np.isinf(log_rate) else float(np.exp(log_rate))


def _draws(seeds: int, draws: int, seed: int) -> npt.NDArray[np.float64]:
    """``(draws, seeds)``: how often each seed is in each bootstrap sample."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws).astype(np.float64)


def _points(curve: Curve, weights: Floats) -> tuple[Floats, Floats, Floats, Bools]:
    """Rate, success rate and episode count of the points that the weighted seeds reach and that sent anything; which
    points ``(P,)`` these are."""
    ran = curve.ran * weights
    count, measure = ran.sum(axis=1), (ran * curve.measure).sum(axis=1)
    bits = (ran * curve.bits).sum(axis=1)
    kept = (count > 0) & (bits > 0)
    return bits[kept] / measure[kept], (ran * curve.success).sum(axis=1)[kept] / count[kept], count[kept], kept


def _log_threshold(curve: Curve, weights: Floats, fraction: float) -> float:
    rates, success_rates, count, _ = _points(curve, weights)
    if not len(rates):
        return float("inf")
    target = fraction * float((curve.baseline * weights).sum() / weights.sum())
    return crossing(*monotone_fit(rates, success_rates, count), target)


def _percentiles(values: Floats, confidence: float) -> tuple[float, float]:
    """Ends of the central interval; order statistics, since a mean of inf and a number says nothing."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)


def _log_ratio(candidate: Curve, anchor: Curve, weights: Floats) -> tuple[float, float, float]:
    """Mean over the shared success rates of log(rate of candidate / rate of anchor), and the range they share."""
    fits = []
    for curve in (candidate, anchor):
        rates, success_rates, count, _ = _points(curve, weights)
        if not len(rates):
            return float("nan"), float("nan"), float("nan")
        fits.append(monotone_fit(rates, success_rates, count))
    low = max(fit[0] for _, fit in fits)
    high = min(fit[-1] for _, fit in fits)
    if not high > low:
        return float("nan"), float("nan"), float("nan")
    # between neighbouring breakpoints both inverse fits are straight lines: the midpoint gives their exact integral
    levels = np.unique(np.clip(np.concatenate([fit for _, fit in fits]), low, high))
    middle, width = (levels[1:] + levels[:-1]) / 2, np.diff(levels)
    inverse = [np.interp(middle, fit, logs) for logs, fit in fits]
    return float(np.sum((inverse[0] - inverse[1]) * width) / (high - low)), float(low), float(high)
