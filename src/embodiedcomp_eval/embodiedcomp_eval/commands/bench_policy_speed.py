"""``embodiedcomp bench policy-speed``: how long a policy thinks on one thread, and how large it is."""

from __future__ import annotations

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
from embodiedcomp_policy.robot import load_robot

SIDE = 256
WARM_UP = 10


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
    """Time from an observation to its chunk, wall clock and processor time, on one thread; about 10 s."""
    if count < 1:
        raise ConfigError(f"count must be 1 or more, found {count}")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    from embodiedcomp_policy.observation import Observation
    from embodiedcomp_policy.registry import make_policy

    loaded, body, rng = make_policy(policy, checkpoint), load_robot(robot), np.random.default_rng(0)
    middle, spread = (body.lower + body.upper) / 2, (body.upper - body.lower) / 20
    wall, processor = [], []
    for number in range(count + WARM_UP):
        images = {c: rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for c in loaded.cameras}
        state = middle + rng.uniform(-1, 1, len(middle)) * spread
        observation = Observation(images, state, "Pick up the object", number)
        started, cpu = time.perf_counter(), time.process_time()
        loaded.act(observation)
        if number >= WARM_UP:
            wall.append(1e3 * (time.perf_counter() - started))
            processor.append(1e3 * (time.process_time() - cpu))
    folder = Path(checkpoint) if checkpoint else SHIPPED_WEIGHTS / policy
    evidence: dict[str, Any] = {
        "facts": provenance(checkpoint),
        "policy": policy,
        "inferences": count,
        "load_average": round(os.getloadavg()[0], 1),
        "cores": len(os.sched_getaffinity(0)),
        "wall_ms": _quantiles(wall),
        "processor_ms": _quantiles(processor),
        "weights_bytes": sum(path.stat().st_size for path in folder.glob("*.safetensors")) if folder.is_dir() else None,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    show_table(
        f"{policy}, one thread",
        [
            *((kind.replace("_", ", "), f"p50 {q['p50']:.1f}, p95 {q['p95']:.1f}")
              for kind, q in (("wall_ms", evidence["wall_ms"]), ("processor_ms", evidence["processor_ms"]))),
            ("load average of the machine", f"{evidence['load_average']} on {evidence['cores']} cores"),
            ("written to", str(out)),
        ],
    )  # fmt: skip
    return 0


def _quantiles(values: list[float]) -> dict[str, float]:
    return {"p50": round(float(np.quantile(values, 0.5)), 2), "p95": round(float(np.quantile(values, 0.95)), 2)}
