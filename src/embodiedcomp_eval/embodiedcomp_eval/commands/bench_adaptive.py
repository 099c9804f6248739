"""``embodiedcomp bench adaptive``: coverage and width of threshold intervals, of a full grid and of the search."""

from __future__ import annotations

import dataclasses
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval.commands.console import complain, progress, show_table
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.provenance import provenance

REAL = (("full grid", "threshold_grid"), ("search", "threshold_search"))
"""Sweeps of one codec on development seeds."""


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command()(adaptive)


def adaptive(
    repetitions: Annotated[int, typer.Option(help="Made-up policies of each kind.")] = 60,
    seeds: Annotated[int, typer.Option(help="Of each made-up run.")] = 100,
    rates: Annotated[int, typer.Option(help="Of the full grid.")] = 6,
    real: Annotated[Path, typer.Option(help="Folder with the sweeps threshold_grid and threshold_search.")] = Path(
        "docs/results"
    ),
    out: Annotated[Path, typer.Option(help="Folder of adaptive.md and adaptive.json.")] = Path(
        "results/bench/adaptive"
    ),
) -> int:
    """Intervals of the threshold on made-up policies whose threshold is known, and on one real codec."""
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
    evidence: dict[str, Any] = {
        "repetitions": repetitions, "seeds": seeds, "rates": rates, "cases": rows, "real": _real(real),
        "facts": provenance(), "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    (out / "adaptive.json").write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")
    (out / "adaptive.md").write_text(_page(evidence), encoding="utf-8")
    show_table("intervals of the threshold", [*_short(evidence), ("written to", str(out / "adaptive.md"))])
    return 0


def _real(folder: Path) -> list[dict[str, Any]]:
    """The sweeps of one codec, where they are there."""
    from embodiedcomp_eval.evaluation import evaluate
    from embodiedcomp_eval.sources import open_results

    rows = []
    for name, sweep in REAL:
        if not (folder / sweep / "sweep.yaml").is_file():
            complain(f"embodiedcomp: no {folder / sweep}: the page says nothing of a real codec ({name})")
            continue
        evaluation = evaluate(open_results([folder / sweep]), draws=1)
        points = [p for p in evaluation["points"] if p["role"] == "codec" and p["episodes"]]
        facts = evaluation["facts"][sweep]
        rows.append(
            {
                "name": name,
                "sweep": sweep,
                "episodes": sum(p["episodes"] for p in points),
                "seeds": max(p["episodes"] for p in points),
                "threshold": evaluation["curves"][0]["threshold_bpp"],
                "points": [
                    [p["target_bpp"], p["threshold_bpp_rate"], p["successes"], p["episodes"]]
                    for p in sorted(points, key=lambda p: p["target_bpp"])
                ],
                "commit": facts.get("commit", "unknown"),
            }
        )
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
        (row["name"], f"{row['episodes']} episodes: {row['threshold']['text']} bpp") for row in evidence["real"]
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
        lines += ["## One real codec, once", "", "`av1` inter, reference policy, development seeds, in process:", ""]
        lines += ["| | episodes | threshold, bpp | width | commit |", "|---|---|---|---|---|"]
        for row in evidence["real"]:
            lines.append(
                f"| {row['name']} (`config/sweeps/{row['sweep']}.yaml`, {row['seeds']} seeds) | {row['episodes']} "
                f"| {row['threshold']['text']} | {_width(row)} | {row['commit'][:7]} |"
            )
        for row in evidence["real"]:
            points = ", ".join(f"{bpp:.4f}: {won}/{of}" for _, bpp, won, of in row["points"])
            lines += ["", f"{row['name'].capitalize()}, achieved bpp: successes/episodes. {points}."]
    return "\n".join(lines) + "\n"


def _width(row: dict[str, Any]) -> str:
    """In log rate; at least that where an end is open."""
    found = row["threshold"]
    low, high = found["low"] or found["smallest"], found["high"] or found["largest"]
    is_open = found["low"] is None or found["high"] is None
    return f"{'at least ' if is_open else ''}{math.log(high / low):.2f}"
