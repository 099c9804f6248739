"""``embodiedcomp report``: results folders into one self-contained HTML page, CSV files and pictures."""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from embodiedcomp_eval.commands.console import complain
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.results import ResultsError
from embodiedcomp_eval.sources import Source
from embodiedcomp_eval.task import load_task


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(report)


def report(
    folders: Annotated[list[Path], typer.Argument(help="Results folders of sweeps or trials.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the report.", show_default="FOLDER/report")] = None,
    title: Annotated[str | None, typer.Option(help="Title of the page.", show_default="name of the sweep")] = None,
    discussion: Annotated[
        Path | None,
        typer.Option(
            help="Markdown to put before the tables of README.md; {{POINT | KEY | FORMAT}} in it becomes the value."
        ),
    ] = None,
    max_frames: Annotated[int, typer.Option(help="Most pictures per camera and episode on the page.")] = 25,
) -> int:
    """Write index.html (no network needed), README.md, CSV files, and the plots as PNG and SVG; print the table."""
    if max_frames < 2:
        raise ConfigError(f"max_frames must be 2 or more, found {max_frames}")
    words = _read(discussion)
    from embodiedcomp_eval.evaluation import evaluate
    from embodiedcomp_eval.report import frames, markdown, page, pictures, tables
    from embodiedcomp_eval.report.discussion import fill_in
    from embodiedcomp_eval.sources import open_results
    from embodiedcomp_eval.sweep_folder import write_atomically

    results = open_results(folders)
    evaluation = evaluate(results)
    if not any(row["episodes"] for row in evaluation["points"]):
        raise ResultsError(f"{', '.join(map(str, folders))}: no finished episode yet; nothing to report")
    words = fill_in(words, evaluation, str(discussion))
    with tempfile.TemporaryDirectory() as scratch:
        pictured = {s.name: s.frames or _recorded(s, Path(scratch) / s.name) for s in results.sources}
        coding = {row["name"] for row in evaluation["points"] if row["role"] == "codec"}
        scenes = {s.name: f"{s.trial.task} {s.trial.sensor}" for s in results.sources if s.name in coding}
        saved = {name: folder for name, folder in pictured.items() if folder is not None}
        sets = frames.frame_sets(saved, max_frames, scenes=scenes)
    names = [str(c.get("name", folder)) for folder, c in results.configurations.items()]
    target = out or folders[0] / "report"
    heading = title or ", ".join(names)
    command = shlex.join(["embodiedcomp", *sys.argv[1:]])
    contents: dict[str, bytes] = {
        "index.html": page.make_page(heading, evaluation, sets).encode(),
        "README.md": markdown.make_markdown(heading, evaluation, command, words).encode(),
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


def _read(discussion: Path | None) -> str:
    try:
        return "" if discussion is None else discussion.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"discussion {discussion} can't be read: {error}") from error


def _recorded(source: Source, folder: Path) -> Path | None:
    """The pictures of a recorded trial's first episodes, decoded from its bags into ``folder``; None without any."""
    if not source.bags:
        return None
    from embodiedcomp_eval.bags.pictures import recorded_pictures
    from embodiedcomp_eval.report.frames import MAX_EPISODES
    from embodiedcomp_eval.report.webp import encode_webp

    period_ns = round(1e9 / load_task(source.trial.task).control_hz)
    for bag in source.bags:
        for name, content in recorded_pictures(bag, period_ns, encode_webp, MAX_EPISODES):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder
