"""The robot's full joint state out of messages that each may hold only some of its joints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embodiedcomp_policy.robot import Robot

Vector = npt.NDArray[np.float64]


def not_finite(robot: Robot, state: Vector) -> str:
    """Which joint of ``(J,)`` is measured as not finite (ros2_control sends NaN until a driver has read); empty if none."""
    finite = np.isfinite(state)
    return "" if finite.all() else f"joint '{robot.names[int(np.argmin(finite))]}' is measured as not finite"


class JointMemory:
    """Arm and gripper drivers often publish apart on one topic; this puts their newest values together.

    max_spread_ns: the state counts as full only while its oldest joint is at most this much older than its newest.
    """

    def __init__(self, robot: Robot, max_spread_ns: int = 200_000_000) -> None:
        self._robot = robot
        self._max_spread_ns = max_spread_ns
        self.reset()

    def reset(self) -> None:
        """Forget every joint."""
        self._joints: dict[str, tuple[int, float]] = {}

    def update(self, stamp_ns: int, names: Sequence[str], positions: Sequence[float]) -> Vector | None:
        """Positions ``(J,)`` rad in the robot's order after this message; None while a joint is unknown or too old."""
        if len(names) != len(positions):
            return None
        for name, position in zip(names, positions, strict=True):
            if name in self._robot.names:
                self._joints[name] = (stamp_ns, float(position))
        if len(self._joints) < len(self._robot.names):
            return None
        stamps = [stamp for stamp, _ in self._joints.values()]
        if max(stamps) - min(stamps) > self._max_spread_ns:
            return None
        return np.array([self._joints[name][1] for name in self._robot.names])
