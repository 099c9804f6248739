"""``embodiedcomp bench trial``: how fast the closed loop runs in one process on one core, and where its time goes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.stopwatch import LoopClock, TimedSimulator
from embodiedcomp_eval.trial_config import TrialConfig


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command()(trial)


def trial(
    codec: Annotated[str, typer.Option(help="Codec plug-in.")] = "av1",
    target_bpp: Annotated[float, typer.Option(help="Payload bits per source pixel.")] = 0.05,
    policy: Annotated[str, typer.Option(help="Policy plug-in.")] = "reference",
    checkpoint: Annotated[str | None, typer.Option(help="The policy's weights.")] = None,
    episodes: Annotated[int, typer.Option(help="How many are timed, after one to warm up.")] = 4,
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
    config = TrialConfig(
        codec=codec, target_bpp=target_bpp, policy=policy, checkpoint=checkpoint, seed=seed, transport="inprocess"
    )
    os.sched_setaffinity(0, {core})
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LP_NUM_THREADS"):
        os.environ[name] = "1"
    measured = _measure(config, episodes, default_steps)
    measured |= {"core": core, **provenance(checkpoint)}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    _show(measured, out)
    return 0


def _measure(config: TrialConfig, episodes: int, default_steps: int) -> dict[str, Any]:
    from embodiedcomp_eval.assembly import Parts, make_loop, make_parts
    from embodiedcomp_eval.simulators.robosuite_default import default_loop_seconds

    task, clock = config.validate(), LoopClock()
    parts = make_parts(config, task)
    simulator = TimedSimulator(parts.simulator)
    with progress() as bar:
        row = bar.add_task("closed loop", total=episodes + 2)
        loop, recorder = make_loop(config, task, [clock], Parts(parts.policy, simulator))
        loop.run(config.seed)  # warms up
        bar.advance(row)
        clock.clear()
        simulator.clear()
        successes = 0
        for number in range(episodes):
            loop.run(config.seed + number)
            successes += recorder.success
            bar.advance(row)
        loop.close()
        bar.update(row, description="robosuite's own loop")
        default, default_cpu = default_loop_seconds(default_steps, task.image_size, task.control_hz, config.seed)
        bar.advance(row)
    seconds = {**simulator.seconds, "policy": clock.seconds["policy"], "codec": clock.seconds["codec"]}
    per_step = {name: 1e3 * spent / clock.steps for name, spent in seconds.items()}
    loop_ms, default_ms = 1e3 * clock.seconds["loop"] / clock.steps, 1e3 * default / default_steps
    return {
        "configuration": config.to_mapping(),
        "episodes": episodes,
        "successes": successes,
        "steps": clock.steps,
        "queries": clock.queries,
        "loop_ms_per_step": loop_ms,
        "loop_steps_per_second": 1e3 / loop_ms,
        "parts_ms_per_step": per_step,
        "sum_of_parts_ms_per_step": sum(per_step.values()),
        "loop_over_parts": loop_ms / sum(per_step.values()),
        "robosuite_default_ms_per_step": default_ms,
        "robosuite_default_steps_per_second": 1e3 / default_ms,
        "speed_up": default_ms / loop_ms,
        "loop_cpu_ms_per_step": 1e3 * clock.seconds["loop_cpu"] / clock.steps,
        "robosuite_default_cpu_ms_per_step": 1e3 * default_cpu / default_steps,
        "speed_up_cpu": default_cpu / default_steps / (clock.seconds["loop_cpu"] / clock.steps),
    }


def _show(measured: dict[str, Any], out: Path) -> None:
    parts = measured["parts_ms_per_step"]
    show_table(
        "closed loop, in process, one core, resets excluded",
        [
            ("episodes, steps, queries", f"{measured['episodes']}, {measured['steps']}, {measured['queries']}"),
            ("closed loop", f"{measured['loop_steps_per_second']:.1f} steps/s, {measured['loop_ms_per_step']:.2f} ms a step"),
            *((f"  {name}", f"{parts[name]:.2f} ms a step") for name in parts),
            ("sum of the parts", f"{measured['sum_of_parts_ms_per_step']:.2f} ms a step"),
            ("loop over parts", f"{measured['loop_over_parts']:.3f}"),
            ("robosuite's own loop", f"{measured['robosuite_default_steps_per_second']:.1f} steps/s, "
             f"{measured['robosuite_default_ms_per_step']:.1f} ms a step"),
            ("speed-up", f"{measured['speed_up']:.1f}; by CPU time, whatever else runs: {measured['speed_up_cpu']:.1f}"),
            ("written to", str(out)),
        ],
    )  # fmt: skip
