"""The plot of ``bench distortion``: success rate over the levels of each distortion, with Wilson intervals."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

SIZE = (9.0, 3.2)
COLOUR = "#0072b2"


def draw(evidence: Mapping[str, Any]) -> bytes:
    """PNG file of what ``bench distortion`` writes as JSON."""
    figure = Figure(figsize=SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    kinds = list(evidence["levels"])
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=True):
        levels = evidence["levels"][kind]
        rows = [evidence["conditions"][name] for name in ("clean", *(f"{kind}-{level:g}" for level in levels))]
        rates = [row["success_rate"] for row in rows]
        below = [max(0.0, rate - row["ci95"][0]) for rate, row in zip(rates, rows, strict=True)]
        above = [max(0.0, row["ci95"][1] - rate) for rate, row in zip(rates, rows, strict=True)]
        axes.errorbar(range(len(rows)), rates, [below, above], color=COLOUR, marker="o", capsize=2, elinewidth=0.9)
        axes.set_xticks(range(len(rows)), ["none", *(f"{level:g}" for level in levels)])
        axes.set(xlabel=f"{kind} ({evidence['units'][kind]})", ylim=(-0.03, 1.05))
        axes.grid(color="#eceff3")
    panels[0].set_ylabel("success rate")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()
