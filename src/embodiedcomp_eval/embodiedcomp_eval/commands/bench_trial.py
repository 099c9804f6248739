"""``embodiedcomp bench trial``: how fast the closed loop runs in one process on one core, and where its time goes."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.trial_config import TrialConfig

CODECS = ("none", "webp", "h264", "av1", "hevc")


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command()(trial)


def trial(
    codec: Annotated[list[str] | None, typer.Option(help=f"Codec plug-ins; default: {', '.join(CODECS)}.")] = None,
    target_bpp: Annotated[float, typer.Option(help="Payload bits per source pixel, where there is a codec.")] = 0.05,
    policy: Annotated[str, typer.Option(help="Policy plug-in.")] = "reference",
    checkpoint: Annotated[str | None, typer.Option(help="The policy's weights.")] = None,
    episodes: Annotated[int, typer.Option(help="Of each codec that are timed, after one to warm up.")] = 4,
    seed: Annotated[int, typer.Option(help="Seed of the first.")] = 10000,
    core: Annotated[int, typer.Option(help="The core that everything is pinned to.")] = 0,
    default_steps: Annotated[int, typer.Option(help="Steps of robosuite's own loop.")] = 40,
    out: Annotated[Path, typer.Option(help="Where the numbers go.")] = Path("results/bench/trial.json"),
) -> int:
    """Closed-loop steps per second beside robosuite's own default loop and the sum of the parts, in one run."""
    if core not in os.sched_getaffinity(0):
        raise ConfigError(
            f"core {core} is not available; choose from {', '.join(map(str, sorted(os.sched_getaffinity(0))))}"
        )
    if episodes < 1 or default_steps < 1:
        raise ConfigError(f"episodes and default-steps must be 1 or more, found {episodes} and {default_steps}")
    configs = [
        TrialConfig(
            codec=name, target_bpp=math.nan if name == "none" else target_bpp, policy=policy, checkpoint=checkpoint,
            seed=seed, transport="inprocess",
        )
        for name in codec or CODECS
    ]  # fmt: skip
    tasks = [config.validate() for config in configs]
    from embodiedcomp_eval.simulators.robosuite_default import default_loop_seconds

    os.sched_setaffinity(0, {core})
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LP_NUM_THREADS"):
        os.environ[name] = "1"
    with progress() as bar:
        row = bar.add_task("robosuite's own loop", total=1 + len(configs))
        arguments = (default_steps, tasks[0].image_size, tasks[0].control_hz, seed)
        default, default_cpu = (1e3 * each / default_steps for each in _alone(default_loop_seconds, *arguments))
        rows = []
        for config in configs:
            bar.update(row, advance=1, description=config.codec)
            rows.append(_beside(_alone(_measure, config, episodes), default, default_cpu))
        bar.advance(row)
    measured = {
        "rows": rows, "robosuite_default_ms_per_step": default, "robosuite_default_cpu_ms_per_step": default_cpu,
        "core": core, **provenance(checkpoint),
    }  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    _show(measured, out)
    return 0


def _alone(run: Callable[..., Any], *arguments: Any) -> Any:
    """In a fresh process: its numeric libraries start no thread outside the core, and no other renderer is open."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run, *arguments).result()


def _measure(config: TrialConfig, episodes: int) -> dict[str, Any]:
    from embodiedcomp_eval.assembly import Parts, make_loop, make_parts
    from embodiedcomp_eval.stopwatch import LoopClock, TimedSimulator

    task, clock = config.validate(), LoopClock()
    parts = make_parts(config, task)
    simulator = TimedSimulator(parts.simulator)
    loop, recorder = make_loop(config, task, [clock], Parts(parts.policy, simulator))
    loop.run(config.seed)  # warms up
    clock.clear()
    simulator.clear()
    successes = 0
    for number in range(episodes):
        loop.run(config.seed + number)
        successes += recorder.success
    loop.close()
    seconds = {**simulator.seconds, "policy": clock.seconds["policy"], "codec": clock.seconds["codec"]}
    return {
        "configuration": config.to_mapping(),
        "episodes": episodes,
        "successes": successes,
        "steps": clock.steps,
        "queries": clock.queries,
        "loop_ms_per_step": 1e3 * clock.seconds["loop"] / clock.steps,
        "loop_cpu_ms_per_step": 1e3 * clock.seconds["loop_cpu"] / clock.steps,
        "parts_ms_per_step": {name: 1e3 * spent / clock.steps for name, spent in seconds.items()},
    }


def _beside(row: dict[str, Any], default: float, default_cpu: float) -> dict[str, Any]:
    """With the ratios to the sum of the parts and to robosuite's own loop (ms a step)."""
    total = sum(row["parts_ms_per_step"].values())
    return row | {
        "sum_of_parts_ms_per_step": total,
        "loop_over_parts": row["loop_ms_per_step"] / total,
        "speed_up": default / row["loop_ms_per_step"],
        "speed_up_cpu": default_cpu / row["loop_cpu_ms_per_step"],
    }


def _show(measured: dict[str, Any], out: Path) -> None:
    rows = []
    for row in measured["rows"]:
        parts = ", ".join(f"{name} {spent:.2f}" for name, spent in row["parts_ms_per_step"].items())
        rows.append(
            (
                row["configuration"]["codec"],
                f"{row['loop_ms_per_step']:.2f} ms a step ({parts}; loop over parts {row['loop_over_parts']:.3f}): "
                f"{row['speed_up']:.1f} times robosuite's, {row['speed_up_cpu']:.1f} by CPU time",
            )
        )
    show_table(
        "closed loop, in process, one core, resets excluded",
        [
            *rows,
            ("robosuite's own loop", f"{measured['robosuite_default_ms_per_step']:.1f} ms a step"),
            ("written to", str(out)),
        ],
    )
