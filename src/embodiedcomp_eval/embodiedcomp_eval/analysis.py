"""What a sweep says: thresholds, savings, comparisons and rank correlations, from its points. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval import statistics
from embodiedcomp_eval.points import CONDITIONS, Point, Reference
from embodiedcomp_eval.sweep_config import RIVALS, UNCOMPRESSED, Declaration
from embodiedcomp_eval.threshold import Curve, Saving, Threshold, bit_saving, threshold

EQUAL_RATE = 1.02
"""Two codecs are compared at achieved rates within 2 %, or where the better one used less."""
NEAR_RATE = 1.5
"""How far apart, as a ratio, rates may lie for two points to be set beside each other at all."""


@dataclass(frozen=True)
class CurveResult:
    """A codec's threshold in payload bpp and in bit/s, and its average bit saving against ``anchor``, a curve's name."""

    name: str
    points: int
    seeds: int
    threshold_bpp: Threshold
    threshold_bps: Threshold
    anchor: str | None
    saving: Saving | None


@dataclass(frozen=True)
class ComparisonResult:
    """A paired comparison. kind: primary, secondary (p Holm-adjusted among its sweep's) or exploratory (p as it is).

    sweep: which declared it; empty for exploratory ones. Rates are of the seeds that both ran. fair: they allow it (see
    EQUAL_RATE), or the anchor is uncompressed.
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
    sweep: str = ""


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


def anchor_curves(points: Sequence[Point], declarations: Sequence[Declaration]) -> dict[str, str]:
    """Curve -> the anchor curve that it is held against: one run under the same conditions, its own sweep's, or else that
    of the first sweep which has one. Left out are anchors themselves, and curves for whose conditions there is none."""
    grouped = curves(points)
    found = {}
    for name, of in grouped.items():
        alike = [other for other, theirs in grouped.items() if conditions(theirs[0]) == conditions(of[0])]
        served = [(d, other) for d in declarations for other in alike if _anchors(grouped[other], d)]
        own = [other for d, other in served if any(point.name in d.cells for point in of)]
        first = next(iter(own or [other for _, other in served]), name)
        if first != name:
            found[name] = first
    return found


def conditions(point: Point) -> tuple[Any, ...]:
    """What only the codec, its mode and its rate may differ in where two curves are set side by side."""
    return tuple(point.options[key] for key in CONDITIONS)


def _anchors(curve: Sequence[Point], declaration: Declaration) -> bool:
    """Is it the anchor of that sweep, under the curve's own conditions?"""
    options = declaration.anchor
    return bool(options) and any(
        point.name in declaration.cells and all(point.options[key] == value for key, value in options.items())
        for point in curve
    )


def curve_results(
    points: Sequence[Point],
    references: Mapping[str, Reference],
    declarations: Sequence[Declaration] = (),
    draws: int = 2000,
) -> list[CurveResult]:
    """One result per curve that has a reference. references: point name -> its uncompressed run."""
    grouped = curves(points)
    anchors = anchor_curves(points, declarations)
    results = []
    for name, of in grouped.items():
        reference = references.get(of[0].name)
        if reference is None:
            continue
        seeds = _shared(of, reference)
        kept = [point for point in of if set(point.seeds.tolist()) & set(seeds)]
        if not kept:
            continue
        anchor = anchors.get(name)
        saving = None
        if anchor is not None:
            both = sorted(set(seeds) & set(_shared(grouped[anchor], reference)))
            pair = [[p for p in side if set(p.seeds.tolist()) & set(both)] for side in (of, grouped[anchor])]
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
                anchor=anchor,
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
    declarations: Sequence[Declaration] = (),
) -> list[ComparisonResult]:
    """The declared comparisons, sweep by sweep, each sweep a family of its own; then, exploratory, every point against its
    uncompressed run, and against its anchor curve's point of the nearest rate."""
    by_name = {point.name: point for point in points}
    results = [result for declaration in declarations for result in _declared(by_name, declaration)]
    done = {(result.candidate, result.anchor) for result in results}
    pairs = [
        (point, _uncompressed(point, reference, by_name))
        for point in points
        if (reference := references.get(point.name)) is not None and point.name not in reference.names
    ]
    for point, other in (*pairs, *_nearest(points, declarations)):
        if (point.name, other.name) not in done and (result := compare(point, other)) is not None:
            results.append(result)
    return results


def _declared(by_name: Mapping[str, Point], declaration: Declaration) -> list[ComparisonResult]:
    """One sweep's primary comparison, and its secondary ones, Holm-corrected among themselves."""
    pairs = [("primary", declaration.primary)] if declaration.primary is not None else []
    pairs += [("secondary", comparison) for comparison in declaration.secondary]
    results = [
        replace(result, sweep=declaration.sweep)
        for kind, pair in pairs
        if (result := compare(by_name[pair.candidate], by_name[pair.anchor], kind)) is not None
    ]
    family = [result for result in results if result.kind == "secondary"]
    adjusted = statistics.holm([result.difference.p_value for result in family])
    corrected = [replace(result, p_adjusted=p) for result, p in zip(family, adjusted, strict=True)]
    return [*(result for result in results if result.kind == "primary"), *corrected]


def _uncompressed(point: Point, reference: Reference, by_name: Mapping[str, Point]) -> Point:
    """Of the reference's cells the one that shares most seeds with the point."""
    return max(
        (by_name[name] for name in reference.names), key=lambda clean: len(np.intersect1d(clean.seeds, point.seeds))
    )


def _nearest(points: Sequence[Point], declarations: Sequence[Declaration]) -> list[tuple[Point, Point]]:
    """Each point beside its anchor curve's point of the nearest rate, where that is less than NEAR_RATE times as much or
    as little."""
    grouped = curves(points)
    found = []
    for name, anchor in anchor_curves(points, declarations).items():
        others = grouped[anchor]
        for point in grouped[name]:
            distance = [abs(float(np.log(point.payload_bpp / other.payload_bpp))) for other in others]
            nearest = int(np.argmin(distance))
            if distance[nearest] < np.log(NEAR_RATE):
                found.append((point, others[nearest]))
    return found


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
