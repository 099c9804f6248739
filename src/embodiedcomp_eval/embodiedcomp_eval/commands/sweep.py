"""``embodiedcomp sweep``: codecs x rates x seeds from one YAML file, resumable, on all cores or a Ray cluster."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.weights import VARIABLE
from embodiedcomp_eval import ledger
from embodiedcomp_eval.commands.console import complain, progress
from embodiedcomp_eval.config import ConfigError, load_yaml
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.results import WEIGHTS
from embodiedcomp_eval.runs import mixture_warning
from embodiedcomp_eval.search import SearchPlan, run_search, search_plan
from embodiedcomp_eval.sweep import EPISODE_SECONDS, Progress, run_sweep
from embodiedcomp_eval.sweep_config import SweepConfig, load_sweep
from embodiedcomp_eval.sweep_folder import SweepFolder

LEDGER = Path("docs/results/ledger.jsonl")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(sweep)


def sweep(
    config: Annotated[str, typer.Argument(help="Name in config/sweeps, or a YAML file.")] = "quick",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the results; the same one resumes.", show_default="results/NAME")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes on this machine.", show_default="all cores")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Use this Ray cluster: HOST:PORT, ray://HOST:PORT or auto.")
    ] = None,
    episode_seconds: Annotated[
        float, typer.Option(help="An attempt that takes longer hangs: its worker is ended, it is tried again.")
    ] = EPISODE_SECONDS,
    ledger_file: Annotated[
        Path, typer.Option("--ledger", help="Where uses of evaluation seeds are written down.")
    ] = LEDGER,
) -> int:
    """Run what the results folder lacks; kill it at any moment and run it again. Prints the table at the end."""
    if workers is not None and workers < 1:
        raise ConfigError(f"workers must be 1 or more, found {workers}")
    if not 0 < episode_seconds < math.inf:
        raise ConfigError(f"episode-seconds must be more than 0, found {episode_seconds:g}")
    plan, path = load_sweep(config)
    _check(plan, path)
    search = search_plan(plan, str(path)) if plan.search_episodes else None
    folder_path = out or Path("results") / plan.name
    facts = {**provenance(), WEIGHTS: weights_of([cell.trial.checkpoint for cell in plan.cells])}
    with SweepFolder(folder_path, load_yaml(path), facts) as folder:
        pending = [seed for cell, seed in plan.work() if (cell.name, seed) not in folder.index]
        if pending:
            if len(folder) and folder.mixed:
                complain(f"embodiedcomp: {mixture_warning(folder.path, folder.mixed)}")
            log_evaluation_seeds(pending, ledger_file, facts)
            outcome = _run(plan, search, folder, (ray, workers, episode_seconds))
        else:
            complain(f"embodiedcomp: nothing to run, all {plan.episodes} episodes are in {folder_path}")
            outcome = Progress(plan.episodes, plan.episodes)
        if outcome is None:
            there = sum((cell.name, seed) in folder.index for cell, seed in plan.work())
            complain(f"embodiedcomp: interrupted; {there} of {plan.episodes} episodes are in {folder_path}")
            return 130
        _summarise(folder, folder_path)
    return _verdict(outcome, folder_path)


def _check(plan: SweepConfig, path: Path) -> None:
    """Every cell must be runnable before the first one runs. Raises ConfigError."""
    for cell in plan.cells:
        try:
            cell.trial.validate()
        except (ConfigError, CodecError) as error:
            raise ConfigError(f"{path}: {cell.name}: {error}") from error


def _run(
    plan: SweepConfig,
    search: SearchPlan | None,
    folder: SweepFolder,
    where: tuple[str | None, int | None, float],
) -> Progress | None:
    """Run with a bar; None if the user interrupted it. where: a RayEngine's address, workers, episode_seconds."""
    # Ray takes seconds to import and to start: only a sweep that has something to run needs it
    from embodiedcomp_eval.engines.episode_runner import run_episode
    from embodiedcomp_eval.engines.ray_engine import RayEngine

    engine = RayEngine(run_episode, *where)
    try:
        with progress(estimate=False) as bar:
            row = bar.add_task("episodes", total=None if search else plan.episodes)

            def tell(now: Progress) -> None:
                bar.update(row, total=now.total, completed=now.found + now.done, description=_description(now))

            if search is not None:
                return run_search(plan, search, folder, engine, tell)
            return run_sweep(plan, folder, engine, tell)
    except KeyboardInterrupt:
        return None
    finally:
        engine.close()


def _description(now: Progress) -> str:
    left = "" if now.seconds_left is None else f", about {_duration(now.seconds_left)} left"
    errors = f", {now.failures} infrastructure errors" if now.failures else ""
    return f"episodes{errors}{left}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _summarise(folder: SweepFolder, path: Path) -> None:
    """Write ``summary.json`` and print the table."""
    from embodiedcomp_eval.evaluation import evaluate
    from embodiedcomp_eval.report.tables import table_console, terminal_table
    from embodiedcomp_eval.sources import open_results

    evaluation = evaluate(open_results([path]))
    folder.write_summary(evaluation)
    console = table_console()
    console.print(terminal_table(evaluation))
    for warning in evaluation["warnings"]:
        console.print(f"! {warning}", soft_wrap=True)


def _verdict(outcome: Progress, path: Path) -> int:
    """Exit status: 1 if episodes are missing."""
    if outcome.failures:
        complain(
            f"embodiedcomp: {outcome.failures} attempts died of infrastructure errors ({path / 'errors.jsonl'}), "
            f"{outcome.given_up} episodes are missing; the last: {outcome.last_failure}"
        )
    if outcome.given_up:
        complain("embodiedcomp: run the same command again to try the missing episodes")
        return 1
    complain(f"embodiedcomp: all {outcome.total} episodes are in {path}; for the page: embodiedcomp report {path}")
    return 0


def log_evaluation_seeds(pending: list[int], path: Path, facts: Mapping[str, Any]) -> None:
    """Write the use of evaluation seeds into the ledger, before it happens. Raises ConfigError where that can't be done.

    pending: one seed per episode that will run.
    """
    seeds = ledger.evaluation_seeds(pending)
    if not seeds:
        return
    date = datetime.now(UTC).isoformat(timespec="seconds")
    command = " ".join(["embodiedcomp", *sys.argv[1:]])
    evaluated = sum(bool(ledger.evaluation_seeds([seed])) for seed in pending)
    try:
        ledger.append(path, ledger.entry(date, command, facts["commit"], facts[WEIGHTS], seeds, evaluated))
    except OSError as error:
        raise ConfigError(
            f"evaluation seeds are used only if the ledger {path} can be written: {error.strerror}"
        ) from error


def weights_of(checkpoints: Sequence[str | None]) -> dict[str, str]:
    """Hash of every weight file that may act: those that ship with policies and codecs, and those that were named."""
    import embodiedcomp_codec
    import embodiedcomp_policy

    shipped = [Path(str(package.__file__)).parent for package in (embodiedcomp_codec, embodiedcomp_policy)]
    named = [*checkpoints, os.environ.get(VARIABLE)]
    return ledger.weight_hashes([*shipped, *(Path(path) for path in named if path)])
