"""``embodiedcomp bench codecs``: the page of all that was measured about the codec nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodiedcomp_eval import codec_evidence
from embodiedcomp_eval.codecs_page import page
from embodiedcomp_eval.commands.console import show_table

PARTS = {
    "rate": "30 minutes, on a page of its own",
    "speed": "4 minutes",
    "cameras": "1 minute, nothing else running",
    "memory": "an hour",
    "loss": "3 minutes",
    "envelope": "2 minutes, as root",
    "pictures": "5 minutes",
}


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("codecs", help=f"{codecs.__doc__} Measured by: {', '.join(f'{k} ({v})' for k, v in PARTS.items())}.")(
        codecs
    )


def codecs(
    folder: Annotated[Path, typer.Option(help="Folder of the measurements.")] = codec_evidence.FOLDER,
    out: Annotated[Path, typer.Option(help="The page.")] = Path("docs/results/codecs.md"),
) -> int:
    """Write docs/results/codecs.md from what the other benches left."""
    found = {name: codec_evidence.read(folder, name) for name in PARTS if name != "rate"}
    out.write_text(page(found), encoding="utf-8")
    judged = Path("docs/results/rate-accuracy.md")
    rows = [("rate", str(judged) if judged.is_file() else "missing")]
    rows += [(name, "missing" if evidence is None else evidence["facts"]["date"]) for name, evidence in found.items()]
    show_table("the codec nodes, measured", [*rows, ("written to", str(out))])
    return 0
