"""The robot's side of a trial as one object: simulator, camera sensor, trajectory controller. What the node wraps. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.sensor import Image, Sensor
from embodiedcomp_eval.simulator import JointState, Pose, Simulator
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_policy.robot import Robot
from embodiedcomp_policy.trajectory import from_here, position_at

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Instant:
    """What can be known of the robot at one stamp. images: empty if no frame was due."""

    stamp_ns: int
    joints: JointState
    pose: Pose
    images: dict[str, Image]


class Plant:
    """Moves only by trajectories; without one it holds where it stands."""

    def __init__(
        self, task: TaskConfig, simulator: Simulator, sensor: Sensor, every_step: bool, robot: Robot | None = None
    ) -> None:
        """robot: whose joint limits bound where a trajectory starts; None: none."""
        self._lower = np.array(-np.inf) if robot is None else robot.lower
        self._upper = np.array(np.inf) if robot is None else robot.upper
        self._task, self._simulator, self._sensor, self._every_step = task, simulator, sensor, every_step
        self._period_ns = round(1e9 / task.control_hz)
        self._seed = 0
        self._times_ns: npt.NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._points: Vector = np.zeros((1, 0))

    def reset(self, seed: int) -> dict[str, Any]:
        """Build the scene of ``seed``; the clock is 0 again. Returns what was drawn."""
        self._seed = seed
        scene = self._simulator.reset(seed)
        self._times_ns = np.array([self._simulator.time_ns], dtype=np.int64)
        self._points = self._simulator.joint_state().positions[None].copy()
        return scene

    @property
    def time_ns(self) -> int:
        """Simulated time since step 0, ns."""
        return self._simulator.time_ns

    def observe(self, frames: bool, stamp_ns: int) -> Instant:
        """The present instant under that stamp, rendered if ``frames``."""
        images = {}
        if frames:
            for camera, image in self._simulator.render().items():
                images[camera] = self._sensor.capture(image, self._seed, camera, stamp_ns)
        return Instant(stamp_ns, self._simulator.joint_state(), self._simulator.object_pose(), images)

    def follow(self, stamp_ns: int, times_ns: npt.NDArray[np.int64], points: Vector, now_ns: int) -> None:
        """From now on, follow points ``(T, J)`` rad due ``times_ns`` after ``stamp_ns``, from where the joints are."""
        self._times_ns, self._points = from_here(
            stamp_ns + times_ns, points, now_ns, self._simulator.joint_state().positions, self._lower, self._upper
        )

    def command(self, position: Vector) -> None:
        """From now on, hold one position ``(J,)`` rad."""
        self._times_ns, self._points = np.zeros(1, dtype=np.int64), position[None].copy()

    def step(self, end_ns: int) -> None:
        """One control period towards where the trajectory wants the joints at ``end_ns``; after its last point, there."""
        self._simulator.step(position_at(self._times_ns, self._points, end_ns))

    def execute(self, steps: int) -> Iterator[Instant]:
        """Lockstep: ``steps`` control periods of simulated time. Where every step is sent, a frame after each but the
        last: that one is asked for."""
        for number in range(1, steps + 1):
            self.step(self.time_ns + self._period_ns)
            yield self.observe(self._every_step and number < steps, self.time_ns)

    def close(self) -> None:
        """Free the renderer."""
        self._simulator.close()
