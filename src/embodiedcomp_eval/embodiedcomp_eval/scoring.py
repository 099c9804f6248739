"""What an episode is worth: was the object lifted, in how many steps, by how economical a motion. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


def is_lifted(height: float, rest_height: float, lift_height: float) -> bool:
    """Has the object risen ``lift_height`` (m) above where it lay in this episode after settling?"""
    return height - rest_height >= lift_height


@dataclass(frozen=True)
class Motion:
    """path_length: rad travelled in joint space (gripper excluded). efficiency: straight line over path, 0 to 1, NaN if
    nothing moved. jerk: root mean square of the third derivative of the joint positions, rad/s^3."""

    path_length: float
    efficiency: float
    jerk: float


def motion(positions: npt.NDArray[np.float64], period: float) -> Motion:
    """Judge the measured joint positions ``(T, J)`` rad, gripper last, taken every ``period`` s."""
    arm = positions[:, :-1]
    path = float(np.linalg.norm(np.diff(arm, axis=0), axis=1).sum()) if len(arm) > 1 else 0.0
    straight = float(np.linalg.norm(arm[-1] - arm[0])) if len(arm) else 0.0
    jerk = float(np.sqrt(np.mean(np.diff(arm, n=3, axis=0) ** 2))) / period**3 if len(arm) > 3 else 0.0
    return Motion(path, straight / path if path > 0 else math.nan, jerk)
