"""``embodiedcomp bench sweep``: a sweep's cost in episodes and cells, with a stub in the trial's place."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from embodiedcomp_eval.sweep import Done, Work, run_sweep
from embodiedcomp_eval.sweep_config import sweep_from_mapping
from embodiedcomp_eval.sweep_folder import SweepFolder


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("sweep")(sweep)


def sweep(
    episodes: Annotated[int, typer.Option(help="Of the largest row.")] = 10000,
    cells: Annotated[int, typer.Option(help="Of each row.")] = 10,
) -> int:
    """Seconds and the parent's peak memory at a tenth, a half and all of the episodes: one linear, the other flat."""
    table = Table(
        title="sweep with a stub episode (a line of 2.5 kB), one writer, fsync per episode", title_justify="left"
    )
    for name in ("episodes", "cells", "seconds", "ms an episode", "parent's peak memory, MB"):
        table.add_column(name, justify="right")
    for count in (max(episodes // 10, cells), max(episodes // 2, cells), episodes):
        seeds = count // cells
        values: dict[str, Any] = {
            "name": "stub",
            "seeds": [10000, 10000 + seeds - 1],
            "cells": [{"codec": "none", "budget_window": [1.0 + i for i in range(cells)]}],
        }
        with tempfile.TemporaryDirectory() as where, SweepFolder(Path(where) / "out", values, {}) as folder:
            started = time.perf_counter()
            run_sweep(sweep_from_mapping(values, "stub"), folder, _StubEngine(), lambda progress: None)
            seconds = time.perf_counter() - started
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        done = seeds * cells
        table.add_row(str(done), str(cells), f"{seconds:.1f}", f"{1e3 * seconds / done:.2f}", f"{memory:.0f}")
    Console().print(table)
    return 0


class _StubEngine:
    """Answers at once with a line as long as a real one."""

    slots = 4

    def __init__(self) -> None:
        self._queue: list[Work] = []

    @property
    def in_flight(self) -> int:
        return len(self._queue)

    def submit(self, work: Work) -> None:
        self._queue.append(work)

    def wait(self) -> tuple[Work, Done | str]:
        work = self._queue.pop(0)
        line = {"seed": work.seed, "episode": work.number, "success": True, "frame_bytes": {"base_camera": [300] * 600}}
        return work, Done(line, {}, 0.001)

    def close(self) -> None:
        """Nothing to end."""
