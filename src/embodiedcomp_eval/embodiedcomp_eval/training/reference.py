"""Train the reference policy from nothing: demonstrations, cloning, then rounds of correction (DAgger). Resumable.

Everything lies in one folder and each stage is skipped where its file is there already: ``shards/*.npz`` (examples),
``round-R/`` (a network, with its training state until it is done). All seeds are training seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

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


def train_reference(folder: Path, plan: Plan, report: Callable[[str], None]) -> Path:
    """Run every stage that isn't done; returns the folder of the last round's network."""
    shards = folder / "shards"
    shards.mkdir(parents=True, exist_ok=True)
    _collect([(_demonstration_shard, shards / f"demo-{k:03}.npz", k, None) for k in range(plan.shards)], plan, report)
    network = folder / "round-0"
    _clone(sorted(shards.glob("demo-*.npz")), network, plan.epochs, plan.rate, None, plan, report, plan.stop_after)
    for index, (count, epochs, rate) in enumerate(plan.rounds, start=1):
        jobs: list[Job] = [
            (_correction_shard, shards / f"correct-{index}-{k:03}.npz", (index, k), network) for k in range(count)
        ]
        _collect(jobs, plan, report)
        following = folder / f"round-{index}"
        known = sorted(shards.glob("demo-*.npz"))
        known += [p for r in range(1, index + 1) for p in sorted(shards.glob(f"correct-{r}-*.npz"))]
        _clone(known, following, epochs, rate, network, plan, report)
        network = following
    return network


Job = tuple[Callable[[Path, Any, Path | None], tuple[Path, int, int]], Path, Any, Path | None]
"""Function, the shard to write, its key, the network that drives."""


def _collect(jobs: Sequence[Job], plan: Plan, report: Callable[[str], None]) -> None:
    waiting = [job for job in jobs if not job[1].exists()]
    if not waiting:
        return
    with ProcessPoolExecutor(plan.workers, mp_context=get_context("spawn")) as pool:
        for path, count, lifted in pool.map(_run, waiting):
            report(f"{path.name}: {count} examples, {lifted} episodes lifted")


def _run(job: Job) -> tuple[Path, int, int]:
    make, path, key, network = job
    return make(path, key, network)


def _demonstration_shard(path: Path, shard: int, _: Path | None) -> tuple[Path, int, int]:
    simulator, arm, recorder = _equipment()
    from embodiedcomp_eval.training.demonstrations import demonstrate, glimpse
    from embodiedcomp_policy.training.examples import save

    first = FIRST_DEMONSTRATION + DEMONSTRATIONS * shard
    lifted = sum(demonstrate(simulator, arm, recorder, seed) for seed in range(first, first + DEMONSTRATIONS))
    first = FIRST_GLIMPSE + 1000 * shard
    for seed in range(first, first + GLIMPSES):
        glimpse(simulator, arm, recorder, seed)
    count = len(recorder)
    save(path, recorder.take())
    return path, count, lifted


def _correction_shard(path: Path, key: tuple[int, int], network: Path | None) -> tuple[Path, int, int]:
    assert network is not None
    from embodiedcomp_policy.registry import make_policy

    policy = make_policy("reference", checkpoint=str(network))  # torch before the renderer
    simulator, _, recorder = _equipment()
    from embodiedcomp_eval.training.demonstrations import correct
    from embodiedcomp_policy.observation import Observation
    from embodiedcomp_policy.training.examples import save
    from embodiedcomp_policy.training.imitation import INSTRUCTION

    def drive(images: dict[str, Any], state: Any, stamp_ns: int) -> Any:
        return policy.act(Observation(images, state, INSTRUCTION, stamp_ns)).positions

    round_number, shard = key
    first = FIRST_CORRECTION + 10_000 * round_number + CORRECTIONS * shard
    lifted = sum(correct(simulator, recorder, drive, seed) for seed in range(first, first + CORRECTIONS))
    count = len(recorder)
    save(path, recorder.take())
    return path, count, lifted


_kept: list[Any] = []


def _equipment() -> tuple[Any, Any, Any]:
    """Simulator, arm and recorder of this worker process, made once: compiling eleven models takes 20 s."""
    from embodiedcomp_eval.simulators.robosuite_sim import RobosuiteSimulator
    from embodiedcomp_eval.training.demonstrations import Recorder
    from embodiedcomp_policy.registry import make_arm
    from embodiedcomp_policy.robot import load_robot

    if not _kept:
        simulator, arm = RobosuiteSimulator(settle_steps=10), make_arm(load_robot("ur5e"))
        _kept.extend((simulator, arm, Recorder(simulator, arm)))
    return _kept[0], _kept[1], _kept[2]


def _clone(
    paths: list[Path],
    network: Path,
    epochs: int,
    rate: float,
    start: Path | None,
    plan: Plan,
    report: Callable[[str], None],
    stop_after: int | None = None,
) -> None:
    if (network / "model.safetensors").exists():
        return
    import torch

    from embodiedcomp_policy.training.examples import load
    from embodiedcomp_policy.training.imitation import train

    torch.set_num_threads(plan.workers)
    examples = load(paths)
    report(f"{network.name}: {len(examples)} examples from {len(paths)} shards")
    train(examples, network, epochs=epochs, rate=rate, start_from=start, stop_after=stop_after, report=report)
