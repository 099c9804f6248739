"""A policy that sees: finds the red cube in the base camera's decoded picture and grasps it. For trials in Gazebo.

Even colours make that easy; it knows the camera's pose and the table's height, nothing else, and no ground truth.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.expert import plan
from embodiedcomp_eval.gazebo.objects import TABLE_TOP
from embodiedcomp_eval.gazebo.projection import base_camera_pose
from embodiedcomp_eval.layout import BASE_FOV
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import PolicyError
from embodiedcomp_policy.registry import make_arm
from embodiedcomp_policy.robot import load_robot
from embodiedcomp_policy.vertical import joints_of, tool_of

Vector = npt.NDArray[np.float64]

EDGE = 0.044
HORIZON = 12
PERIOD_NS = 100_000_000
CLOSED = 0.3  # rad: fingers beyond this hold something


def red_points(picture: npt.NDArray[np.uint8]) -> Vector:
    """``(N, 2)`` m: where red pixels lie, taken for points at the cube's middle height, base frame."""
    red, green, blue = (picture[..., channel].astype(np.float64) for channel in range(3))
    rows, columns = np.nonzero((red > 70) & (red > 2.2 * np.maximum(green, blue)))
    size = picture.shape[0]
    focal = size / 2.0 / np.tan(np.radians(BASE_FOV) / 2.0)
    eye, axes = base_camera_pose()
    rays = np.column_stack([np.full(len(rows), focal), size / 2.0 - columns - 0.5, size / 2.0 - rows - 0.5]) @ axes.T
    reach = (TABLE_TOP + 0.6 * EDGE - eye[2]) / rays[:, 2]
    points: Vector = eye[:2] + reach[:, None] * rays[:, :2]
    return points


def rotation_about_z(angle: float) -> Vector:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def yaw_of(points: Vector) -> float:
    """rad: of the smallest upright box around ``(N, 2)`` points."""

    def area(angle: float) -> float:
        turned = points @ rotation_about_z(angle)[:2, :2]
        return float(np.prod(np.ptp(turned, axis=0)))

    return float(min(np.radians(np.arange(0.0, 90.0, 3.0)), key=area))


class SeeingPolicy:
    cameras = ("base_camera", "wrist_camera")

    def __init__(self) -> None:
        self._arm = make_arm(load_robot("ur5e"))
        self.reset(0)

    def reset(self, seed: int) -> None:
        self._place: Vector | None = None
        self._turn = np.eye(3)
        self._held: Vector | None = None

    def act(self, observation: Observation) -> Chunk:
        """Looks once, before the arm is in the way; then the cube is where it was, or between the fingers."""
        state = observation.state
        tool = tool_of(self._arm, state[:-1])
        if self._place is None:
            points = red_points(observation.images["base_camera"])
            if len(points) < 20:
                raise PolicyError("no red cube in the base camera's picture")
            self._place = np.array([*points.mean(axis=0), TABLE_TOP + EDGE / 2])
            self._turn = rotation_about_z(yaw_of(points))
        place = self._place
        if state[-1] > CLOSED:
            if self._held is None:
                self._held = self._place - tool[:3]
            place = tool[:3] + self._held
        poses = plan("cube", place, self._turn, tool, float(state[-1]), HORIZON)
        times = np.arange(1, HORIZON + 1, dtype=np.int64) * PERIOD_NS
        return Chunk(observation.stamp_ns, times, joints_of(self._arm, state[:-1], poses))


def policy(checkpoint: str | None, server: str | None) -> SeeingPolicy:
    if checkpoint or server:
        raise PolicyError("policy 'red-cube' takes neither a checkpoint nor a server")
    return SeeingPolicy()
