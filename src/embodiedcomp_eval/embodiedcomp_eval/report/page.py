"""One self-contained HTML page: data, Plotly, script and pictures are all inside it; it asks the network for nothing."""

from __future__ import annotations

import base64
import csv
import gzip
import html
import io
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from plotly.offline import get_plotlyjs

from embodiedcomp_eval.report.webp import QUALITY

SCRIPTS = ("page.statistics.js", "page.viewer.js", "page.js")
"""One after the other; the last one starts the page."""


def paper_curves() -> list[dict[str, Any]]:
    """The paper's published curves (source in the file): codec, bpp, success_rate, mean_steps. Another policy's."""
    text = files("embodiedcomp_eval").joinpath("data/paper_curves.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO("".join(line for line in text.splitlines(True) if not line.startswith("#"))))
    return [{key: value if key == "codec" else float(value) for key, value in row.items()} for row in rows]


def make_page(title: str, evaluation: Mapping[str, Any], frames: Sequence[Mapping[str, Any]] = ()) -> str:
    """The page. evaluation: as ``evaluation.evaluate`` returns it. frames: as ``frames.frame_sets`` returns them."""
    data = {**evaluation, "paper": paper_curves(), "frames": list(frames), "frame_quality": QUALITY}
    here = files("embodiedcomp_eval.report")
    parts = {
        "@TITLE@": html.escape(title),
        "@CSS@": here.joinpath("page.css").read_text(encoding="utf-8"),
        # "</script>" inside a text of the data would end the element
        "@DATA@": json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
        # a third of its size; the page's script unpacks it
        "@PLOTLY@": base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode(),
        "@SCRIPT@": "\n".join(here.joinpath(name).read_text(encoding="utf-8") for name in SCRIPTS),
    }
    page = here.joinpath("page.html").read_text(encoding="utf-8")
    head, *rest = _split(page, list(parts))
    return head + "".join(parts[mark] + text for mark, text in rest)


def _split(page: str, marks: Sequence[str]) -> list[Any]:
    """``page`` cut at its marks, once: what is put in is never searched for marks itself."""
    pieces: list[Any] = []
    position, pending = 0, None
    while True:
        found = min(
            ((page.find(mark, position), mark) for mark in marks if page.find(mark, position) >= 0), default=None
        )
        text = page[position : found[0]] if found else page[position:]
        pieces.append(text if pending is None else (pending, text))
        if found is None:
            return pieces
        position, pending = found[0] + len(found[1]), found[1]
