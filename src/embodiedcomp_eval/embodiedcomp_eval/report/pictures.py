"""The report's plots as files for papers and slides: PNG and SVG, by Matplotlib (no browser, no network)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7a3fb0", "#8c2d04", "#1b7837", "#c51b7d")

MARKERS = "oD^s*hvp"

PLOTS = {
    "sr-bpp": ("payload_bpp", "success_rate", "payload bits per pixel", "success rate"),
    "sr-bps": ("bits_per_second", "success_rate", "payload bit/s of simulated time", "success rate"),
    "steps-bpp": ("payload_bpp", "mean_steps", "payload bits per pixel", "mean steps (failures count the horizon)"),
}
"""File name -> key of x, key of y, axis titles."""


def picture_files(evaluation: Mapping[str, Any], paper: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """File name -> content, PNG and SVG of each plot. paper: the published curves, drawn behind."""
    files = {}
    # Several sensors, tasks or timings in one still picture can't be told apart: what not all curves share is on the page.
    plain = [point for point in evaluation["points"] if not _conditions(point["curve"])]
    for name, (x, y, x_title, y_title) in PLOTS.items():
        figure = _figure(plain or evaluation["points"], paper if x == "payload_bpp" else (), x, y, x_title, y_title)
        for kind in ("png", "svg"):
            content = io.BytesIO()
            # without the date the same results give the same bytes
            figure.savefig(content, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
            files[f"{name}.{kind}"] = content.getvalue()
    return files


def _figure(
    points: Sequence[Mapping[str, Any]], paper: Sequence[Mapping[str, Any]], x: str, y: str, x_title: str, y_title: str
) -> Figure:
    figure = Figure(figsize=(9, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for i, codec in enumerate(sorted({row["codec"] for row in paper})):
        rows = [row for row in paper if row["codec"] == codec]
        label = "paper (other policy)" if i == 0 else None
        axes.plot([r["bpp"] for r in rows], [r[y] for r in rows], color="#cfd5dc", linewidth=1.2, zorder=1, label=label)
    within = _span(points, x)
    conditions = list(dict.fromkeys(_conditions(point["curve"]) for point in points))
    codecs = list(dict.fromkeys(point["codec"] for point in points))
    for name in dict.fromkeys(point["curve"] for point in points if point["role"] != "uncompressed"):
        rows = [p for p in points if p["curve"] == name and p[x] and p[y] is not None and _on_axis(p, x, within)]
        if not rows:
            continue
        rows.sort(key=lambda row: row[x])
        colour = COLOURS[codecs.index(rows[0]["codec"]) % len(COLOURS)]
        rival, inter = rows[0]["role"] == "rival", rows[0]["mode"] == "inter"
        ends = [row[f"{y}_ci95"] for row in rows]
        axes.errorbar(
            [row[x] for row in rows],
            [row[y] for row in rows],
            [
                [r[y] - e[0] for r, e in zip(rows, ends, strict=True)],
                [e[1] - r[y] for r, e in zip(rows, ends, strict=True)],
            ],
            color=colour,
            linestyle="none" if rival else "-" if inter else "--",
            marker="x" if rival else MARKERS[conditions.index(_conditions(name)) % len(MARKERS)],
            markersize=5,
            capsize=2,
            elinewidth=0.9,
            label=name,
            zorder=3,
        )
    for point in points:
        if point["role"] == "rival" and point[y] is not None and not _on_axis(point, x, within):
            colour, unit = (
                COLOURS[codecs.index(point["codec"]) % len(COLOURS)],
                "bpp" if x == "payload_bpp" else "bit/s",
            )
            label = f"{point['curve']}: {point[y]:.3g} at {point[x] or 0:.2g} {unit}"
            axes.axhline(point[y], color=colour, linewidth=1.2, linestyle=":", zorder=2, label=label)
        if point["role"] == "uncompressed" and point[y] is not None:
            axes.axhline(
                point[y],
                color="#3b4754",
                linestyle="-" if point["reference"] else "-.",
                linewidth=1.2,
                zorder=2,
                label=point["curve"].replace("none", "uncompressed", 1),
            )
            if y == "success_rate" and point["reference"]:
                axes.axhline(0.95 * point[y], color="#8a96a3", linewidth=1, linestyle="--", zorder=2)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(x_title)
    axes.set_ylabel(y_title)
    axes.grid(color="#eceff3", zorder=0)
    if y == "success_rate":
        axes.set_ylim(-0.03, 1.05)
    entries = len(axes.get_legend_handles_labels()[0])
    if entries:
        figure.set_size_inches(9, max(5.0, 0.5 + 0.2 * entries))
        figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return figure


def _span(points: Sequence[Mapping[str, Any]], x: str) -> tuple[float, float]:
    """Where the codecs' points lie on an axis; rivals far outside of it would squeeze them together."""
    values = [point[x] for point in points if point["role"] == "codec" and point[x]]
    return (min(values) / 1.6, max(values) * 1.6) if values else (0.0, float("inf"))


def _on_axis(point: Mapping[str, Any], x: str, within: tuple[float, float]) -> bool:
    return point["role"] == "codec" or within[0] <= (point[x] or 0.0) <= within[1]


def _conditions(curve: str) -> str:
    """What a curve's name says behind codec and mode: colour tells the codec, dashes intra coding, the marker this."""
    return curve.partition(", ")[2]
