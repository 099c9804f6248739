"""One self-contained HTML page: data, Plotly, script and pictures are all inside it; it asks the network for nothing."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from embodiedcomp_eval.report.webp import QUALITY
from embodiedcomp_eval.saved_frames import SavedFrame, list_frames

MAX_FRAMES = 12
"""Per camera and episode, evenly spread, so that the page stays small enough to send by mail."""


def paper_curves() -> list[dict[str, Any]]:
    """The paper's published curves (source in the file): codec, bpp, success_rate, mean_steps. Another policy's."""
    text = files("embodiedcomp_eval").joinpath("data/paper_curves.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO("".join(line for line in text.splitlines(True) if not line.startswith("#"))))
    return [{key: value if key == "codec" else float(value) for key, value in row.items()} for row in rows]


def frame_sets(folders: Mapping[str, Path], max_frames: int = MAX_FRAMES) -> list[dict[str, Any]]:
    """Pictures of the first saved episode of each point, embedded: one set per point and kind (decoded, source).

    folders: point name -> its folder of saved frames.
    """
    sets = []
    for point, folder in folders.items():
        saved = list_frames(folder)
        if not saved:
            continue
        first = min(frame.seed for frame in saved)
        for kind in sorted({frame.kind for frame in saved}):
            cameras: dict[str, list[SavedFrame]] = {}
            for frame in saved:
                if frame.seed == first and frame.kind == kind:
                    cameras.setdefault(frame.camera, []).append(frame)
            embedded = {name: [_embed(frame) for frame in _spread(of, max_frames)] for name, of in cameras.items()}
            sets.append({"point": point, "kind": kind, "seed": first, "cameras": embedded})
    return sets


def make_page(title: str, evaluation: Mapping[str, Any], frames: Sequence[Mapping[str, Any]] = ()) -> str:
    """The page. evaluation: as ``evaluation.evaluate`` returns it. frames: as ``frame_sets`` returns them."""
    data = {**evaluation, "paper": paper_curves(), "frames": list(frames), "frame_quality": QUALITY}
    here = files("embodiedcomp_eval.report")
    parts = {
        "@TITLE@": html.escape(title),
        "@CSS@": here.joinpath("page.css").read_text(encoding="utf-8"),
        # "</script>" inside a text of the data would end the element
        "@DATA@": json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
        "@PLOTLY@": get_plotlyjs(),
        "@SCRIPT@": here.joinpath("page.js").read_text(encoding="utf-8"),
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


def _spread(frames: Sequence[SavedFrame], most: int) -> list[SavedFrame]:
    """At most ``most`` of ``frames``, by step, evenly spread, first and last among them."""
    ordered = sorted(frames, key=lambda frame: frame.step)
    if len(ordered) <= most:
        return ordered
    return [ordered[round(i * (len(ordered) - 1) / (most - 1))] for i in range(most)]


def _embed(frame: SavedFrame) -> dict[str, Any]:
    content = base64.b64encode(frame.path.read_bytes()).decode()
    return {"step": frame.step, "src": f"data:image/webp;base64,{content}"}
