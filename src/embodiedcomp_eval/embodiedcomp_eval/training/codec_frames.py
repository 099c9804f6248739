"""Task frames to train learned codecs on: both cameras along expert demonstrations and over states of the approach.

Scenes are those of training seeds, minus every one that shows a left-out object, table or wall: these stay unseen, so that
a later test can ask how far a codec trained on a task carries.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.training.frames import save_shard
from embodiedcomp_eval.scene import Scene, scene_of_seed
from embodiedcomp_eval.training.demonstrations import Recorder, demonstrate, glimpse

LEFT_OUT_OBJECTS = ("cereal", "hammer")
LEFT_OUT_TABLES = ("dark-wood",)
LEFT_OUT_WALLS = ("white-bricks",)
SIDE = 256  # px
FIRST_SEED = 1_500_000
FIRST_DEVELOPMENT_SEED = 10_900
DEVELOPMENT_SCENES = 12
"""Of each kind, shown in training and left out; one state of the approach each, both cameras."""
SEEDS_PER_SHARD = 1000
DEMONSTRATIONS = 10
"""Expert episodes in a shard, a frame per camera every three to seven steps."""
GLIMPSES = 60
"""Approach states set without physics in a shard, every one another scene."""


class FrameRecorder(Recorder):
    """In the place of the demonstrations' recorder: keeps the full pictures of both cameras."""

    def __init__(self, simulator: Any, arm: Any) -> None:
        super().__init__(simulator, arm)
        self._frames: list[npt.NDArray[np.uint8]] = []

    def label(self, seed: int) -> Any:
        """As the demonstrations want it."""
        found = super().label(seed)
        self._frames += [found[0][camera] for camera in sorted(found[0])]
        return found

    def frames(self) -> npt.NDArray[np.uint8]:
        """``(n, H, W, 3)``: everything kept so far, and start anew."""
        self.take()
        frames, self._frames = np.stack(self._frames), []
        return frames


def shown(scene: Scene) -> bool:
    """Whether a codec may be trained on this scene."""
    return (
        scene.object not in LEFT_OUT_OBJECTS and scene.table not in LEFT_OUT_TABLES and scene.wall not in LEFT_OUT_WALLS
    )


def shard_seeds(shard: int) -> tuple[list[int], list[int]]:
    """The training seeds of one shard: those of its demonstrations, those of its glimpses."""
    first = FIRST_SEED + SEEDS_PER_SHARD * shard
    usable = (seed for seed in range(first, first + SEEDS_PER_SHARD) if shown(scene_of_seed(seed)))
    seeds = [seed for seed, _ in zip(usable, range(DEMONSTRATIONS + GLIMPSES), strict=False)]
    return seeds[:DEMONSTRATIONS], seeds[DEMONSTRATIONS:]


def collect_frames(folder: Path, shards: int, workers: int, report: Callable[[str], None]) -> list[Path]:
    """Render every shard that isn't there yet; returns the paths of all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(folder / f"frames-{number:03}.npy", number) for number in range(shards)]
    waiting = [job for job in jobs if not job[0].exists()]
    if waiting:
        report(f"rendering {len(waiting)} shards of training frames into {folder}")
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for path, count in pool.map(_render_shard, waiting):
                report(f"{path.name}: {count} frames")
    return [path for path, _ in jobs]


def collect_development(folder: Path, report: Callable[[str], None]) -> dict[str, Path]:
    """Frames of development seeds by what training saw of them, rendered unless they are there; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {kind: folder / f"{kind}.npy" for kind in ("shown", "left-out")}
    if not all(path.exists() for path in paths.values()):
        report(f"rendering development frames into {folder}")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(_render_development, paths).result()
    return paths


def seeds_in_words(shards: int) -> str:
    """Which training seeds the frames of so many shards came from."""
    return (
        f"of each of {shards} blocks of {SEEDS_PER_SHARD} seeds from {FIRST_SEED}, the first "
        f"{DEMONSTRATIONS + GLIMPSES} whose scene shows nothing left out"
    )


def left_out_in_words() -> str:
    """What no training frame shows."""
    return f"objects {' '.join(LEFT_OUT_OBJECTS)}; tables {' '.join(LEFT_OUT_TABLES)}; walls {' '.join(LEFT_OUT_WALLS)}"


def _render_development(paths: dict[str, Path]) -> None:
    simulator, arm, recorder = _equipment()
    for kind, path in paths.items():
        found, seed = 0, FIRST_DEVELOPMENT_SEED
        while found < DEVELOPMENT_SCENES:
            if shown(scene_of_seed(seed)) == (kind == "shown"):
                glimpse(simulator, arm, recorder, seed)
                found += 1
            seed += 1
        save_shard(path, recorder.frames())


def _render_shard(job: tuple[Path, int]) -> tuple[Path, int]:
    path, number = job
    simulator, arm, recorder = _equipment()
    demonstrations, glimpses = shard_seeds(number)
    for seed in demonstrations:
        demonstrate(simulator, arm, recorder, seed)
    for seed in glimpses:
        glimpse(simulator, arm, recorder, seed)
    frames = recorder.frames()
    save_shard(path, frames)
    return path, len(frames)


_kept: list[Any] = []


def _equipment() -> tuple[Any, Any, Any]:
    """Simulator, arm and recorder of this worker process, made once: compiling the models takes 20 s."""
    from embodiedcomp_eval.simulators.robosuite_sim import RobosuiteSimulator
    from embodiedcomp_policy.registry import make_arm
    from embodiedcomp_policy.robot import load_robot

    if not _kept:
        simulator, arm = RobosuiteSimulator(SIDE, settle_steps=10), make_arm(load_robot("ur5e"))
        _kept.extend((simulator, arm, FrameRecorder(simulator, arm)))
    return _kept[0], _kept[1], _kept[2]
