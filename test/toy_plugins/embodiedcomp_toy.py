"""A simulator and policies that take no time: plug-ins of a package that is not ours, found by entry point like any other.

The object rises with joint 1 once the gripper is closed, and where it lies (by seed) shows in the pictures' brightness.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.simulator import CONTROL_PERIOD_NS, JointState, Pose
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import PolicyError

HOME = np.array([0.0, -1.5, 1.5, -1.5, -1.5, 0.0, 0.0])


class ToySimulator:
    def __init__(self, task: TaskConfig) -> None:
        self.joint_names = (
            "shoulder_pan_joint", "shoulder_lift_joint", "elbow_joint", "wrist_1_joint", "wrist_2_joint", "wrist_3_joint",
            "robotiq_85_left_knuckle_joint",
        )  # fmt: skip
        self.cameras = task.cameras
        self._shape = (task.height, task.width)
        self.reset(0)

    def reset(self, seed: int) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        self._place = float(rng.uniform(0.2, 0.8))
        self._texture = rng.integers(0, 60, (*self._shape, 3), dtype=np.int64)
        self._joints, self._speed, self._steps = HOME.copy(), np.zeros(7), 0
        self._closed_at: float | None = None
        return {"object": "toy", "place": self._place}

    @property
    def time_ns(self) -> int:
        return self._steps * CONTROL_PERIOD_NS

    def render(self) -> dict[str, npt.NDArray[np.uint8]]:
        rows = np.linspace(0, 40, self._shape[0])[:, None, None]
        base = self._texture + rows + 150 * self._place
        return {
            c: np.clip(base + 20 * np.sin(self._joints[i]), 0, 255).astype(np.uint8) for i, c in enumerate(self.cameras)
        }

    def joint_state(self) -> JointState:
        return JointState(self.time_ns, self._joints.copy(), self._speed.copy())

    def object_pose(self) -> Pose:
        lift = 0.0 if self._closed_at is None else max(0.0, self._joints[1] - self._closed_at)
        return Pose(np.array([self._place, 0.0, 0.02 + 0.3 * lift]), np.array([1.0, 0.0, 0.0, 0.0]))

    def step(self, target: npt.NDArray[np.float64]) -> None:
        moved = self._joints + 0.9 * (target - self._joints)
        self._speed, self._joints = (moved - self._joints) * 1e9 / CONTROL_PERIOD_NS, moved
        self._steps += 1
        near = abs(self._joints[0] - self._place) < 0.06
        if self._joints[6] > 0.5 and self._closed_at is None and near:
            self._closed_at = float(self._joints[1])
        elif self._joints[6] < 0.3:
            self._closed_at = None

    def close(self) -> None:
        pass


class ToyPolicy:
    """Turns to where the brightness says the object lies, closes, rises."""

    cameras = ("base_camera", "wrist_camera")

    def reset(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def act(self, observation: Observation) -> Chunk:
        image = observation.images["base_camera"].astype(np.float64)
        place = (image.mean() - 29.5 - 20.0 - 20 * np.sin(observation.state[0])) / 150
        at = abs(observation.state[0] - place) < 0.05
        times = np.arange(1, 13, dtype=np.int64) * CONTROL_PERIOD_NS
        target = observation.state.copy()
        target[0] = place
        if at:
            target[6] = 0.8
            target[1] = observation.state[1] + (0.6 if observation.state[6] > 0.5 else 0.0)
        ramp = np.minimum(np.arange(1, 13) / 8.0, 1.0)[:, None]
        jitter = 1e-3 * self._rng.standard_normal((12, 1))
        return Chunk(observation.stamp_ns, times, observation.state + ramp * (target - observation.state) + jitter)


class DyingPolicy(ToyPolicy):
    def act(self, observation: Observation) -> Chunk:
        raise RuntimeError("the toy policy broke on purpose")


def simulator(task: TaskConfig) -> ToySimulator:
    return ToySimulator(task)


def policy(checkpoint: str | None, server: str | None) -> ToyPolicy:
    if checkpoint is not None and not Path(checkpoint).is_file():
        raise PolicyError(f"policy 'toy': no such checkpoint: {checkpoint}")
    return ToyPolicy()


def dying(checkpoint: str | None, server: str | None) -> ToyPolicy:
    return DyingPolicy()
