"""Plans as the reference network speaks them: relative to the tool, in its own frame, scaled to about one.

A pose of a plan is ``(x, y, z, yaw, close)``: displacement from the tool in the tool's axes in units of 0.05 m, turn in
units of 0.3 rad, and a logit (in labels 0 or 1) that the gripper should be closing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

METRES = 0.05
RADIANS = 0.3
CLOSE_RATE = 0.2
"""rad per pose, how fast the gripper's target closes."""
CLOSED = 0.8
"""rad."""


def features(state: npt.NDArray[np.floating], tool: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """State ``(N, 7)`` and tool pose ``(N, 4)`` (x, y, z, yaw) -> what the network takes, ``(N, 12)``."""
    yaw = tool[:, 3]
    return np.concatenate(
        [state, tool[:, :3] / 0.1, np.sin(yaw)[:, None], np.cos(yaw)[:, None]], axis=1, dtype=np.float32
    )


def from_poses(poses: npt.NDArray[np.floating], tool: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Absolute poses ``(N, T, D >= 4)`` seen from tools ``(N, 4)`` -> relative ones ``(N, T, D)``; a 5th becomes 0 or 1."""
    turn = tool[:, 3][:, None]
    offset = poses[..., :3] - tool[:, None, :3]
    cos, sin = np.cos(turn), np.sin(turn)
    relative = np.empty(poses.shape, dtype=np.float32)
    relative[..., 0] = (cos * offset[..., 0] + sin * offset[..., 1]) / METRES
    relative[..., 1] = (-sin * offset[..., 0] + cos * offset[..., 1]) / METRES
    relative[..., 2] = offset[..., 2] / METRES
    relative[..., 3] = (poses[..., 3] - turn) / RADIANS
    if poses.shape[-1] > 4:
        relative[..., 4] = poses[..., 4] > 0
    return relative


def to_poses(relative: Vector, tool: Vector, finger: float) -> Vector:
    """One relative plan ``(T, 5)`` -> absolute poses ``(T, 5)`` (x, y, z, yaw, gripper rad) from where the gripper is now."""
    cos, sin = np.cos(tool[3]), np.sin(tool[3])
    poses = np.empty((len(relative), 5))
    poses[:, 0] = tool[0] + METRES * (cos * relative[:, 0] - sin * relative[:, 1])
    poses[:, 1] = tool[1] + METRES * (sin * relative[:, 0] + cos * relative[:, 1])
    poses[:, 2] = tool[2] + METRES * relative[:, 2]
    poses[:, 3] = tool[3] + RADIANS * relative[:, 3]
    gripper = finger
    for index, close in enumerate(relative[:, 4] > 0):
        gripper = min(CLOSED, gripper + CLOSE_RATE) if close else 0.0
        poses[index, 4] = gripper
    return poses
