"""``embodiedcomp bench workers``: two sweep workers beside one, and how long a point of a hundred episodes takes."""

from __future__ import annotations

import json
import multiprocessing
import statistics
import tempfile
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.sweep_config import SweepConfig, sweep_from_mapping
from embodiedcomp_eval.sweep_folder import SweepFolder

POINTS = ["av1@0.03", "hevc@0.03", "h264@0.05", "vp9@0.05", "webp@0.06", "jpeg@0.2"]


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command()(workers)


def workers(
    point: Annotated[list[str], typer.Option(help="CODEC@BPP, timed as a sweep of its own; may be repeated.")] = POINTS,
    point_episodes: Annotated[int, typer.Option(help="Of each of these; 0: none of them.")] = 100,
    episodes: Annotated[
        int, typer.Option(help="Of the first point in each round: of a few, one worker waits for the other's last.")
    ] = 72,
    rounds: Annotated[int, typer.Option(help="One worker and two take turns so often.")] = 3,
    seed: Annotated[int, typer.Option(help="The first development seed.")] = 10000,
    out: Annotated[Path, typer.Option(help="Folder of workers.md and workers.json.")] = Path("results/bench"),
) -> int:
    """Exit status 1 if two workers were less than 1.8 times one, or a point with SR of 0.5 or more took over 3 minutes."""
    if episodes < 2 or rounds < 1 or point_episodes < 0 or not point:
        raise ConfigError(
            "episodes must be 2 or more, rounds 1 or more, point-episodes 0 or more; "
            f"found {episodes}, {rounds}, {point_episodes}"
        )
    plans = [_plan(text, max(point_episodes, 1), seed) for text in point]
    compared = _plan(point[0], episodes, seed)
    with progress() as bar:
        row = bar.add_task("one worker and two", total=rounds + len(plans) * (point_episodes > 0))
        turns = _take_turns(compared, rounds, lambda: bar.advance(row))
        points: list[dict[str, Any]] = []
        for text, plan in zip(point, plans if point_episodes else [], strict=False):
            bar.update(row, description=f"{text}, {point_episodes} episodes")
            points.append({"point": text, **_in_child(plan)})
            bar.advance(row)
    ratios = [one / two for one, two in turns]
    evidence: dict[str, Any] = {
        "compared": point[0], "episodes": episodes, "seconds": turns, "ratios": ratios, "ratio": statistics.median(ratios),
        "points": points, "point_episodes": point_episodes, "facts": provenance(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    (out / "workers.json").write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")
    (out / "workers.md").write_text(_page(evidence), encoding="utf-8")
    rows = [("two workers / one", f"{evidence['ratio']:.3f} (rounds {', '.join(f'{r:.3f}' for r in ratios)})")]
    rows += [(p["point"], f"{p['seconds']:.0f} s, SR {p['success_rate']:.2f}") for p in points]
    show_table("workers of a sweep", [*rows, ("written to", str(out / "workers.md"))])
    slow = [p for p in points if p["success_rate"] >= 0.5 and p["seconds"] * 100 / point_episodes > 180]
    return int(evidence["ratio"] < 1.8 or bool(slow))


def _plan(point: str, episodes: int, seed: int) -> dict[str, Any]:
    """The sweep of one point. Raises ConfigError."""
    codec, at, bpp = point.partition("@")
    try:
        target = float(bpp)
    except ValueError:
        at = ""
    if not at:
        raise ConfigError(f"a point is CODEC@BPP, such as av1@0.03; found {point!r}")
    values = {"name": "point", "seeds": [seed, seed + episodes - 1], "cells": [{"codec": codec, "target_bpp": target}]}
    for cell in sweep_from_mapping(values, point).cells:
        cell.trial.validate()
    return values


def _take_turns(values: dict[str, Any], rounds: int, tell: Any) -> list[tuple[float, float]]:
    """Seconds of the same episodes on one worker and on two, by turns; both clusters stand all the time, warmed up."""
    context = multiprocessing.get_context("spawn")
    sides = []
    for count in (1, 2):
        here, there = context.Pipe()
        child = context.Process(target=_serve, args=(there, values, count))
        child.start()
        there.close()  # so that a child that dies is heard of
        sides.append((child, here))
        here.send(True)
        here.recv()  # warm, before the other starts
    found = []
    for number in range(rounds):
        seconds = {}
        for index in (0, 1) if number % 2 == 0 else (1, 0):
            sides[index][1].send(True)
            seconds[index] = sides[index][1].recv()
        found.append((seconds[0], seconds[1]))
        tell()
    for child, here in sides:
        here.send(False)
        child.join()
    return found


def _serve(pipe: Connection, values: dict[str, Any], count: int) -> None:
    """A cluster of ``count`` workers; each True that comes is answered with the seconds of one sweep."""
    from embodiedcomp_eval.engines.episode_runner import run_episode
    from embodiedcomp_eval.engines.ray_engine import RayEngine

    config = sweep_from_mapping(values, "point")
    engine = RayEngine(run_episode, None, count)
    warm = False
    while pipe.recv():
        # every worker must have met every object before anything counts
        for _ in range(0 if warm else 2 * count):
            _run(config, values, engine)
        warm = True
        pipe.send(_run(config, values, engine)["seconds"])
    engine.close()


def _in_child(values: dict[str, Any]) -> dict[str, float]:
    """One sweep from nothing, on all cores: Ray's start and the compiling of scenes included."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        found: dict[str, float] = pool.apply(_whole_point, (values,))
    return found


def _whole_point(values: dict[str, Any]) -> dict[str, float]:
    started = time.perf_counter()
    from embodiedcomp_eval.engines.episode_runner import run_episode
    from embodiedcomp_eval.engines.ray_engine import RayEngine

    engine = RayEngine(run_episode)
    found = _run(sweep_from_mapping(values, "point"), values, engine)
    engine.close()
    return {**found, "seconds": time.perf_counter() - started}


def _run(config: SweepConfig, values: dict[str, Any], engine: Any) -> dict[str, float]:
    """Seconds and success rate of one sweep into a folder that is thrown away. Raises RuntimeError if an episode is lost."""
    from embodiedcomp_eval.sweep import run_sweep

    with tempfile.TemporaryDirectory() as where, SweepFolder(Path(where) / "out", values, {}) as folder:
        started = time.perf_counter()
        outcome = run_sweep(config, folder, engine, lambda now: None)
        seconds = time.perf_counter() - started
        if outcome.failures:
            raise RuntimeError(f"an episode failed, the timing is void: {outcome.last_failure}")
        lines = list(folder.index.lines(config.cells[0].name))
    return {"seconds": seconds, "success_rate": sum(bool(line["success"]) for line in lines) / len(lines)}


def _page(evidence: dict[str, Any]) -> str:
    facts = evidence["facts"]
    lines = [
        "# Workers of a sweep, and the time of a point", "",
        f"Written by `make bench ARGS=\"workers\"`, commit {facts['commit']}, {evidence['date']}, {facts['machine']}.", "",
        f"The same {evidence['episodes']} episodes of `{evidence['compared']}` on one worker and on two, by turns, both warmed "
        f"up: two are **{evidence['ratio']:.3f} times** as fast (median; the aim is 1.8). Seconds of the rounds: "
        + ", ".join(f"{one:.1f} and {two:.1f}" for one, two in evidence["seconds"]) + ".", "",
    ]  # fmt: skip
    if evidence["points"]:
        lines += [
            f"A point of {evidence['point_episodes']} episodes from nothing, all cores, Ray's start and the compiling of scenes "
            "included; the aim is 180 s for 100 episodes where SR is at least 0.5:",
            "",
            "| point | seconds | SR |",
            "|---|---|---|",
            *(f"| `{p['point']}` | {p['seconds']:.0f} | {p['success_rate']:.2f} |" for p in evidence["points"]),
        ]
    return "\n".join(lines) + "\n"
