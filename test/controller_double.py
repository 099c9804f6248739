"""In place of ros2_control's joint_trajectory_controller: takes real JointTrajectory messages by that controller's rules.

The rules are those of ``validate_trajectory_msg`` and the linear interpolation of positions (ros2_controllers' user docs):
names all and only its own, points there and strictly later than the one before, positions of every joint, no speed left
at the end, and an end that is not past already.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

SECOND = 1_000_000_000


def to_ns(stamp: Any) -> int:
    return int(stamp.sec) * SECOND + int(stamp.nanosec)


class ControllerDouble:
    """Joints that follow trajectories exactly. ``rejected``: why messages were not taken."""

    def __init__(self, joints: Sequence[str], positions: Sequence[float]) -> None:
        self.joints = list(joints)
        self.accepted, self.rejected = 0, []  # type: ignore[var-annotated]
        self._times_ns = np.array([0], dtype=np.int64)
        self._points = np.array([positions], dtype=np.float64)

    def take(self, message: Any, now_ns: int) -> None:
        """One message on the controller's topic."""
        why = self._refusal(message, now_ns)
        if why is not None:
            self.rejected.append(why)
            return
        start_ns = to_ns(message.header.stamp) or now_ns
        order = [list(message.joint_names).index(name) for name in self.joints]
        points = np.array([list(point.positions) for point in message.points])[:, order]
        times_ns = np.array([start_ns + to_ns(point.time_from_start) for point in message.points], dtype=np.int64)
        ahead = times_ns > now_ns
        here = self.at(now_ns)
        self._times_ns = np.concatenate([[now_ns], times_ns[ahead]])
        self._points = np.vstack([here[None], points[ahead]])
        self.accepted += 1

    def at(self, now_ns: int) -> np.ndarray:
        """Where the joints are, ``(J,)``."""
        times, now = (self._times_ns - self._times_ns[0]).astype(float), float(now_ns - self._times_ns[0])
        return np.array([np.interp(now, times, column) for column in self._points.T])

    def hold(self, positions: Sequence[float]) -> None:
        """Put the joints somewhere, at rest."""
        self._times_ns, self._points = np.array([0], dtype=np.int64), np.array([positions], dtype=np.float64)

    def _refusal(self, message: Any, now_ns: int) -> str | None:
        names, points = list(message.joint_names), list(message.points)
        if sorted(names) != sorted(self.joints):
            return f"joints {', '.join(names)} don't match the controller's {', '.join(self.joints)}"
        if not points:
            return "empty trajectory"
        times = [to_ns(point.time_from_start) for point in points]
        if any(after <= before for before, after in itertools.pairwise(times)):
            return "time between points is not strictly increasing"
        start_ns = to_ns(message.header.stamp)
        if start_ns and start_ns + times[-1] < now_ns:
            return "trajectory with non-zero start time that ends in the past"
        if any(len(point.positions) != len(names) for point in points):
            return "mismatch between joint_names and positions"
        if any(abs(speed) > 1e-6 for speed in points[-1].velocities):
            return "velocity of the last point is not zero"
        return None
