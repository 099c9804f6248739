"""Fine-tune `reference` into `reference-robust`: the same labels on pictures that codecs at low rates have been through.

New training scenes, three kinds of states as for `reference` (``training/reference.py``): disturbed demonstrations, glimpses,
and corrections in which the policy to be tuned drives by what the codecs left. Every state is stored under ``VARIANTS``
distortions and clean. Resumable like ``train_reference``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from embodiedcomp_eval.training.stages import (
    Job,
    Report,
    clone,
    collect,
    correction_shard,
    demonstration_shard,
    driver,
    equipment,
)

FIRST_DEMONSTRATION = 1_300_000
FIRST_CORRECTION = 1_350_000
FIRST_GLIMPSE = 1_400_000
DEMONSTRATIONS, CORRECTIONS, GLIMPSES = 50, 40, 400
"""Episodes, and states set without physics, in a shard; glimpses of shards are 1000 seeds apart."""
VARIANTS = 2
"""Distortions of each state."""


@dataclass(frozen=True)
class RobustPlan:
    """Shards of demonstrations and of corrections, epochs over them, highest learning rate of their one cycle."""

    shards: int = 4
    corrections: int = 1
    epochs: int = 2
    rate: float = 5e-4
    workers: int = 2


def train_robust(start: Path, folder: Path, plan: RobustPlan, report: Report) -> Path:
    """Fine-tune the network in ``start``: run every stage that isn't done; returns the folder of the new network."""
    shards = folder / "shards"
    shards.mkdir(parents=True, exist_ok=True)
    jobs: list[Job] = [(_demonstrations, shards / f"demo-{k:03}.npz", k, None) for k in range(plan.shards)]
    collect("demonstrations", jobs, plan.workers, folder, report)
    jobs = [(_corrections, shards / f"correct-{k:03}.npz", k, start) for k in range(plan.corrections)]
    collect("corrections", jobs, plan.workers, folder, report)
    network = folder / "robust"
    clone(sorted(shards.glob("*.npz")), network, plan.epochs, plan.rate, start, plan.workers, folder, report)
    return network


def _demonstrations(path: Path, shard: int, _: Path | None) -> tuple[Path, int, int]:
    from embodiedcomp_eval.training.demonstrations import Recorder
    from embodiedcomp_eval.training.distortions import Distorted

    first, glimpse = FIRST_DEMONSTRATION + DEMONSTRATIONS * shard, FIRST_GLIMPSE + 1000 * shard
    episodes, glimpses = range(first, first + DEMONSTRATIONS), range(glimpse, glimpse + GLIMPSES)
    return demonstration_shard(path, Recorder(*equipment(), Distorted(VARIANTS)), episodes, glimpses)


def _corrections(path: Path, shard: int, network: Path | None) -> tuple[Path, int, int]:
    assert network is not None
    drive = driver(network)  # before the equipment: torch comes before a renderer
    from embodiedcomp_eval.training.demonstrations import Recorder
    from embodiedcomp_eval.training.distortions import Distorted

    first = FIRST_CORRECTION + CORRECTIONS * shard
    return correction_shard(path, Recorder(*equipment(), Distorted(VARIANTS)), drive, range(first, first + CORRECTIONS))
