"""Train the reference policy from nothing: demonstrations, cloning, then rounds of correction (DAgger). Resumable.

Everything lies in one folder and each stage is skipped where its file is there already: ``shards/*.npz`` (examples),
``round-R/`` (a network, with its training state until it is done). All seeds are training seeds.
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

FIRST_DEMONSTRATION = 1_000_000
FIRST_CORRECTION = 1_100_000
FIRST_GLIMPSE = 1_200_000
DEMONSTRATIONS = 50
"""Demonstrated episodes in a shard."""
GLIMPSES = 800
"""Approach states set without physics in a shard; shards are 1000 seeds apart."""
CORRECTIONS = 40
"""Corrected episodes in a shard; rounds are 10,000 seeds apart."""


@dataclass(frozen=True)
class Plan:
    """How much of everything. ``rounds[r]``: (shards of corrections before it, epochs, learning rate) of round r + 1.

    stop_after: round 0 leaves its schedule of ``epochs`` there: what it still lacks are its own mistakes, not polish.
    """

    shards: int = 24
    epochs: int = 8
    stop_after: int = 4
    rate: float = 1e-3
    rounds: tuple[tuple[int, int, float], ...] = ((6, 5, 1e-3),)
    workers: int = 2


def train_reference(folder: Path, plan: Plan, report: Report) -> Path:
    """Run every stage that isn't done; returns the folder of the last round's network."""
    shards = folder / "shards"
    shards.mkdir(parents=True, exist_ok=True)
    jobs: list[Job] = [(_demonstration_shard, shards / f"demo-{k:03}.npz", k, None) for k in range(plan.shards)]
    collect("demonstrations", jobs, plan.workers, folder, report)
    network = folder / "round-0"
    clone(
        sorted(shards.glob("demo-*.npz")), network, plan.epochs, plan.rate, None, plan.workers, folder, report,
        plan.stop_after,
    )  # fmt: skip
    for index, (count, epochs, rate) in enumerate(plan.rounds, start=1):
        jobs = [(_correction_shard, shards / f"correct-{index}-{k:03}.npz", (index, k), network) for k in range(count)]
        collect(f"corrections-{index}", jobs, plan.workers, folder, report)
        following = folder / f"round-{index}"
        known = sorted(shards.glob("demo-*.npz"))
        known += [p for r in range(1, index + 1) for p in sorted(shards.glob(f"correct-{r}-*.npz"))]
        clone(known, following, epochs, rate, network, plan.workers, folder, report)
        network = following
    return network


def _demonstration_shard(path: Path, shard: int, _: Path | None) -> tuple[Path, int, int]:
    from embodiedcomp_eval.training.demonstrations import Recorder

    first, glimpse = FIRST_DEMONSTRATION + DEMONSTRATIONS * shard, FIRST_GLIMPSE + 1000 * shard
    episodes, glimpses = range(first, first + DEMONSTRATIONS), range(glimpse, glimpse + GLIMPSES)
    return demonstration_shard(path, Recorder(*equipment()), episodes, glimpses)


def _correction_shard(path: Path, key: tuple[int, int], network: Path | None) -> tuple[Path, int, int]:
    assert network is not None
    drive = driver(network)  # before the equipment: torch comes before a renderer
    from embodiedcomp_eval.training.demonstrations import Recorder

    round_number, shard = key
    first = FIRST_CORRECTION + 10_000 * round_number + CORRECTIONS * shard
    return correction_shard(path, Recorder(*equipment()), drive, range(first, first + CORRECTIONS))
