"""``embodiedcomp bench adaptive``: coverage and width of threshold intervals, of a full grid and of the search."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from embodiedcomp_eval.commands.console import complain, progress, show_table
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.threshold import FRACTION

REAL = (
    ("threshold_grid_100", ("threshold_search_av1", "threshold_search_hevc", "threshold_search_webp")),
    ("threshold_grid", ("threshold_search",)),
)
"""Sweeps on development seeds: a full grid of some codecs, and of each of them a search on the same seeds."""


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command()(adaptive)


def adaptive(
    repetitions: Annotated[int, typer.Option(help="Made-up policies of each kind.")] = 60,
    seeds: Annotated[int, typer.Option(help="Of each made-up run.")] = 100,
    rates: Annotated[int, typer.Option(help="Of the full grid.")] = 6,
    real: Annotated[Path, typer.Option(help="Folder of the sweeps of real codecs.")] = Path("docs/results"),
    out: Annotated[Path, typer.Option(help="Folder of adaptive.md and adaptive.json.")] = Path(
        "results/bench/adaptive"
    ),
) -> int:
    """Intervals of the threshold on made-up policies whose threshold is known, and on real codecs."""
    for name, value, least in (("repetitions", repetitions, 1), ("seeds", seeds, 10), ("rates", rates, 2)):
        if value < least:
            raise ConfigError(f"{name} must be {least} or more, found {value}")
    from embodiedcomp_eval.interval_trials import cases, try_case

    rows = []
    with progress() as bar:
        row = bar.add_task("made-up policies", total=repetitions * len(cases()))
        for case in cases():
            found = try_case(case, repetitions, seeds, rates, lambda: bar.advance(row))
            rows.append({**dataclasses.asdict(case), **{name: dataclasses.asdict(o) for name, o in found.items()}})
        pairs = _real(real)
        row = bar.add_task("what a third can do at best", total=repetitions * len(pairs))
        for pair in pairs:
            pair["reach"] = _reach(pair["grid"], repetitions, lambda: bar.advance(row))
    evidence: dict[str, Any] = {
        "repetitions": repetitions, "seeds": seeds, "rates": rates, "cases": rows, "real": pairs,
        "facts": provenance(), "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    (out / "adaptive.json").write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")
    (out / "adaptive.md").write_text(_page(evidence), encoding="utf-8")
    show_table("intervals of the threshold", [*_short(evidence), ("written to", str(out / "adaptive.md"))])
    return 0


def _real(folder: Path) -> list[dict[str, Any]]:
    """Grid and search of each codec whose sweeps are there."""
    pairs: list[dict[str, Any]] = []
    for grid, searches in REAL:
        grids = _curves(folder / grid)
        for search in searches:
            pairs.extend(
                {"curve": curve, "grid": grids[curve], "search": row}
                for curve, row in _curves(folder / search).items()
                if curve in grids
            )
    return pairs


def _reach(grid: dict[str, Any], repetitions: int, tell: Callable[[], None]) -> dict[str, Any]:
    """Simulate the curve that the grid found."""
    from embodiedcomp_eval.interval_trials import reach

    bpp, won, of = (np.array(column, dtype=np.float64) for column in list(zip(*grid["points"], strict=True))[1:])
    found = reach(bpp, won / of, grid["threshold"]["target"] / FRACTION, grid["seeds"], repetitions, tell)
    return dataclasses.asdict(found)


def _curves(folder: Path) -> dict[str, dict[str, Any]]:
    """By curve: the threshold that one sweep found, and what it took."""
    from embodiedcomp_eval.evaluation import evaluate
    from embodiedcomp_eval.sources import open_results

    if not (folder / "sweep.yaml").is_file():
        complain(f"embodiedcomp: no {folder}: the page says nothing of it")
        return {}
    evaluation = evaluate(open_results([folder]), draws=1)
    rows = {}
    for curve in evaluation["curves"]:
        points = [p for p in evaluation["points"] if p["curve"] == curve["name"] and p["episodes"]]
        rows[curve["name"]] = {
            "sweep": folder.name,
            "episodes": sum(p["episodes"] for p in points),
            "seeds": max(p["episodes"] for p in points),
            "threshold": curve["threshold_bpp"],
            "points": [
                [p["target_bpp"], p["threshold_bpp_rate"], p["successes"], p["episodes"]]
                for p in sorted(points, key=lambda p: p["target_bpp"])
            ],
            "commit": evaluation["facts"][folder.name].get("commit", "unknown"),
        }
    return rows


def _means(evidence: dict[str, Any], method: str, key: str) -> float:
    values = [case[method][key] for case in evidence["cases"]]
    return float(sum(values) / len(values))


def _short(evidence: dict[str, Any]) -> list[tuple[str, str]]:
    from embodiedcomp_eval.interval_trials import BOOTSTRAP, GRID, SEARCH

    rows = []
    for method in (BOOTSTRAP, GRID, SEARCH):
        least = min(case[method]["covered"] for case in evidence["cases"])
        rows.append(
            (
                method,
                f"{_means(evidence, method, 'episodes'):.0f} episodes: covers {_means(evidence, method, 'covered'):.3f} "
                f"(at worst {least:.2f}), mean width {_means(evidence, method, 'mean_width'):.2f}",
            )
        )
    return rows + [
        (
            f"{pair['curve']}, {name}",
            f"{pair[name]['episodes']} episodes: {pair[name]['threshold']['text']} bpp, width {_width(pair, name):.2f}",
        )
        for pair in evidence["real"]
        for name in ("grid", "search")
    ]


def _page(evidence: dict[str, Any]) -> str:
    from embodiedcomp_eval.interval_trials import BOOTSTRAP, GRID, HIGHEST, LOWEST, SEARCH

    facts, count = evidence["facts"], evidence["repetitions"]
    grid, search = (_means(evidence, method, "mean_width") for method in (GRID, SEARCH))
    share = _means(evidence, SEARCH, "episodes") / _means(evidence, GRID, "episodes")
    lines = [
        "# Intervals of the threshold, and the search that needs fewer episodes", "",
        f"Written by `make bench ARGS=\"adaptive --repetitions {count}\"`, commit {facts['commit']}, {evidence['date']}, "
        f"{facts['machine']}. Method and reasons: [decision 0050](../decisions/0050-adaptive-threshold.md).", "",
        "## Made-up policies whose threshold is known", "",
        f"{evidence['seeds']} seeds, {evidence['rates']} rates from {LOWEST:g} to {HIGHEST:g} bpp for the grid; {count} "
        "policies of each kind, each with a threshold of its own. Width: of the 95 % interval in log rate (0.69 is a factor of "
        "two), an open end counted to the end of the rates; *open*: share of intervals without that upper end. Paired seeds; "
        "the uncompressed episodes, shared by all codecs of a sweep, count on neither side.", "",
        f"**The search spends {share:.2f} of the grid's episodes; its interval is {search / grid:.2f} times as wide in the "
        f"mean** ({search:.2f} against {grid:.2f}); kind by kind below.", "",
        "| curve | uncompressed SR | seed's share in luck | grid: covers | mean / median width | open | "
        "search: covers | mean / median width | open | search / grid, mean width | bootstrap percentiles on the grid: covers | "
        "mean width |",
        "|" + "---|" * 12,
    ]  # fmt: skip
    for case in evidence["cases"]:
        g, s, b = case[GRID], case[SEARCH], case[BOOTSTRAP]
        lines.append(
            f"| {case['shape']} | {case['top']:g} | {case['luck']:g} "
            f"| {g['covered']:.3f} | {g['mean_width']:.2f} / {g['median_width']:.2f} | {g['open_high']:.2f} "
            f"| {s['covered']:.3f} | {s['mean_width']:.2f} / {s['median_width']:.2f} | {s['open_high']:.2f} "
            f"| {s['mean_width'] / g['mean_width']:.2f} | {b['covered']:.3f} | {b['mean_width']:.2f} |"
        )
    half = 1.96 * math.sqrt(0.95 * 0.05 / count)
    lines += [
        "", f"Of {count} intervals that cover 0.95, the share that does lies within ±{half:.3f} nineteen times of twenty. Both "
        "arms use the same estimator; it is cautious by construction, since an interval never ends between two rates that were "
        "tried. The percentiles of the bootstrap, which it replaced, are narrower and wrong: they take the curve for a "
        "straight line between the grid's rates.", "",
    ]  # fmt: skip
    if evidence["real"]:
        lines += _real_page(evidence["real"])
    return "\n".join(lines) + "\n"


def _real_page(pairs: list[dict[str, Any]]) -> list[str]:
    widths = {name: sum(_width(pair, name) for pair in pairs) / len(pairs) for name in ("grid", "search")}
    episodes = {name: sum(pair[name]["episodes"] for pair in pairs) for name in ("grid", "search")}
    lines = [
        "## Real codecs", "",
        "Reference policy, development seeds, in process. One run each, so a single ratio says little. Width as above: an "
        "open end is counted to the end of the grid's rates.", "",
        f"**With {episodes['search'] / episodes['grid']:.2f} of the episodes the search's interval is "
        f"{widths['search'] / widths['grid']:.2f} times as wide in the mean** ({widths['search']:.2f} against "
        f"{widths['grid']:.2f}, {len(pairs)} pairs).", "",
        "| codec | seeds | grid: episodes | threshold, bpp | width | search: episodes | threshold, bpp | width | search / grid |",
        "|" + "---|" * 9,
    ]  # fmt: skip
    for pair in pairs:
        grid, search = pair["grid"], pair["search"]
        lines.append(
            f"| {pair['curve']} | {grid['seeds']} "
            f"| {grid['episodes']} | {grid['threshold']['text']} | {_width(pair, 'grid'):.2f} "
            f"| {search['episodes']} | {search['threshold']['text']} | {_width(pair, 'search'):.2f} "
            f"| {_width(pair, 'search') / _width(pair, 'grid'):.2f} |"
        )
    lines += [
        "", "**What a third can do at best.** Simulated policies with the success rates that the grid found: the grid's mean "
        "width, and that of the two rates, each run on all seeds, that are best for someone who knows the curve. On curves as "
        "shallow as these six rates have six chances to show something, two have two. (A search may also end a rate early, "
        "which this leaves out.)", "",
        "| codec | seeds | grid | two rates known in hindsight | bpp | ratio |", "|" + "---|" * 6,
    ]  # fmt: skip
    for pair in pairs:
        found = pair["reach"]
        lines.append(
            f"| {pair['curve']} | {pair['grid']['seeds']} | {found['grid']:.2f} | {found['two']:.2f} "
            f"| {found['rates'][0]:.4f} and {found['rates'][1]:.4f} | {found['two'] / found['grid']:.2f} |"
        )
    lines += ["", "Achieved bpp: successes/episodes.", ""]
    for pair in pairs:
        for name in ("grid", "search"):
            row = pair[name]
            points = ", ".join(f"{bpp:.4f}: {won}/{of}" for _, bpp, won, of in row["points"])
            lines.append(
                f"- {pair['curve']}, {name} (`config/sweeps/{row['sweep']}.yaml`, commit {row['commit'][:7]}): {points}"
            )
    return lines


def _width(pair: dict[str, Any], name: str) -> float:
    """Of the interval that the grid or the search found, in log rate; an open end reaches to that of the grid's rates."""
    found, rates = pair[name]["threshold"], pair["grid"]["threshold"]
    return math.log((found["high"] or rates["largest"]) / (found["low"] or rates["smallest"]))
