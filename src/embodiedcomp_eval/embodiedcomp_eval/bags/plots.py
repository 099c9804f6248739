"""Plots of a replay: quality and action error against rate, and both over time."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

POINTS = 2000
"""Drawn per line at most: a long bag is thinned."""
SIZE = (9.0, 4.5)


def draw(folder: Path, result: dict[str, Any]) -> list[Path]:
    """Write the plots of ``result`` (the content of replay.json) and the tables beside it into ``folder``."""
    made = [_against_rate(folder, result, "psnr.png", "PSNR, dB", lambda totals: totals["psnr_db"])]
    made.append(_over_time(folder, "frames.csv", "camera", "psnr_db", "PSNR, dB", "psnr_over_time.png"))
    if result["questions"]:
        made.append(_action_error(folder, result))
        made.append(
            _over_time(
                folder, "actions.csv", "cameras", "arm_rms_rad", "arm error, rad RMS", "action_error_over_time.png"
            )
        )
    return made


def _against_rate(
    folder: Path, result: dict[str, Any], name: str, label: str, value: Callable[[dict[str, Any]], float | None]
) -> Path:
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    for camera in result["cameras"]:
        for codec in dict.fromkeys(s["codec"] for s in result["settings"]):
            totals = [s["cameras"][camera] for s in result["settings"] if s["codec"] == codec]
            points = sorted((t["payload_bpp"], value(t) or 0.0) for t in totals if value(t) is not None)
            axes.plot([p[0] for p in points], [p[1] for p in points], "o-", label=f"{codec}, {camera}")
    axes.set(xlabel="payload, bit per source pixel", ylabel=label, xscale="log")
    return _save(figure, axes, folder / name)


def _action_error(folder: Path, result: dict[str, Any]) -> Path:
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    for codec in dict.fromkeys(s["codec"] for s in result["settings"]):
        settings = [s for s in result["settings"] if s["codec"] == codec]
        for which in settings[0]["action_error"]:
            points = sorted((_mean_bpp(s), s["action_error"][which]["arm_rms_rad"]) for s in settings)
            axes.plot([p[0] for p in points], [p[1] for p in points], "o-", label=f"{codec}, decoded: {which}")
    axes.set(xlabel="payload, bit per source pixel, mean of cameras", ylabel="arm error, rad RMS", xscale="log")
    return _save(figure, axes, folder / "action_error.png")


def _mean_bpp(setting: dict[str, Any]) -> float:
    values = [totals["payload_bpp"] for totals in setting["cameras"].values()]
    return float(sum(values) / len(values))


def _over_time(folder: Path, table: str, group: str, column: str, label: str, name: str) -> Path:
    """One line per setting and group, against seconds of the recording."""
    lines: dict[tuple[str, str], list[tuple[float, float]]] = {}
    start: int | None = None
    with open(folder / table, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            log_ns = int(row["log_ns"])
            start = log_ns if start is None else start
            lines.setdefault((row["setting"], row[group]), []).append(((log_ns - start) * 1e-9, float(row[column])))
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    for (setting, which), points in lines.items():
        thin = points[:: max(1, len(points) // POINTS)]
        axes.plot([p[0] for p in thin], [p[1] for p in thin], ".-", lw=0.8, label=f"{setting}, {which}")
    axes.set(xlabel="time of the recording, s", ylabel=label)
    return _save(figure, axes, folder / name)


def _save(figure: Any, axes: Any, path: Path) -> Path:
    axes.grid(alpha=0.3)
    axes.legend(fontsize="x-small")
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
