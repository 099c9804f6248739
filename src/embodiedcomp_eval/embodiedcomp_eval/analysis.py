"""What a sweep says: thresholds, savings, comparisons and rank correlations, from its points. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval import statistics
from embodiedcomp_eval.points import RIVALS, Point, Reference
from embodiedcomp_eval.sweep_config import UNCOMPRESSED, Comparison
from embodiedcomp_eval.threshold import Curve, Saving, Threshold, bit_saving, threshold

EQUAL_RATE = 1.02
"""Two codecs are compared at achieved rates within 2 %, or where the better one used less."""
NEAR_RATE = 1.5
"""How far apart, as a ratio, rates may lie for two points to be set beside each other at all."""


@dataclass(frozen=True)
class CurveResult:
    """A codec's threshold in payload bpp and in bit/s, and its average bit saving against the sweep's anchor curve."""

    name: str
    points: int
    seeds: int
    threshold_bpp: Threshold
    threshold_bps: Threshold
    saving: Saving | None


@dataclass(frozen=True)
class ComparisonResult:
    """A paired comparison. kind: primary, secondary (p Holm-adjusted among them) or exploratory (p as it is).

    Rates are of the seeds that both ran. fair: they allow it (see EQUAL_RATE), or the anchor is uncompressed.
    not_below: "the candidate's SR is not below 0.95 of the anchor's" may be claimed.
    """

    kind: str
    candidate: str
    anchor: str
    candidate_bpp: float
    anchor_bpp: float
    fair: bool
    difference: statistics.PairedDifference
    p_adjusted: float
    not_below: bool


def curves(points: Sequence[Point]) -> dict[str, list[Point]]:
    """Points by curve, those without an episode left out; uncompressed runs and trivial rivals are no curves."""
    grouped: dict[str, list[Point]] = {}
    for point in points:
        if len(point.seeds) and point.options["codec"] not in (UNCOMPRESSED, *RIVALS):
            grouped.setdefault(point.curve, []).append(point)
    return grouped


def make_curve(points: Sequence[Point], reference: Reference, seeds: Sequence[int], per_second: bool = False) -> Curve:
    """The points' outcomes on ``seeds``, all of which the reference must have; bits per pixel or per second."""
    column = {seed: i for i, seed in enumerate(seeds)}
    shape = (len(points), len(seeds))
    ran, success = np.zeros(shape, bool), np.zeros(shape, bool)
    bits, measure = np.zeros(shape), np.zeros(shape)
    for row, point in enumerate(points):
        for i, seed in enumerate(point.seeds.tolist()):
            if seed in column:
                at = (row, column[seed])
                ran[at], success[at], bits[at] = True, point.success[i], point.capped_bits[i]
                measure[at] = point.capped_seconds[i] if per_second else point.capped_pixels[i]
    return Curve(ran, success, bits, measure, np.array([reference.success[seed] for seed in seeds]))


def curve_results(
    points: Sequence[Point], references: Mapping[str, Reference], anchor: Mapping[str, Any], draws: int = 2000
) -> list[CurveResult]:
    """One result per curve that has a reference. references: point name -> its uncompressed run.

    anchor: options that select the curve against which savings are given; empty: none.
    """
    grouped = curves(points)
    anchors = {name for name, of in grouped.items() if anchor and all(of[0].options[k] == v for k, v in anchor.items())}
    results = []
    for name, of in grouped.items():
        reference = references.get(of[0].name)
        if reference is None:
            continue
        seeds = _shared(of, reference)
        kept = [point for point in of if set(point.seeds.tolist()) & set(seeds)]
        if not kept:
            continue
        same = [other for other in anchors if references.get(grouped[other][0].name) is reference and other != name]
        saving = None
        if len(same) == 1:
            both = sorted(set(seeds) & set(_shared(grouped[same[0]], reference)))
            pair = [[p for p in side if set(p.seeds.tolist()) & set(both)] for side in (of, grouped[same[0]])]
            if both and all(pair):
                saving = bit_saving(
                    make_curve(pair[0], reference, both), make_curve(pair[1], reference, both), draws=draws
                )
        results.append(
            CurveResult(
                name=name,
                points=len(kept),
                seeds=len(seeds),
                threshold_bpp=threshold(make_curve(kept, reference, seeds)),
                threshold_bps=threshold(make_curve(kept, reference, seeds, per_second=True)),
                saving=saving,
            )
        )
    return results


def _shared(points: Sequence[Point], reference: Reference) -> list[int]:
    """Seeds of any of the points that the reference has too."""
    return sorted({seed for point in points for seed in point.seeds.tolist()} & set(reference.success))


def compare(candidate: Point, anchor: Point, kind: str = "exploratory") -> ComparisonResult | None:
    """Paired comparison on the seeds that both have; None without any."""
    shared, first, second = np.intersect1d(candidate.seeds, anchor.seeds, return_indices=True)
    if not len(shared):
        return None
    a, b = candidate.success[first], anchor.success[second]
    difference = statistics.paired_difference(a, b)
    # Pooled over the shared seeds alone; and once more without the idling of failed episodes, which flatters inter coding.
    rates = (_rate(candidate.bits, candidate.pixels, first), _rate(anchor.bits, anchor.pixels, second))
    capped = (
        _rate(candidate.capped_bits, candidate.capped_pixels, first),
        _rate(anchor.capped_bits, anchor.capped_pixels, second),
    )
    return ComparisonResult(
        kind=kind,
        candidate=candidate.name,
        anchor=anchor.name,
        candidate_bpp=rates[0],
        anchor_bpp=rates[1],
        fair=anchor.options["codec"] == UNCOMPRESSED
        or all(_rates_allow(difference.difference, *pair) for pair in (rates, capped)),
        difference=difference,
        p_adjusted=difference.p_value,
        not_below=statistics.not_below(a, b),
    )


def _rate(bits: npt.NDArray[np.float64], pixels: npt.NDArray[np.float64], which: npt.NDArray[np.intp]) -> float:
    total = float(pixels[which].sum())
    return float(bits[which].sum()) / total if total else float("nan")


def _rates_allow(difference: float, candidate: float, anchor: float) -> bool:
    """Did the better one use less, or were the rates equal? Of two equally good ones that which used less is better."""
    low, high = sorted((candidate, anchor))
    if difference == 0 or high <= low * EQUAL_RATE:
        return True
    return (candidate < anchor) == (difference > 0)


def comparisons(
    points: Sequence[Point],
    references: Mapping[str, Reference],
    primary: Comparison | None,
    secondary: Sequence[Comparison],
    anchor: Mapping[str, Any] | None = None,
) -> list[ComparisonResult]:
    """The declared comparisons; then, exploratory, every point against its uncompressed run, and against the anchor
    curve's point of the nearest rate. anchor: as in ``curve_results``."""
    by_name = {point.name: point for point in points}
    results = []
    if primary is not None:
        results.append(compare(by_name[primary.candidate], by_name[primary.anchor], "primary"))
    declared = [compare(by_name[c.candidate], by_name[c.anchor], "secondary") for c in secondary]
    known = [result for result in declared if result is not None]
    adjusted = statistics.holm([result.difference.p_value for result in known])
    results += [ComparisonResult(**{**_shallow(r), "p_adjusted": p}) for r, p in zip(known, adjusted, strict=True)]
    done = {(r.candidate, r.anchor) for r in results if r is not None}
    for point in points:
        reference = references.get(point.name)
        if reference is not None and reference.name != point.name and (point.name, reference.name) not in done:
            results.append(compare(point, by_name[reference.name]))
    for point, other in _nearest(points, references, anchor or {}):
        if (point.name, other.name) not in done:
            results.append(compare(point, other))
    return [result for result in results if result is not None]


def _nearest(
    points: Sequence[Point], references: Mapping[str, Reference], anchor: Mapping[str, Any]
) -> list[tuple[Point, Point]]:
    """Each point of another curve beside the anchor curve's point of the nearest rate, where that is less than
    NEAR_RATE times as much or as little."""
    grouped = curves(points)
    anchors = [name for name, of in grouped.items() if anchor and all(of[0].options[k] == v for k, v in anchor.items())]
    if len(anchors) != 1:
        return []
    others = grouped[anchors[0]]
    found = []
    for name, of in grouped.items():
        if name == anchors[0] or references.get(of[0].name) is not references.get(others[0].name):
            continue
        for point in of:
            distance = [abs(float(np.log(point.payload_bpp / other.payload_bpp))) for other in others]
            nearest = int(np.argmin(distance))
            if distance[nearest] < np.log(NEAR_RATE):
                found.append((point, others[nearest]))
    return found


def _shallow(result: ComparisonResult) -> dict[str, Any]:
    return {name: getattr(result, name) for name in result.__dataclass_fields__}


def rank_correlations(rows: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> dict[str, dict[str, float]]:
    """Spearman's rho of each metric with the success rate over the rows that have it: which cheap metric predicts SR?"""
    rates = [float(row["success_rate"]) for row in rows]
    found = {}
    for metric in metrics:
        values = [float("nan") if row.get(metric) is None else float(row[metric]) for row in rows]
        found[metric] = asdict(statistics.rank_correlation(values, rates))
    return found


def headline(points: Sequence[Point], references: Mapping[str, Reference]) -> list[str]:
    """Warnings that belong beside every headline: rivals that do too well, and an A/A test that fails."""
    warnings = []
    for point in points:
        reference = references.get(point.name)
        if reference is None or not len(point.seeds):
            continue
        shared = [(bool(s), reference.success[n]) for n, s in zip(point.seeds.tolist(), point.success, strict=True)
                  if n in reference.success]  # fmt: skip
        if not shared:
            continue
        rate, base = (sum(side) / len(shared) for side in zip(*shared, strict=True))
        codec, task = point.options["codec"], point.options["task"]
        if codec == "first-frame-only" and rate > base / 2 and not task.endswith("_moved"):
            warnings.append(
                f"{point.curve}: one picture per episode reaches {rate:.2f} of {base:.2f}, more than half: "
                f"the headline belongs to {task}_moved"
            )
        if codec == "none-noise":
            compressed, clean = (np.array(side) for side in zip(*shared, strict=True))
            difference = statistics.paired_difference(compressed, clean)
            if difference.p_value < 0.05:
                warnings.append(f"{point.curve}: the A/A test differs from uncompressed, p = {difference.p_value:.3g}")
    return warnings
