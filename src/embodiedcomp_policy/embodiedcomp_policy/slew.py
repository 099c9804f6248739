"""Limits a stream of position commands against its own past.

``forward_position_controller`` does not interpolate: what is published is commanded at once. The guard limits a chunk
against the measured state; where the arm lags behind its commands, the first command of the next chunk, or a hold, would
jump back by that lag. Here the stream covers the same way at no more than the joints' speed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embodiedcomp_policy.robot import Robot

Vector = npt.NDArray[np.float64]

LONGEST_GAP_NS = 100_000_000
"""After a longer silence a command may still move a joint only as far as in this time."""


class Slew:
    """Remembers the last command of one stream."""

    def __init__(self, robot: Robot) -> None:
        self._robot = robot
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next command starts from the measured state."""
        self._last: Vector | None = None
        self._last_ns = 0

    def limit(self, target: Vector, now_ns: int, measured: npt.ArrayLike) -> Vector:
        """``target`` ``(J,)`` rad or as far on the way to it as speed and step allow since the last command."""
        if self._last is None or now_ns < self._last_ns:
            self._last = np.clip(np.asarray(measured, dtype=np.float64), self._robot.lower, self._robot.upper)
            self._last_ns = now_ns - LONGEST_GAP_NS
        seconds = min(now_ns - self._last_ns, LONGEST_GAP_NS) / 1e9
        reach = np.minimum(self._robot.step, self._robot.velocity * seconds)
        moved = np.clip(target, self._last - reach, self._last + reach)
        self._last, self._last_ns = np.clip(moved, self._robot.lower, self._robot.upper), now_ns
        return self._last.copy()
