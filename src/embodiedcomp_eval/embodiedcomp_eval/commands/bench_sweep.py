"""``embodiedcomp bench sweep``: a sweep's cost in episodes and cells, with a stub in the trial's place."""

from __future__ import annotations

import json
import math
import multiprocessing
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.sweep import Done, Work, run_sweep
from embodiedcomp_eval.sweep_config import sweep_from_mapping
from embodiedcomp_eval.sweep_folder import SweepFolder

COLUMNS = ("episodes", "cells", "seconds", "ms an episode", "final table, s", "parent's peak memory, MB")


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("sweep")(sweep)


def sweep(
    episodes: Annotated[int, typer.Option(help="Of the largest rows.")] = 10000,
    cells: Annotated[int, typer.Option(help="Of the first rows; the last has ten times as many.")] = 10,
    out: Annotated[Path, typer.Option(help="Folder of sweep-cost.md and sweep-cost.json.")] = Path("results/bench"),
) -> int:
    """Seconds and the parent's peak memory, final table included, at a tenth, a half and all of the episodes, and at ten
    times the cells."""
    if cells < 1 or episodes < 10 * cells:
        raise ConfigError(f"cells must be 1 or more and episodes 10 times that or more, found {cells} and {episodes}")
    sizes = [(max(episodes // 10, cells), cells), (episodes // 2, cells), (episodes, cells), (episodes, 10 * cells)]
    rows = []
    # each in a process of its own, whose peak memory is then this row's and no other's
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for size in sizes:
            rows.append(pool.apply(measure, size))
    table = Table(
        title="sweep with a stub episode (a line of 2.5 kB), one writer, fsync per episode", title_justify="left"
    )
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*_cells(row))
    Console().print(table)
    evidence = {"rows": rows, "facts": provenance(), "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")}
    out.mkdir(parents=True, exist_ok=True)
    (out / "sweep-cost.json").write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")
    (out / "sweep-cost.md").write_text(_page(evidence, episodes), encoding="utf-8")
    return 0


def measure(episodes: int, cells: int) -> dict[str, float]:
    """Run one stub sweep in this process, the first thing that it does, and evaluate it as the verb does in the end."""
    from embodiedcomp_eval.evaluation import evaluate
    from embodiedcomp_eval.report.tables import terminal_table
    from embodiedcomp_eval.sources import open_results

    seeds = episodes // cells
    rates = [round(0.01 + 0.001 * i, 3) for i in range(cells - 1)]
    values: dict[str, Any] = {
        "name": "stub",
        "seeds": [10000, 10000 + seeds - 1],
        "cells": [{"codec": "none"}, *([{"codec": "jpeg", "mode": "intra", "target_bpp": rates}] if rates else [])],
    }
    with tempfile.TemporaryDirectory() as where, SweepFolder(Path(where) / "out", values, {}) as folder:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        started, cpu = time.perf_counter(), time.process_time()
        run_sweep(sweep_from_mapping(values, "stub"), folder, _StubEngine(), lambda progress: None)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
        running = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        started = time.perf_counter()
        evaluation = evaluate(open_results([folder.path]))
        folder.write_summary(evaluation)
        terminal_table(evaluation)
        table_seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "episodes": seeds * cells, "cells": cells, "seconds": seconds, "cpu_seconds": cpu_seconds, "memory_mb": memory,
        "memory_before_mb": before, "memory_running_mb": running, "table_seconds": table_seconds,
    }  # fmt: skip


def _cells(row: dict[str, float]) -> list[str]:
    each = 1e3 * row["seconds"] / row["episodes"], 1e3 * row["cpu_seconds"] / row["episodes"]
    return [
        f"{row['episodes']:.0f}", f"{row['cells']:.0f}", f"{row['seconds']:.1f}", f"{each[0]:.2f} (CPU {each[1]:.2f})",
        f"{row['table_seconds']:.1f}",
        f"{row['memory_mb']:.0f} (before the first episode {row['memory_before_mb']:.0f}, before the final table "
        f"{row['memory_running_mb']:.0f})",
    ]  # fmt: skip


def _page(evidence: dict[str, Any], episodes: int) -> str:
    facts = evidence["facts"]
    lines = [
        "# What a sweep costs beside its episodes", "",
        f"Written by `make bench ARGS=\"sweep --episodes {episodes}\"`, commit {facts['commit']}, {evidence['date']}, "
        f"{facts['machine']}. A stub answers at once with a line as long as a real one (2.5 kB): what is left is the sweep's own "
        "process, its index and one fsync per episode. The final table (`summary.json`: intervals, thresholds, "
        "comparisons) is in the peak memory. Every row is a process of its own.", "",
        "| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS),
        *("| " + " | ".join(_cells(row)) + " |" for row in evidence["rows"]),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def stub_line(work: Work) -> dict[str, Any]:
    """An episode's line with what an evaluation reads: success grows with the rate, each seed has its own luck."""
    target = 1.0 if math.isnan(work.trial.target_bpp) else work.trial.target_bpp
    success = 0.97 * target / (target + 0.004) > (work.seed * 0.618034) % 1.0
    frames = {camera: [300] * 185 for camera in ("base_camera", "wrist_camera")}
    latency = {"encode": [2.0] * 50, "decode": [1.0] * 50, "policy": [18.0] * 25, "frame_age": [3.0] * 25}
    return {
        "seed": work.seed, "episode": work.number, "success": bool(success), "steps": 60 if success else 250, "queries": 185,
        "frames_sent": 370, "frames_lost": 0, "frames_at_floor": 0, "frames_at_ceiling": 0, "pixels": 370 * 65536,
        "payload_bytes": 111000, "wire_bytes": 240000, "duration": 6.0 if success else 25.0, "frame_bytes": frames,
        "path_length": 3.0, "action_efficiency": 0.5, "jerk": 4.0, "scene": {"object": f"object {work.seed % 11}"},
        "wall": {"wall_seconds": 1.0, "latency_ms": latency},
    }  # fmt: skip


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
        return work, Done(stub_line(work), {}, 0.001)

    def close(self) -> None:
        """Nothing to end."""
