"""The running work cell, through Gazebo's command line: what a script can see of it and do in it."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.gazebo.bridge import ENTRIES
from embodiedcomp_eval.gazebo.command_line import GazeboCommandLine, GazeboError
from embodiedcomp_eval.gazebo.messages import Picture, joint_positions, orientation, picture, position, stamp_ns
from embodiedcomp_eval.gazebo.scene_services import SceneServices
from embodiedcomp_eval.gazebo.trajectory import dense, gazebo_message, homeward, with_fingers
from embodiedcomp_eval.gazebo.world import OBJECT, ROBOT
from embodiedcomp_eval.layout import HOME
from embodiedcomp_eval.scene import Scene
from embodiedcomp_policy.robot import Robot

Vector = npt.NDArray[np.float64]

HOME_TARGET = np.array([*HOME, 0.0])
SPACING_NS = 40_000_000
SPEED = 0.6  # rad/s
MOVED = 0.02  # rad: a joint that is so far from where it was has been moved
HEARD_NS = 1_000_000_000
"""Simulated time within which an arm that was sent away must have left its place by MOVED."""
SENDINGS = 10


class Cell:
    """patience: s of wall time that anything may take."""

    def __init__(self, gazebo: GazeboCommandLine, services: SceneServices, robot: Robot, patience: float) -> None:
        self._gazebo, self._services, self._robot, self._patience = gazebo, services, robot, patience

    def joints(self) -> tuple[int, Vector]:
        """Simulated time, ns, and positions ``(J,)`` rad, gripper last."""
        message = self._gazebo.echo(f"/model/{ROBOT}/joint_state", timeout=self._patience)[0]
        return stamp_ns(message), joint_positions(message, self._robot.names)

    def object_pose(self) -> tuple[Vector, Vector]:
        """Position ``(3,)`` m and quaternion ``(4,)`` of the object, base frame."""
        message = self._gazebo.echo(f"/model/{OBJECT}/pose", timeout=self._patience)[0]
        return position(message), orientation(message)

    def pictures(self, camera: str, count: int) -> list[Picture]:
        """The next pictures of a camera."""
        found = self._gazebo.echo(f"/{camera}/image_raw", count, timeout=self._patience)
        return [picture(message) for message in found]

    def clock_rate(self, seconds: float) -> float:
        """Simulated time over wall time, measured over about ``seconds`` of the latter."""
        first, begun = self.joints()[0], time.monotonic()
        time.sleep(seconds)  # a rate is measured over time: there is no event to wait for
        last, ended = self.joints()[0], time.monotonic()
        return (last - first) / 1e9 / (ended - begun)

    def follow(self, times_ns: npt.NDArray[np.int64], positions: Vector, rest: float = 1.0) -> None:
        """Send a trajectory and wait until its end and ``rest`` s of simulated time more. Raises GazeboError.

        The command line takes its leave as soon as it has published, which may be before Gazebo has found it; so what
        leads away from here is sent again until the arm sets out.
        """
        after, rows = dense(0, times_ns, positions, 0, SPACING_NS)
        names, rows = with_fingers(self._robot.names, rows)
        message = gazebo_message(names, after, rows)
        start = self.joints()[1]
        away = np.flatnonzero(np.abs(positions - start).max(axis=1) > 3.0 * MOVED)
        for _ in range(SENDINGS):
            self._gazebo.publish(f"/model/{ROBOT}/joint_trajectory", "JointTrajectory", message)
            sent = self.joints()[0]
            if away.size == 0 or self._has_left(start, sent + int(times_ns[away[0]]) + HEARD_NS):
                break
        else:
            raise GazeboError(f"the arm did not set out, though it was told to {SENDINGS} times")
        self.wait_until(sent + int(times_ns[-1]) + round(rest * 1e9))

    def _has_left(self, start: Vector, until_ns: int) -> bool:
        """Whether a joint is away from ``start`` ``(J,)`` rad, looking until then in simulated time."""
        while True:
            now, joints = self.joints()
            if float(np.abs(joints - start).max()) > MOVED:
                return True
            if now > until_ns:
                return False

    def go(self, target: Vector, rest: float = 1.0) -> Vector:
        """Move to ``target`` ``(J,)`` rad and wait there; returns the measured positions."""
        self.follow(*homeward(self.joints()[1], target, SPEED, SPACING_NS), rest)
        return self.joints()[1]

    def reset(self, scene: Scene) -> tuple[Vector, Vector]:
        """Arm home, scene placed and at rest; returns the joints ``(J,)`` and the object's position ``(3,)``."""
        joints = self.go(HOME_TARGET)
        self._services.apply(scene)
        self.wait_until(self.joints()[0] + 2_000_000_000)
        return joints, self.object_pose()[0]

    def wait_until(self, when_ns: int) -> None:
        """Simulated time. Raises GazeboError if it isn't reached in time."""
        deadline = time.monotonic() + self._patience
        while (now := self.joints()[0]) < when_ns:
            if time.monotonic() > deadline:
                raise GazeboError(f"simulated time stands at {now / 1e9:.1f} s, {when_ns / 1e9:.1f} s was not reached")

    def missing_topics(self) -> list[str]:
        """Topics of the bridge file that the world does not publish, or publishes as something else."""
        there = self._gazebo.topics()
        wrong = []
        for entry in ENTRIES:
            if entry.direction == "GZ_TO_ROS":
                wanted = self._gazebo.version.message(entry.gz_type)
                if entry.gazebo not in there:
                    wrong.append(f"{entry.gazebo} is not published")
                elif wanted not in self._gazebo.topic_types(entry.gazebo):
                    wrong.append(f"{entry.gazebo} is no {wanted}")
        return wrong
