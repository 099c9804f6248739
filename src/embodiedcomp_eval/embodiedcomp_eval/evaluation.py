"""Everything that a table, a page or a ``summary.json`` says about results, as plain JSON-able values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

from embodiedcomp_eval import analysis
from embodiedcomp_eval.points import (
    CONDITIONS,
    Point,
    Reference,
    is_reference,
    make_point,
    make_reference,
    merge_references,
    reference_conditions,
    shared_conditions,
)
from embodiedcomp_eval.runs import sweep_rows
from embodiedcomp_eval.sources import Results, Source
from embodiedcomp_eval.statistics import mean_interval, wilson
from embodiedcomp_eval.summary import summarise
from embodiedcomp_eval.sweep_config import RIVALS, UNCOMPRESSED
from embodiedcomp_eval.task import TaskConfig, load_task
from embodiedcomp_eval.threshold import Threshold

SCHEMA = 1

METRICS = (
    "payload_bpp", "wire_bpp", "bits_per_second", "psnr", "ms_ssim", "action_error", "mean_steps", "action_efficiency",
    "path_length", "jerk", "frame_age_p50",
)  # fmt: skip
"""What is rank-correlated with the success rate over the compressed points of the commonest conditions."""


def evaluate(results: Results, draws: int = 2000) -> dict[str, Any]:
    """Points, curves, comparisons, objects, correlations, warnings. draws: of each bootstrap."""
    references, doubts = _references(results)
    shared = shared_conditions([source.trial.to_mapping() for source in results.sources])
    tasks: dict[str, TaskConfig] = {}
    points: list[Point] = []
    rows: list[dict[str, Any]] = []
    for source in results.sources:
        task = tasks.setdefault(source.trial.task, load_task(source.trial.task))
        reference = references.get(reference_conditions(source.trial.to_mapping()))
        point = make_point(source.name, source.trial, source.lines(), reference, shared)
        points.append(point)
        rows.append(_row(source, task, point))
    of_point = {
        source.name: references[conditions]
        for source in results.sources
        if (conditions := reference_conditions(source.trial.to_mapping())) in references
    }
    objects = sorted({name for point in points for name in point.objects})
    correlated, compressed = _alike([row for row in rows if row["role"] == "codec" and row["episodes"]])
    compared = analysis.comparisons(points, of_point, results.declarations)
    evaluation = {
        "schema": SCHEMA,
        "shared": shared,
        "points": rows,
        "curves": [_curve(found) for found in analysis.curve_results(points, of_point, results.declarations, draws)],
        "comparisons": [asdict(result) for result in compared],
        "objects": _objects(points),
        "object_names": objects,
        "outcomes": {point.name: _outcomes(point, objects) for point in points},
        "correlations": analysis.rank_correlations(compressed, METRICS),
        "correlated": correlated,
        "warnings": [*analysis.headline(points, of_point), *doubts, *_doubts(results.sources)],
        "sweeps": sweep_rows(results, {point.name: len(point.seeds) for point in points}),
        "configurations": results.configurations,
        "facts": results.facts,
    }
    plain: dict[str, Any] = jsonable(evaluation)
    return plain


def _doubts(sources: Sequence[Source]) -> list[str]:
    """Episodes of robots that no judge could decide: in no rate, and not hidden."""
    return [
        f"{source.name}: {len(source.undecided)} of {source.expected} episodes undecided, in no rate "
        f"(seeds {', '.join(map(str, source.undecided))})"
        for source in sources
        if source.undecided
    ]


def _alike(rows: list[dict[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The commonest conditions among the rows, and the rows that have them: only the codec and its rate differ there."""
    counted = Counter(tuple(row[key] for key in CONDITIONS) for row in rows)
    if not counted:
        return {}, []
    common = counted.most_common(1)[0][0]
    return dict(zip(CONDITIONS, common, strict=True)), [
        row for row in rows if tuple(row[key] for key in CONDITIONS) == common
    ]


def _references(results: Results) -> tuple[dict[tuple[Any, ...], Reference], list[str]]:
    """The uncompressed runs by the conditions they serve; warnings where two of the same conditions end differently."""
    runs: dict[tuple[Any, ...], list[Reference]] = {}
    for source in results.sources:
        options = source.trial.to_mapping()
        if is_reference(options):
            reference = make_reference(source.name, source.lines())
            if reference.success:
                runs.setdefault(reference_conditions(options), []).append(reference)
    found, doubts = {}, []
    for conditions, of in runs.items():
        found[conditions], differ = merge_references(of)
        if differ:
            doubts.append(
                f"the uncompressed runs {', '.join(found[conditions].names)} end differently on seeds "
                f"{', '.join(map(str, differ))}: the first one's count"
            )
    return found, doubts


def _row(source: Source, task: TaskConfig, point: Point) -> dict[str, Any]:
    """One point as a flat mapping: its options, ``summary.json``'s keys, and what only the curve needs."""
    summary = summarise(source.trial, task, [_light(line) for line in source.lines()], source.errors)
    latency = summary["latency_ms"]
    capped = float(point.capped_pixels.sum())
    quality = _mean_quality(source)
    return {
        "name": point.name,
        "curve": point.curve,
        "role": _role(point),
        "reference": is_reference(point.options),
        **point.options,
        **summary,
        "horizon": task.horizon,
        "expected": source.expected,
        "missing": source.expected - len(point.seeds),
        "threshold_bpp_rate": float(point.capped_bits.sum()) / capped if capped else None,
        "bits_per_success": point.bits_per_success,
        "mean_steps_ci95": mean_interval(np.where(point.success, point.steps, task.horizon)),
        **{key: _mean(values) for key, values in point.motion.items()},
        "frame_age_p50": latency["frame_age"]["p50"],
        **quality,
    }


def _light(line: dict[str, Any]) -> dict[str, Any]:
    """What a summary needs of an episode, in a fraction of the memory: a cell may have thousands."""
    latency = {stage: np.asarray(values, np.float64) for stage, values in line["wall"]["latency_ms"].items()}
    kept = {key: value for key, value in line.items() if key not in ("frame_bytes", "scene", "quality")}
    return {**kept, "wall": {**line["wall"], "latency_ms": latency}}


def _mean_quality(source: Source) -> dict[str, float | None]:
    """Means of the picture metrics, over the episodes whose lines have them."""
    sums: dict[str, list[float]] = {"psnr": [], "ms_ssim": [], "action_error": []}
    for line in source.lines():
        for key, values in sums.items():
            value = line.get("quality", {}).get(key)
            if value is not None:
                values.append(value)
    return {key: sum(values) / len(values) if values else None for key, values in sums.items()}


def _role(point: Point) -> str:
    codec = point.options["codec"]
    if codec == UNCOMPRESSED:
        return "uncompressed"
    return "rival" if codec in RIVALS else "codec"


def _mean(values: Any) -> float | None:
    known = [float(v) for v in values if not math.isnan(v)]
    return sum(known) / len(known) if known else None


def _curve(result: analysis.CurveResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "points": result.points,
        "seeds": result.seeds,
        "threshold_bpp": _threshold(result.threshold_bpp, ".4f"),
        "threshold_bps": _threshold(result.threshold_bps, ",.0f"),
        "anchor": result.anchor,
        "saving": None if result.saving is None else asdict(result.saving),
    }


def _threshold(found: Threshold, form: str) -> dict[str, Any]:
    """Infinite ends become null; ``text`` and ``censored`` say what they mean."""
    censored = {-math.inf: "at_most", math.inf: "not_reached"}.get(found.value)

    def say(rate: float) -> str:
        if math.isinf(rate):
            return f"≤ {found.smallest:{form}}" if rate < 0 else f"> {found.largest:{form}}"
        return format(rate, form)

    value = "not reached" if censored == "not_reached" else say(found.value)
    return {**asdict(found), "censored": censored, "text": f"{value} [{say(found.low)}, {say(found.high)}]"}


def _objects(points: list[Point]) -> list[dict[str, Any]]:
    rows = []
    for point in points:
        for name, (successes, episodes) in point.by_object().items():
            rows.append(
                {
                    "point": point.name,
                    "object": name,
                    "successes": successes,
                    "episodes": episodes,
                    "success_rate": successes / episodes,
                    "ci95": wilson(successes, episodes),
                }
            )
    return rows


def _outcomes(point: Point, objects: list[str]) -> dict[int, list[float]]:
    """Seed -> 1 or 0 for success, steps, payload bits, pixels, simulated seconds, and which of ``objects`` was to be lifted."""
    columns = zip(
        point.seeds.tolist(), point.success.tolist(), point.steps.tolist(), point.bits.tolist(), point.pixels.tolist(),
        point.seconds.tolist(), point.objects, strict=True,
    )  # fmt: skip
    return {
        seed: [int(success), steps, round(bits), round(pixels), round(seconds, 3), objects.index(name)]
        for seed, success, steps, bits, pixels, seconds, name in columns
    }


def jsonable(value: Any) -> Any:
    """Plain values for JSON, which knows neither NaN nor infinity: they become null."""
    if is_dataclass(value) and not isinstance(value, type):
        return jsonable(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
