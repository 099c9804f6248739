"""``embodiedcomp report``: results folders into one self-contained HTML page, CSV files and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodiedcomp_eval.commands.console import complain
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.results import ResultsError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(report)


def report(
    folders: Annotated[list[Path], typer.Argument(help="Results folders of sweeps or trials.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the report.", show_default="FOLDER/report")] = None,
    title: Annotated[str | None, typer.Option(help="Title of the page.", show_default="name of the sweep")] = None,
    max_frames: Annotated[int, typer.Option(help="Pictures per camera and episode on the page.")] = 12,
) -> int:
    """Write index.html (no network needed), points.csv and others, and the plots as PNG and SVG; print the table."""
    if max_frames < 2:
        raise ConfigError(f"max_frames must be 2 or more, found {max_frames}")
    from embodiedcomp_eval.evaluation import evaluate
    from embodiedcomp_eval.report import page, pictures, tables
    from embodiedcomp_eval.sources import open_results
    from embodiedcomp_eval.sweep_folder import write_atomically

    results = open_results(folders)
    evaluation = evaluate(results)
    if not any(row["episodes"] for row in evaluation["points"]):
        raise ResultsError(f"{', '.join(map(str, folders))}: no finished episode yet; nothing to report")
    frames = page.frame_sets({s.name: s.frames for s in results.sources if s.frames is not None}, max_frames)
    names = [str(c.get("name", folder)) for folder, c in results.configurations.items()]
    target = out or folders[0] / "report"
    contents: dict[str, bytes] = {
        "index.html": page.make_page(title or ", ".join(names), evaluation, frames).encode(),
        **{name: text.encode() for name, text in tables.csv_files(evaluation).items()},
        **pictures.picture_files(evaluation, page.paper_curves()),
    }
    try:
        for name, content in contents.items():
            write_atomically(target / name, content)
    except OSError as error:
        raise ResultsError(f"can't write the report into {target}: {error.strerror}") from error
    console = tables.table_console()
    console.print(tables.terminal_table(evaluation))
    for warning in evaluation["warnings"]:
        console.print(f"! {warning}", soft_wrap=True)
    complain(f"embodiedcomp: {target / 'index.html'}")
    return 0
