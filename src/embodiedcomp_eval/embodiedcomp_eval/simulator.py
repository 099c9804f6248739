"""The protocol that every simulator plug-in implements, and nothing else. No ROS, no clock of its own but simulated time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

CONTROL_PERIOD_NS = 100_000_000
"""One step of control: 10 Hz, as in the benchmark."""


@dataclass(frozen=True)
class Pose:
    """Position ``(3,)`` m and orientation quaternion ``(4,)`` (w, x, y, z) in the robot's base frame."""

    position: npt.NDArray[np.float64]
    orientation: npt.NDArray[np.float64]


@dataclass(frozen=True)
class JointState:
    """Measured positions ``(J,)`` rad and velocities ``(J,)`` rad/s in the robot's joint order, gripper last."""

    stamp_ns: int
    positions: npt.NDArray[np.float64]
    velocities: npt.NDArray[np.float64]


@runtime_checkable
class Simulator(Protocol):
    """Registered by the entry point group ``embodiedcomp.simulators``: a factory ``(task: TaskConfig) -> Simulator``.

    An episode depends on the task's configuration and the seed alone. Simulated time starts at 0 after settling and
    advances by CONTROL_PERIOD_NS with each ``step``.
    """

    joint_names: tuple[str, ...]
    cameras: tuple[str, ...]

    def reset(self, seed: int) -> dict[str, Any]:
        """Build the scene of ``seed``, let it settle, and return what was drawn (object, table, wall, pose; JSON-able)."""
        ...

    @property
    def time_ns(self) -> int:
        """Simulated time, ns."""
        ...

    def render(self) -> dict[str, npt.NDArray[np.uint8]]:
        """Render every camera now: name -> ``(H, W, 3) uint8`` RGB, freshly allocated. Call only when a frame is due."""
        ...

    def joint_state(self) -> JointState: ...

    def object_pose(self) -> Pose: ...

    def step(self, target: npt.NDArray[np.float64]) -> None:
        """Run one control period towards the joint target ``(J,)`` rad, as a position controller on the arm would."""
        ...

    def close(self) -> None: ...
