"""The report's tables as CSV files and as one table for the terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

POINT_COLUMNS = (
    "name", "curve", "role", "codec", "mode", "target_bpp", "target_bitrate", "policy", "task", "send", "sensor", "link",
    "timing", "episodes", "missing", "infrastructure_errors", "successes", "success_rate", "success_rate_low",
    "success_rate_high", "payload_bpp", "threshold_bpp_rate", "wire_bpp", "bits_per_second", "bits_per_episode",
    "bits_per_success", "mean_steps", "mean_steps_low", "mean_steps_high", "mean_steps_success", "path_length",
    "action_efficiency", "jerk", "psnr", "ms_ssim", "action_error", "frames_sent", "frames_lost", "frames_at_floor",
    "encode_p50", "encode_p95", "decode_p50", "decode_p95", "policy_p50", "policy_p95", "frame_age_p50", "frame_age_p95",
)  # fmt: skip


def csv_files(evaluation: Mapping[str, Any]) -> dict[str, str]:
    """File name -> content: points, curves, comparisons, objects, correlations. Empty cells are unknown values."""
    curves = [
        {
            "curve": row["name"],
            "points": row["points"],
            "seeds": row["seeds"],
            **_flat_threshold("bpp", row["threshold_bpp"]),
            **_flat_threshold("bps", row["threshold_bps"]),
            "anchor": row["anchor"],
            "saving": (row["saving"] or {}).get("value"),
            "saving_low": (row["saving"] or {}).get("low"),
            "saving_high": (row["saving"] or {}).get("high"),
        }
        for row in evaluation["curves"]
    ]
    compared = [
        {"sweep": row["sweep"], **{k: v for k, v in row.items() if k != "difference"}, **row["difference"]}
        for row in evaluation["comparisons"]
    ]
    correlations = [{"metric": name, **values} for name, values in evaluation["correlations"].items()]
    points = [_flat_point(row) for row in evaluation["points"]]
    return {
        "points.csv": _csv(points, POINT_COLUMNS),
        "curves.csv": _csv(curves),
        "comparisons.csv": _csv(compared),
        "objects.csv": _csv(evaluation["objects"]),
        "correlations.csv": _csv(correlations),
    }


def terminal_table(evaluation: Mapping[str, Any]) -> Table:
    """One line per point, by curve and rate; thresholds stand with the first point of their curve."""
    thresholds = {row["name"]: row["threshold_bpp"]["text"] for row in evaluation["curves"]}
    shared = ", ".join(f"{key} {value}" for key, value in evaluation["shared"].items() if value is not None)
    table = Table(title=shared, title_justify="left")
    table.add_column("curve")
    for name in ("target", "episodes", "SR", "95 %", "bpp", "bit/s", "mean steps", "errors", "threshold, bpp"):
        table.add_column(name, justify="right")
    last = None
    for row in sorted(
        evaluation["points"], key=lambda r: (r["role"] != "uncompressed", r["curve"], r["payload_bpp"] or 0)
    ):
        low, high = row["success_rate_ci95"]
        missing = f" of {row['expected']}" if row["missing"] > 0 else ""
        table.add_row(
            row["curve"] if row["curve"] != last else "",
            _target(row),
            f"{row['episodes']}{missing}",
            _number(row["success_rate"], ".2f"),
            f"{low:.2f}–{high:.2f}",
            _number(row["payload_bpp"], ".4f"),
            _number(row["bits_per_second"], ".0f"),
            _number(row["mean_steps"], ".1f"),
            str(row["infrastructure_errors"]),
            thresholds.get(row["curve"], "") if row["curve"] != last else "",
        )
        last = row["curve"]
    return table


def table_console() -> Console:
    """Standard output; wide enough for the table where it is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=max(console.width, 160))


def _target(row: Mapping[str, Any]) -> str:
    if row["target_bpp"] is not None:
        return f"{row['target_bpp']:g} bpp"
    return "" if row["target_bitrate"] is None else f"{row['target_bitrate']:g} bit/s"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _flat_threshold(unit: str, threshold: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"threshold_{unit}": threshold["value"],
        f"threshold_{unit}_low": threshold["low"],
        f"threshold_{unit}_high": threshold["high"],
        f"threshold_{unit}_censored": threshold["censored"],
        f"threshold_{unit}_text": threshold["text"],
    }


def _flat_point(row: Mapping[str, Any]) -> dict[str, Any]:
    latency = {
        f"{stage}_{share}": value for stage, values in row["latency_ms"].items() for share, value in values.items()
    }
    ends = {
        f"{key}_{end}": row[f"{key}_ci95"][i]
        for key in ("success_rate", "mean_steps")
        for i, end in enumerate(("low", "high"))
    }
    return {**row, **latency, **ends}


def _csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    text = io.StringIO()
    if columns is None:
        columns = list(rows[0]) if rows else []
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
