"""``embodiedcomp bench guard``: the guard's promises in random worlds, as many as one likes, and a page that says so."""

from __future__ import annotations

import datetime
import functools
import json
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.config import config_names
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_policy.guard_worlds import DISORDER, PROPERTIES, BrokenPromiseError, try_world
from embodiedcomp_policy.robot import Robot, load_robot

BLOCK = 500


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command()(guard)


def guard(
    worlds: Annotated[int, typer.Option(min=1, help="Random worlds; their seeds are 0, 1, 2, …")] = 100_000,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    out: Annotated[Path, typer.Option(help="Folder of guard.json and guard.md.")] = Path("results/bench/guard"),
) -> int:
    """Random chunks, states, stamps and delays through the guard; ends with 1 if it ever breaks a promise."""
    robots = config_names("robots")
    started, violations, done = time.monotonic(), [], 0
    with progress() as bar, ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        row = bar.add_task("worlds", total=worlds)
        blocks = [range(first, min(first + BLOCK, worlds)) for first in range(0, worlds, BLOCK)]
        for block, found in zip(blocks, pool.map(functools.partial(_try, robots), blocks), strict=True):
            violations += found
            done += len(block)
            bar.update(row, completed=done)
    evidence: dict[str, Any] = {
        "facts": provenance(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "command": f'make bench ARGS="guard --worlds {worlds}"',
        "seconds": round(time.monotonic() - started, 1),
        "workers": workers,
        "worlds": worlds,
        "robots": robots,
        "disorder": list(DISORDER),
        "properties": list(PROPERTIES),
        "violations": violations,
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "guard.json").write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    (out / "guard.md").write_text(page(evidence), encoding="utf-8")
    show_table(
        "the guard in random worlds",
        [
            ("worlds", f"{worlds} on {', '.join(robots)}, {evidence['seconds']:.0f} s"),
            ("violations", f"{len(violations)}" + "".join(f"; seed {seed}: {what}" for seed, what in violations[:5])),
            ("written to", str(out / "guard.md")),
        ],
    )
    return 1 if violations else 0


def _try(robots: list[str], seeds: range) -> list[tuple[int, str]]:
    loaded = _robots(tuple(robots))
    found = []
    for seed in seeds:
        try:
            try_world(seed, loaded)
        except BrokenPromiseError as violation:
            found.append((seed, str(violation)))
    return found


@functools.lru_cache(maxsize=1)
def _robots(names: tuple[str, ...]) -> list[Robot]:
    return [load_robot(name) for name in names]


def page(evidence: dict[str, Any]) -> str:
    """``guard.md``."""
    count, violations = evidence["worlds"], evidence["violations"]
    lines = [
        f"# The guard in {count:,} random worlds", "",
        f"Written by `{evidence['command']}`, commit {evidence['facts']['commit']}, {evidence['date']}, "
        f"{evidence['facts']['machine']}, {evidence['seconds']:.0f} s with {evidence['workers']} processes.", "",
        f"A world is a robot ({', '.join(evidence['robots'])} in turn), a clock, measured states, and chunks of random size, "
        "spread, age and times; in two worlds of three some of their parts are absurd (NaN, infinite, of the wrong shape, out "
        "of order, of the future). Each world goes through all properties; its seed is its number.", "",
        "| property | worlds | violations |", "|---|---|---|",
        *(f"| {what} | {count:,} | {'0' if not violations else 'see below'} |" for what in evidence["properties"]),
    ]  # fmt: skip
    if violations:
        lines += ["", "| seed | broken promise |", "|---|---|", *(f"| {seed} | {what} |" for seed, what in violations)]
    return "\n".join(lines) + "\n"
