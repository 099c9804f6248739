"""Digests of stages: the same twice, moved by the smallest change, and a difference is laid at the right stage's door."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval import stages
from embodiedcomp_eval.oracle_pose import Images
from embodiedcomp_eval.simulator import CONTROL_PERIOD_NS, JointState, Pose
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation


class Arm:
    """Follows its target at once; ``error`` is a machine's rounding, ``shade`` another renderer's."""

    joint_names = tuple("abcdefg")
    cameras = ("a",)

    def __init__(self, error: float = 0.0, shade: int = 0) -> None:
        self._error, self._shade, self._steps, self._at = error, shade, 0, np.zeros(7)

    def reset(self, seed: int) -> dict[str, object]:
        self._steps = 0
        return {}

    @property
    def time_ns(self) -> int:
        return self._steps * CONTROL_PERIOD_NS

    def joint_state(self) -> JointState:
        return JointState(self.time_ns, self._at, np.zeros(7))

    def object_pose(self) -> Pose:
        return Pose(np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0]))

    def step(self, target: np.ndarray) -> None:
        self._steps, self._at = self._steps + 1, target + self._error

    def render(self) -> Images:
        raise AssertionError("a stage of its own must not render the episode")

    def draw(self, kind: str, positions: np.ndarray, pose: Pose) -> Images:
        return {"a": np.full((2, 2, 3), len(kind) + self._shade, np.uint8)}

    def close(self) -> None: ...


class Still:
    cameras = ("a",)

    def __init__(self, error: float = 0.0) -> None:
        self._error = error

    def reset(self, seed: int) -> None: ...

    def act(self, observation: Observation) -> Chunk:
        mean = float(observation.images["a"].mean()) + self._error
        return Chunk(observation.stamp_ns, np.array([1], np.int64), np.full((1, 7), mean))


@pytest.fixture(autouse=True)
def few_codecs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "CODECS", ("png", "jpeg", "nosuch"))


def run(arm: Arm, policy: Still) -> dict[str, str]:
    return dict(stages.stages(policy, arm, lambda: "whole"))


def test_the_same_machine_gives_the_same_and_each_fault_shows_at_its_own_stage_only() -> None:
    reference = run(Arm(), Still())
    words = stages.compare(reference, run(Arm(), Still()))
    assert {name for name, word in words.items() if word == "same"} == set(reference) - {
        "nosuch: packets",
        "nosuch: pictures",
    }
    for other, where in (
        (run(Arm(error=1e-15), Still()), "physics"),
        (run(Arm(shade=1), Still()), "render"),
        (run(Arm(), Still(error=1e-12)), "policy"),
    ):
        differ = [name for name, word in stages.compare(reference, other).items() if word == "differs"]
        assert differ == [where]


def test_what_one_side_lacks_is_said_and_is_no_difference() -> None:
    reference = {"scene": "1", "vp9: packets": stages.MISSING, "policy": "2"}
    assert stages.compare(reference, {"scene": "1", "vp9: packets": "3", "new": "4"}) == {
        "scene": "same",
        "vp9: packets": "not in the reference",
        "policy": stages.MISSING,
        "new": "not in the reference",
    }


def test_the_picture_is_pinned_and_moves() -> None:
    assert stages.picture(0).shape == (256, 256, 3) and stages.picture(0).dtype == np.uint8
    assert int(stages.picture(0).astype(np.int64).sum()) == 23_585_293
    assert (stages.picture(0) != stages.picture(1)).any()
