"""Tool poses of a gripper that points straight down, and their way to joint targets.

A vertical grasp has four degrees of freedom and a gripper: ``(x, y, z, yaw, gripper)``, m, m, m, rad, rad, in the base
frame. Yaw 0 closes the fingers along the base's y axis.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embodiedcomp_policy.kinematics import Arm, ik, rotation_exp

Vector = npt.NDArray[np.float64]

DOWN = np.diag([1.0, -1.0, -1.0])


def tool_of(arm: Arm, q: npt.ArrayLike) -> Vector:
    """``(4,)``: x, y, z, yaw of the tool at joint positions ``q`` ``(N,)``; a tilt of the tool is ignored."""
    position, rotation = arm.forward(q)
    upright = rotation @ DOWN.T
    return np.array([*position, np.arctan2(upright[1, 0], upright[0, 0])])


def joints_of(arm: Arm, q: npt.ArrayLike, poses: npt.NDArray[np.float64]) -> Vector:
    """Vertical tool poses ``(T, 5)`` -> joint targets ``(T, N + 1)`` rad, gripper last; each starts from its predecessor."""
    current = np.asarray(q, dtype=np.float64)
    targets = np.empty((len(poses), len(current) + 1))
    for index, pose in enumerate(poses):
        current = ik(
            arm, current, pose[:3], rotation_exp([0.0, 0.0, float(pose[3])]) @ DOWN, iterations=8, tolerance=1e-5
        )
        targets[index, :-1] = current
        targets[index, -1] = pose[4]
    return targets
