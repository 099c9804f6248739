"""The robot's side: follows trajectories on their points, holds without one, renders only what is due."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from embodiedcomp_eval.plant import Plant
from embodiedcomp_eval.sensor import Sensor
from embodiedcomp_eval.simulator import CONTROL_PERIOD_NS, JointState, Pose, Simulator
from embodiedcomp_eval.task import TaskConfig


class PerfectArm:
    """Is at once where it is told to be, and counts its renders."""

    joint_names = ("x", "gripper")
    cameras = ("a", "b")

    def reset(self, seed: int) -> dict[str, Any]:
        self.joints, self.steps, self.renders = np.array([float(seed), 0.0]), 0, 0
        return {"object": "none"}

    @property
    def time_ns(self) -> int:
        return self.steps * CONTROL_PERIOD_NS

    def render(self) -> dict[str, npt.NDArray[np.uint8]]:
        self.renders += 1
        return {camera: np.full((2, 2, 3), self.steps, dtype=np.uint8) for camera in self.cameras}

    def joint_state(self) -> JointState:
        return JointState(self.time_ns, self.joints.copy(), np.zeros(2))

    def object_pose(self) -> Pose:
        return Pose(np.zeros(3), np.array([1.0, 0, 0, 0]))

    def step(self, target: npt.NDArray[np.float64]) -> None:
        self.joints, self.steps = target.copy(), self.steps + 1

    def close(self) -> None:
        pass


@pytest.fixture
def arm() -> PerfectArm:
    return PerfectArm()


def plant_of(task: TaskConfig, arm: PerfectArm, every_step: bool = False) -> Plant:
    plant = Plant(task, arm, Sensor(), every_step)
    plant.reset(2)
    return plant


def test_the_double_is_a_simulator(arm: PerfectArm) -> None:
    arm.reset(0)
    assert isinstance(arm, Simulator)


def test_without_a_trajectory_it_holds(small_task: TaskConfig, arm: PerfectArm) -> None:
    plant = plant_of(small_task, arm)
    instants = list(plant.execute(3))
    assert [instant.stamp_ns for instant in instants] == [100_000_000, 200_000_000, 300_000_000]
    assert all(instant.joints.positions.tolist() == [2.0, 0.0] for instant in instants)
    assert arm.renders == 0


def test_it_is_on_each_point_when_it_is_due_and_holds_the_last(small_task: TaskConfig, arm: PerfectArm) -> None:
    plant = plant_of(small_task, arm)
    list(plant.execute(2))
    points = np.array([[3.0, 0.1], [5.0, 0.2]])
    plant.follow(200_000_000, np.array([100_000_000, 300_000_000], dtype=np.int64), points, plant.time_ns)
    seen = [instant.joints.positions.tolist() for instant in plant.execute(4)]
    assert seen[0] == [3.0, 0.1] and seen[2] == seen[3] == [5.0, 0.2]
    assert seen[1] == pytest.approx([4.0, 0.15])


def test_every_step_renders_all_but_the_last_which_is_asked_for(small_task: TaskConfig, arm: PerfectArm) -> None:
    plant = plant_of(small_task, arm, every_step=True)
    first = plant.observe(True, plant.time_ns)
    rest = [instant.images for instant in plant.execute(5)]
    assert set(first.images) == {"a", "b"}
    assert [sorted(images) for images in rest] == [["a", "b"]] * 4 + [[]]


def test_reset_forgets_the_trajectory(small_task: TaskConfig, arm: PerfectArm) -> None:
    plant = plant_of(small_task, arm)
    plant.command(np.array([9.0, 0.0]))
    list(plant.execute(1))
    plant.reset(4)
    assert next(iter(plant.execute(1))).joints.positions.tolist() == [4.0, 0.0]
