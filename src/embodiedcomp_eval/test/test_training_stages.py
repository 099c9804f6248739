"""Stages of training: what is there is not made again, what was made is timed, seeds stay training seeds."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

from embodiedcomp_eval.training import reference, robust
from embodiedcomp_eval.training.demonstrations import Recorder
from embodiedcomp_eval.training.stages import LOG, Job, clone, collect
from embodiedcomp_policy.policies.reference_network import ReferenceNetwork
from embodiedcomp_policy.training.examples import HORIZON, VIEW, Examples, load, save


def examples(count: int = 70) -> Examples:
    rng = np.random.default_rng(0)
    return Examples(
        base=rng.integers(0, 256, (count, VIEW, VIEW, 3), dtype=np.uint8),
        wrist=rng.integers(0, 256, (count, VIEW, VIEW, 3), dtype=np.uint8),
        state=rng.normal(size=(count, 7)).astype(np.float32),
        tool=rng.normal(size=(count, 4)).astype(np.float32),
        plan=rng.normal(size=(count, HORIZON, 5)).astype(np.float32),
        goal=rng.normal(size=(count, 4)).astype(np.float32),
        episode=np.arange(count),
    )


def make(path: Path, key: Any, _: Path | None) -> tuple[Path, int, int]:
    save(path, examples(key))
    return path, key, 1


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / LOG).read_text().splitlines()]


def test_only_missing_shards_are_collected(tmp_path: Path) -> None:
    jobs: list[Job] = [(make, tmp_path / f"{k}.npz", 5 + k, None) for k in range(3)]
    save(tmp_path / "1.npz", examples(2))
    said: list[str] = []
    collect("demonstrations", jobs, 2, tmp_path, said.append)
    assert [line.split(":")[0] for line in said] == ["0.npz", "2.npz"]
    assert len(load([tmp_path / "1.npz"])) == 2
    (line,) = log(tmp_path)
    assert (line["stage"], line["shards"], line["examples"]) == ("demonstrations", 2, 12) and line[
        "seconds"
    ] > 0 < line["processor_seconds"]
    collect("demonstrations", jobs, 2, tmp_path, said.append)
    assert len(said) == 2 and len(log(tmp_path)) == 1


def test_a_fine_tune_starts_from_the_network_given_and_is_not_repeated(tmp_path: Path) -> None:
    save(tmp_path / "a.npz", examples())
    clone([tmp_path / "a.npz"], tmp_path / "first", 1, 1e-3, None, 1, tmp_path, lambda line: None)
    # A learning rate of next to nothing: what comes out is what it started from.
    clone([tmp_path / "a.npz"], tmp_path / "tuned", 1, 1e-9, tmp_path / "first", 1, tmp_path, lambda line: None)
    first, tuned = (ReferenceNetwork.from_pretrained(tmp_path / name) for name in ("first", "tuned"))
    assert abs(first.plans.weight - tuned.plans.weight).max() < 1e-6
    written = (tmp_path / "tuned" / "model.safetensors").stat().st_mtime_ns
    clone([tmp_path / "a.npz"], tmp_path / "tuned", 9, 1e-3, None, 1, tmp_path, lambda line: None)
    assert (tmp_path / "tuned" / "model.safetensors").stat().st_mtime_ns == written
    assert [(line["stage"], line["epochs"]) for line in log(tmp_path)] == [("first", 1), ("tuned", 1)]


def test_all_seeds_are_training_seeds_and_the_fine_tune_sees_other_scenes() -> None:
    plan, tune = reference.Plan(), robust.RobustPlan()
    of_reference = [
        (reference.FIRST_DEMONSTRATION, plan.shards * reference.DEMONSTRATIONS),
        (reference.FIRST_CORRECTION, 10_000 * (len(plan.rounds) + 1)),
        (reference.FIRST_GLIMPSE, 1000 * plan.shards),
    ]
    of_robust = [
        (robust.FIRST_DEMONSTRATION, tune.shards * robust.DEMONSTRATIONS),
        (robust.FIRST_CORRECTION, tune.corrections * robust.CORRECTIONS),
        (robust.FIRST_GLIMPSE, 1000 * tune.shards),
    ]
    blocks = sorted((first, first + count) for first, count in of_reference + of_robust)
    assert blocks[0][0] >= 1_000_000 and blocks[-1][1] <= 2_000_000
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(blocks))


class Scene:
    object = "cube"


class StillSimulator:
    """A cube on the table before an arm at rest."""

    scene = Scene()
    time_ns = 0

    def render(self) -> dict[str, np.ndarray]:
        return {name: np.full((256, 256, 3), 90, dtype=np.uint8) for name in ("base_camera", "wrist_camera")}

    def joint_state(self) -> Any:
        from embodiedcomp_eval.layout import HOME
        from embodiedcomp_eval.simulator import JointState

        return JointState(0, np.array([*HOME, 0.0]), np.zeros(7))

    def object_pose(self) -> Any:
        from embodiedcomp_eval.simulator import Pose

        return Pose(np.array([0.5, 0.0, 0.02]), np.array([0.0, 0.0, 0.0, 1.0]))


class Inverted:
    """Two variants: the negative, then the picture."""

    def start(self, seed: int) -> None:
        self.seed = seed

    def of(self, images: Any, stamp_ns: int) -> list[Any]:
        return [{name: 255 - image for name, image in images.items()}, images]


def test_every_variant_is_stored_with_the_same_label_and_the_driver_sees_the_first() -> None:
    from embodiedcomp_policy.registry import make_arm
    from embodiedcomp_policy.robot import load_robot

    variants = Inverted()
    recorder = Recorder(StillSimulator(), make_arm(load_robot("ur5e")), variants)
    recorder.start(1_000_000)
    images, _, _ = recorder.label(1_000_000)
    assert variants.seed == 1_000_000 and (images["base_camera"] == 165).all()
    found = recorder.take()
    assert len(found) == 2 and (found.plan[0] == found.plan[1]).all() and (found.state[0] == found.state[1]).all()
    assert (found.base[0] == 165).all() and (found.base[1] == 90).all() and len(recorder) == 0
