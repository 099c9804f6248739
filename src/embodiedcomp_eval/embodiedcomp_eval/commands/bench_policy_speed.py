"""``embodiedcomp bench policy-speed``: how long a policy thinks on one thread, and how large it is."""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from embodiedcomp_eval.commands.console import show_table
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.provenance import SHIPPED_WEIGHTS, provenance
from embodiedcomp_policy.robot import Robot, load_robot

INSTRUCTION = "Pick up the object"
SIDE = 256
WARM_UP = 10
TASK_ROBOT = "ur5e"
FIRST_SEED = 10_000
SCENES = 40
"""Different states of the task; more inferences see them again."""


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("policy-speed")(policy_speed)


def policy_speed(
    policy: Annotated[str, typer.Option(help="Policy plug-in.")] = "reference",
    checkpoint: Annotated[str | None, typer.Option(help="The policy's weights.")] = None,
    robot: Annotated[str, typer.Option(help="Name in config/robots, or a YAML file.")] = "ur5e",
    count: Annotated[int, typer.Option(help="Inferences that are timed, after ten to warm up.")] = 200,
    out: Annotated[Path, typer.Option(help="Where the numbers go.")] = Path("results/bench/policy-speed.json"),
) -> int:
    """Time from an observation to its chunk, wall clock and processor time, on one thread; about a minute.

    On states and pictures of the task (the UR5e's approach to objects of development seeds), and on noise with the arm
    stretched out, where inverse kinematics find nothing and take their longest.
    """
    if count < 1:
        raise ConfigError(f"count must be 1 or more, found {count}")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    from embodiedcomp_policy.registry import make_policy

    loaded, body = make_policy(policy, checkpoint), load_robot(robot)  # torch before a renderer
    times = {"stretched": _times(loaded, _stretched(body, loaded.cameras), count)}
    if body.name == TASK_ROBOT:
        times = {"task": _times(loaded, _of_the_task(body), count)} | times
    folder = Path(checkpoint) if checkpoint else SHIPPED_WEIGHTS / policy
    evidence: dict[str, Any] = {
        "facts": provenance(checkpoint),
        "policy": policy,
        "inferences": count,
        "load_average": round(os.getloadavg()[0], 1),
        "cores": len(os.sched_getaffinity(0)),
        "times": {kind: {clock: _quantiles(found) for clock, found in both.items()} for kind, both in times.items()},
        "weights_bytes": sum(path.stat().st_size for path in folder.glob("*.safetensors")) if folder.is_dir() else None,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    show_table(
        f"{policy}, one thread",
        [
            *((f"{kind}: {clock.replace('_', ', ')}", f"p50 {q['p50']:.1f}, p95 {q['p95']:.1f}")
              for kind, both in evidence["times"].items() for clock, q in both.items()),
            ("load average of the machine", f"{evidence['load_average']} on {evidence['cores']} cores"),
            ("written to", str(out)),
        ],
    )  # fmt: skip
    return 0


def _times(policy: Any, observations: list[Any], count: int) -> dict[str, list[float]]:
    """ms of each inference, by either clock."""
    wall, processor = [], []
    for number, observation in enumerate(itertools.islice(itertools.cycle(observations), count + WARM_UP)):
        started, cpu = time.perf_counter(), time.process_time()
        policy.act(observation)
        if number >= WARM_UP:
            wall.append(1e3 * (time.perf_counter() - started))
            processor.append(1e3 * (time.process_time() - cpu))
    return {"wall_ms": wall, "processor_ms": processor}


def _of_the_task(robot: Robot) -> list[Any]:
    from embodiedcomp_eval.simulators.robosuite_sim import RobosuiteSimulator
    from embodiedcomp_eval.training.demonstrations import Recorder, glimpse
    from embodiedcomp_policy.observation import Observation
    from embodiedcomp_policy.registry import make_arm

    observations: list[Any] = []

    class Seen(Recorder):
        def label(self, seed: int) -> Any:
            found = super().label(seed)
            observations.append(Observation(found[0], found[1], INSTRUCTION, seed))
            return found

    simulator, arm = RobosuiteSimulator(SIDE), make_arm(robot)
    recorder = Seen(simulator, arm)
    for seed in range(FIRST_SEED, FIRST_SEED + SCENES):
        glimpse(simulator, arm, recorder, seed)
    simulator.close()
    return observations


def _stretched(robot: Robot, cameras: Any) -> list[Any]:
    from embodiedcomp_policy.observation import Observation

    rng = np.random.default_rng(0)
    middle, spread = (robot.lower + robot.upper) / 2, (robot.upper - robot.lower) / 20
    return [
        Observation(
            {camera: rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for camera in cameras},
            middle + rng.uniform(-1, 1, len(middle)) * spread,
            INSTRUCTION,
            number,
        )
        for number in range(SCENES)
    ]


def _quantiles(values: list[float]) -> dict[str, float]:
    return {"p50": round(float(np.quantile(values, 0.5)), 2), "p95": round(float(np.quantile(values, 0.95)), 2)}
