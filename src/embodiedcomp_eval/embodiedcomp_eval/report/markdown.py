"""The report as a Markdown page with the plots and the tables that a reader asks for first; the rest is in the other files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from embodiedcomp_eval.report.discussion import point_label, target_text
from embodiedcomp_eval.report.plan import plan_of

Row = Mapping[str, Any]


def make_markdown(title: str, evaluation: Mapping[str, Any], command: str, discussion: str = "") -> str:
    """The page. evaluation: as ``evaluation.evaluate`` returns it. command: what wrote it.

    discussion: Markdown of somebody who looked at the results, put before the tables.
    """
    points = {row["name"]: row for row in evaluation["points"]}
    shown = sorted(points.values(), key=_order)
    parts = [
        f"# {title}",
        _head(evaluation, command),
        *(f"> {warning}" for warning in evaluation["warnings"]),
        *_plan(evaluation),
        "## What ran",
        "Results folders on this page, with every attempt that died of the infrastructure. More than one commit or processor: "
        "the sweep was interrupted and went on there.",
        _table(
            ("sweep", "cells", "episodes", "failed attempts", "commits", "processors"),
            [_sweep(row) for row in evaluation["sweeps"]],
        ),
        discussion.strip(),
        "## Plots",
        "Of the plain conditions; other sensors, tasks and timings are drawn on `index.html` and stand in the tables.",
        "![success rate against payload bits per pixel](sr-bpp.png)",
        "![success rate against payload bit/s](sr-bps.png)",
        "![mean steps against payload bits per pixel](steps-bpp.png)",
        "## Thresholds",
        "The payload rate below which the success rate falls under 0.95 of the uncompressed one, with the interval from the "
        "highest rate shown to be too low to the lowest shown to be enough; and the average rate at equal success rate against "
        "the anchor curve, with its bootstrap interval (both 95 %). `≤`, `>` and `not reached` are censored answers.",
        _table(
            ("curve", "points", "seeds", "threshold, bpp", "threshold, bit/s", "bits at equal success rate"),
            [_curve(row) for row in evaluation["curves"]],
        ),
        "## Declared comparisons",
        "Same seeds, exact McNemar test, Newcombe's interval; secondary ones Holm-corrected within their sweep. \"Rates allow "
        "it\": within 2 %, or the better one used less. Exploratory ones stand in `comparisons.csv`.",
        _table(
            ("sweep", "kind", "candidate", "against", "seeds", "only it / only the other", "difference of SR", "p", "p adjusted",
             "rates allow it", "SR not below 0.95 x"),
            [_comparison(row, points) for row in evaluation["comparisons"] if row["kind"] != "exploratory"],
        ),
        "## Which cheap metric predicts the success rate?",
        f"Spearman's rank correlation with the success rate over the compressed points of {_conditions(evaluation)}.",
        _table(
            ("metric", "rho", "p", "points"),
            [
                (name, _number(found["rho"], "+.2f"), _number(found["p_value"], ".2g"), str(found["points"]))
                for name, found in sorted(evaluation["correlations"].items(), key=lambda item: -abs(item[1]["rho"] or 0))
            ],
        ),
        "## Points",
        "`bpp capped`: each seed counted over at most as many queries as its uncompressed episode made. Frame age: from a "
        "frame's stamp to the policy's answer, median.",
        _table(
            ("curve", "target", "SR (Wilson 95 %)", "successes", "bpp", "bpp capped", "wire bpp", "bit/s", "bits per success",
             "mean steps", "action efficiency", "PSNR, dB", "MS-SSIM", "action error, rad", "frame age, ms"),
            [_point(row) for row in shown],
        ),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(evaluation: Mapping[str, Any], command: str) -> str:
    commits = list(dict.fromkeys(commit for row in evaluation["sweeps"] for commit in row["commits"]))
    machines = list(dict.fromkeys(str(facts.get("machine", "unknown")) for facts in evaluation["facts"].values()))
    episodes = sum(row["episodes"] for row in evaluation["points"])
    errors = sum(row["infrastructure_errors"] for row in evaluation["sweeps"])
    missing = sum(max(row["missing"], 0) for row in evaluation["points"])
    return (
        f"Written by `{command}`. {episodes:,} episodes at {len(evaluation['points'])} points, run at commit "
        f"{', '.join(commits)} on {', '.join(machines)}; attempts that died of the infrastructure: {errors}, episodes missing: "
        f"{missing}. The page with every table, filters and pictures is `index.html`; the numbers are in the CSV files."
    )


def _plan(evaluation: Mapping[str, Any]) -> list[str]:
    """A table where episodes of the plan are missing, else nothing."""
    rows = plan_of(evaluation)
    if all(row["run"] == row["planned"] for row in rows):
        return []
    return [
        "## How much of the plan is here",
        "Sweeps run seed by seed over all their cells, so episodes are paired and none was chosen by its outcome; the same "
        "command goes on where a folder ends.",
        _table(
            ("sweep", "episodes planned", "here", "seeds planned", "every cell is whole through seed"),
            [
                (row["sweep"], f"{row['planned']:,}", f"{row['run']:,}", f"{row['first']}–{row['last']}",
                 "–" if row["whole_through"] is None else str(row["whole_through"]))
                for row in rows
            ],
        ),
    ]  # fmt: skip


def _conditions(evaluation: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in evaluation["correlated"].items() if value not in (None, False))


def _order(row: Row) -> tuple[int, str, float]:
    roles = ("uncompressed", "rival", "codec")
    return roles.index(row["role"]), row["curve"], row["payload_bpp"] or 0.0


def _curve(row: Row) -> tuple[str, ...]:
    saving = row["saving"] or {}
    text = "–"
    if saving.get("value") is not None:
        text = f"{saving['value']:+.0%}"
        if saving["low"] is not None:
            text += f" [{saving['low']:+.0%}, {saving['high']:+.0%}]"
        text += f" against {row['anchor']}"
    texts = (row["threshold_bpp"]["text"], row["threshold_bps"]["text"])
    return row["name"], str(row["points"]), str(row["seeds"]), *texts, text


def _comparison(row: Row, points: Mapping[str, Row]) -> tuple[str, ...]:
    found = row["difference"]
    return (
        row["sweep"],
        row["kind"],
        *(
            f"{point_label(points[row[side]])} ({_number(row[side + '_bpp'], '.4f')} bpp)"
            for side in ("candidate", "anchor")
        ),
        str(found["seeds"]),
        f"{found['gained']} / {found['lost']}",
        f"{found['difference']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]",
        _number(found["p_value"], ".3g"),
        _number(row["p_adjusted"], ".3g"),
        "yes" if row["fair"] else "no",
        "yes" if row["not_below"] else "not shown",
    )


def _sweep(row: Row) -> tuple[str, ...]:
    return (
        row["sweep"],
        str(row["cells"]),
        f"{row['episodes']:,}",
        str(row["infrastructure_errors"]),
        ", ".join(commit[:12] + "-dirty" * commit.endswith("-dirty") for commit in row["commits"]),
        "; ".join(row["processors"]),
    )


def _point(row: Row) -> tuple[str, ...]:
    low, high = row["success_rate_ci95"]
    return (
        row["curve"],
        target_text(row),
        f"{_number(row['success_rate'], '.2f')} ({low:.2f}–{high:.2f})",
        f"{row['successes']} / {row['episodes']}",
        *(_number(row[key], ".4f") for key in ("payload_bpp", "threshold_bpp_rate", "wire_bpp")),
        _number(row["bits_per_second"], ",.0f"),
        _number(row["bits_per_success"], ",.0f"),
        _number(row["mean_steps"], ".1f"),
        _number(row["action_efficiency"], ".2f"),
        _number(row["psnr"], ".1f"),
        _number(row["ms_ssim"], ".3f"),
        _number(row["action_error"], ".4f"),
        _number(row["frame_age_p50"], ".1f"),
    )


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "None."
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
