"""``embodiedcomp bench repeat FOLDER``: does this machine give the episodes that a results folder holds, byte for byte?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodiedcomp_eval.commands.console import complain, progress, show_table
from embodiedcomp_eval.commands.sweep import LEDGER, log_evaluation_seeds, weights_of
from embodiedcomp_eval.comparison import differences, spread_choice
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.results import WEIGHTS
from embodiedcomp_eval.sweep_config import RIVALS, UNCOMPRESSED


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command()(repeat)


def repeat(
    folder: Annotated[Path, typer.Argument(help="Results folder of a sweep or of an in-process trial.")],
    episodes: Annotated[
        int, typer.Option(help="How many to run again, each of another cell, most of lossy codecs.")
    ] = 3,
    ledger_file: Annotated[
        Path, typer.Option("--ledger", help="Where uses of evaluation seeds are written down.")
    ] = LEDGER,
) -> int:
    """Run some episodes again. Exit status 0 if all but wall-clock fields is the same, 1 if not."""
    if episodes < 1:
        raise ConfigError(f"episodes must be 1 or more, found {episodes}")
    from embodiedcomp_eval.engines.episode_runner import run_episode
    from embodiedcomp_eval.sources import open_results
    from embodiedcomp_eval.sweep import Work

    firsts = [(source, next(source.lines(), None)) for source in open_results([folder]).sources]
    begun = [(source, line) for source, line in firsts if line is not None]
    if not begun:
        raise ConfigError(f"{folder}: no finished episode to repeat")
    lossy = [source.trial.codec not in (UNCOMPRESSED, *RIVALS) for source, _ in begun]
    chosen = [begun[i] for i in spread_choice(lossy, episodes)]
    facts = {**provenance(), WEIGHTS: weights_of([source.trial.checkpoint for source, _ in chosen])}
    log_evaluation_seeds([line["seed"] for _, line in chosen], ledger_file, facts)
    rows, found = [], []
    with progress() as bar:
        row = bar.add_task("episodes", total=len(chosen))
        for source, line in chosen:
            work = Work(source.name, source.trial, line["episode"], line["seed"], measure_quality="quality" in line)
            again = {key: value for key, value in run_episode(work).line.items() if key in line}
            there = {key: value for key, value in line.items() if key in again}
            words = differences([there], [again])
            found += [f"{source.name}: {text}" for text in words]
            rows.append(
                (f"{source.name}, seed {line['seed']}", "identical" if not words else f"{len(words)} differences")
            )
            bar.advance(row)
    show_table(f"{folder}, run again", rows)
    for text in found[:10]:
        complain(text)
    return int(bool(found))
