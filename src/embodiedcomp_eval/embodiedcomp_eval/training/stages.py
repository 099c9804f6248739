"""Stages of a training run in one folder: shards collected by processes, networks trained; each is done once.

A stage whose file is there is skipped, so a second run goes on where a first one stopped. What each took is appended to
``stages.jsonl``.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

Report = Callable[[str], None]
Job = tuple[Callable[[Path, Any, Path | None], tuple[Path, int, int]], Path, Any, Path | None]
"""Function, the shard to write, its key, the network that drives."""

LOG = "stages.jsonl"


def collect(stage: str, jobs: Sequence[Job], workers: int, folder: Path, report: Report) -> None:
    """Run the jobs whose shard is missing in ``workers`` processes."""
    waiting = [job for job in jobs if not job[1].exists()]
    if not waiting:
        return
    clock, examples = Clock(), 0
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for path, count, lifted in pool.map(_run, waiting):
            examples += count
            report(f"{path.name}: {count} examples, {lifted} episodes lifted")
    note(folder, stage=stage, **clock.read(), shards=len(waiting), examples=examples)


def _run(job: Job) -> tuple[Path, int, int]:
    make, path, key, network = job
    return make(path, key, network)


def demonstration_shard(path: Path, recorder: Any, episodes: range, glimpses: range) -> tuple[Path, int, int]:
    """Record demonstrated episodes, then approach states set without physics; both are seeds."""
    from embodiedcomp_eval.training.demonstrations import demonstrate, glimpse

    simulator, arm = equipment()
    lifted = sum(demonstrate(simulator, arm, recorder, seed) for seed in episodes)
    for seed in glimpses:
        glimpse(simulator, arm, recorder, seed)
    return _saved(path, recorder, lifted)


def correction_shard(path: Path, recorder: Any, drive: Any, episodes: range) -> tuple[Path, int, int]:
    """Record what the expert says to the states that the network behind ``drive`` gets into; ``episodes`` are seeds."""
    from embodiedcomp_eval.training.demonstrations import correct

    simulator, _ = equipment()
    return _saved(path, recorder, sum(correct(simulator, recorder, drive, seed) for seed in episodes))


def _saved(path: Path, recorder: Any, lifted: int) -> tuple[Path, int, int]:
    from embodiedcomp_policy.training.examples import save

    count = len(recorder)
    save(path, recorder.take())
    return path, count, lifted


def clone(
    paths: Sequence[Path],
    network: Path,
    epochs: int,
    rate: float,
    start: Path | None,
    threads: int,
    folder: Path,
    report: Report,
    stop_after: int | None = None,
) -> None:
    """Train ``network`` on the shards unless it is there: from nothing, or from the network in ``start``."""
    if (network / "model.safetensors").exists():
        return
    import torch

    from embodiedcomp_policy.training.examples import load
    from embodiedcomp_policy.training.imitation import train

    torch.set_num_threads(threads)
    clock = Clock()
    examples = load(list(paths))
    report(f"{network.name}: {len(examples)} examples from {len(paths)} shards")
    train(examples, network, epochs=epochs, rate=rate, start_from=start, stop_after=stop_after, report=report)
    note(
        folder, stage=network.name, **clock.read(), shards=len(paths), examples=len(examples),
        epochs=min(epochs, stop_after or epochs),
    )  # fmt: skip


class Clock:
    """What a stage takes from now on: on a shared machine wall time alone says little."""

    def __init__(self) -> None:
        self._started, self._spent = time.monotonic(), self._processor()

    def read(self) -> dict[str, float]:
        """``seconds`` of wall time, ``processor_seconds`` of this process and of those that it started and that ended."""
        return {
            "seconds": round(time.monotonic() - self._started, 1),
            "processor_seconds": round(self._processor() - self._spent, 1),
        }

    @staticmethod
    def _processor() -> float:
        return sum(os.times()[:4])


def note(folder: Path, **facts: Any) -> None:
    """Append what a stage took in this run alone, where it was done in several."""
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")


_kept: list[Any] = []


def equipment() -> tuple[Any, Any]:
    """Simulator and arm of this worker process, made once: compiling eleven models takes 20 s."""
    from embodiedcomp_eval.simulators.robosuite_sim import RobosuiteSimulator
    from embodiedcomp_policy.registry import make_arm
    from embodiedcomp_policy.robot import load_robot

    if not _kept:
        _kept.extend((RobosuiteSimulator(settle_steps=10), make_arm(load_robot("ur5e"))))
    return _kept[0], _kept[1]


def driver(network: Path) -> Callable[[dict[str, Any], Any, int], Any]:
    """A network as what drives the arm between labels. Call it before ``equipment``: torch comes before a renderer."""
    from embodiedcomp_policy.observation import Observation
    from embodiedcomp_policy.registry import make_policy
    from embodiedcomp_policy.training.imitation import INSTRUCTION

    policy = make_policy("reference", checkpoint=str(network))

    def drive(images: dict[str, Any], state: Any, stamp_ns: int) -> Any:
        return policy.act(Observation(images, state, INSTRUCTION, stamp_ns)).positions

    return drive
