"""A chunk means the same motion in one process (the guard's target) and over ROS (what the simulator follows)."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval.plant import Plant
from embodiedcomp_eval.sensor import Sensor
from embodiedcomp_eval.simulator import CONTROL_PERIOD_NS, JointState, Pose
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.chunking import hold_chunk
from embodiedcomp_policy.guard import Accepted, Guard
from embodiedcomp_policy.robot import load_robot

ROBOT = load_robot("ur5e")
HOME = np.array([-0.47, -1.735, 2.48, -2.275, -1.59, -1.991, 0.0])


class LaggingArm:
    """Covers most of the way in a period, and presses its gripper a little past the joint's limit."""

    joint_names = ROBOT.names
    cameras = ("a",)

    def reset(self, seed: int) -> dict[str, object]:
        self.joints, self.steps = HOME + 0.01 * seed, 0
        self.targets: list[np.ndarray] = []
        return {}

    @property
    def time_ns(self) -> int:
        return self.steps * CONTROL_PERIOD_NS

    def render(self) -> dict[str, np.ndarray]:
        return {"a": np.zeros((2, 2, 3), dtype=np.uint8)}

    def joint_state(self) -> JointState:
        return JointState(self.time_ns, self.joints.copy(), np.zeros(7))

    def object_pose(self) -> Pose:
        return Pose(np.zeros(3), np.array([1.0, 0, 0, 0]))

    def step(self, target: np.ndarray) -> None:
        self.targets.append(target.copy())
        self.joints = self.joints + 0.8 * (target - self.joints)
        self.joints[-1] += 0.003
        self.steps += 1

    def close(self) -> None:
        pass


def random_chunk(rng: np.random.Generator, stamp_ns: int, joints: np.ndarray) -> Chunk:
    """1 to 14 points, on the control grid, on another one, or anywhere."""
    count = int(rng.integers(1, 15))
    grid = int(rng.choice([CONTROL_PERIOD_NS, 66_666_667, 50_000_000, 130_000_000]))
    times = grid * np.arange(1, count + 1, dtype=np.int64)
    if rng.random() < 0.4:
        times = np.unique(rng.integers(1, 1_500_000_000, count)).astype(np.int64)
    return Chunk(stamp_ns, times, joints + np.cumsum(rng.normal(0, 0.08, (len(times), 7)), axis=0))


@pytest.mark.parametrize("seed", range(25))
def test_guard_and_simulator_move_alike_bit_for_bit(small_task: TaskConfig, seed: int) -> None:
    rng = np.random.default_rng(seed)
    alone, over_ros = LaggingArm(), LaggingArm()
    alone.reset(seed)
    plant = Plant(small_task, over_ros, Sensor(), False, ROBOT)
    plant.reset(seed)
    here, there = Guard(ROBOT), Guard(ROBOT)
    refused = 0
    for _ in range(6):
        now_ns = alone.time_ns
        chunk = random_chunk(rng, now_ns, alone.joints)
        if rng.random() < 0.2:
            chunk.positions[-1, 2] = np.nan
        here.accept(chunk, alone.joints, now_ns)
        for _ in range(10):
            alone.step(here.target(alone.time_ns + CONTROL_PERIOD_NS, alone.joints))
        result = there.accept(chunk, over_ros.joints, now_ns)
        refused += not isinstance(result, Accepted)
        held = None if isinstance(result, Accepted) else hold_chunk(now_ns, there.target(now_ns, over_ros.joints))
        sent = held or result.chunk  # type: ignore[union-attr]
        plant.follow(sent.stamp_ns, sent.times_ns, sent.positions, plant.time_ns)
        list(plant.execute(10))
    assert len(alone.targets) == len(over_ros.targets) == 60
    assert all((a == b).all() for a, b in zip(alone.targets, over_ros.targets, strict=True)), refused


def test_off_the_grid_the_way_to_the_first_point_is_straight(small_task: TaskConfig) -> None:
    arm = LaggingArm()
    plant = Plant(small_task, arm, Sensor(), False)
    plant.reset(0)
    plant.follow(0, np.array([250_000_000], dtype=np.int64), (HOME + 1.0)[None], 0)
    list(plant.execute(3))
    assert [float(target[0] - HOME[0]) for target in arm.targets] == pytest.approx([0.4, 0.8, 1.0])
