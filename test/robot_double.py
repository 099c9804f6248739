"""Drivers of a robot that isn't there: two cameras, joint states, a controller and a clock of its own.

    python test/robot_double.py SECONDS_BEHIND

Its clock (on /clock, for nodes with use_sim_time) is the host's, put back by that many seconds. It prints a line for every
change of the guard's state and for every command.
"""

from __future__ import annotations

import sys
import time
from array import array

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectory

from embodiedcomp_msgs.msg import GuardStatus
from embodiedcomp_policy.robot import load_robot

CAMERAS = ("base_camera", "wrist_camera")
SIDE = 256
HOME = [0.0, -1.5, 1.5, -1.5, -1.5, 0.0, 0.0]


class RobotDouble(Node):
    """Stands at home whatever is commanded; the pictures move."""

    def __init__(self, behind: float) -> None:
        super().__init__("robot_double")
        self._behind_ns = round(1e9 * behind)
        self._names, self._state, self._commands, self._frames = load_robot("ur5e").names, "", 0, 0
        self._clock_out = self.create_publisher(Clock, "/clock", 10)
        self._joints_out = self.create_publisher(JointState, "joint_states", qos_profile_sensor_data)
        self._images = {c: self.create_publisher(Image, f"{c}/image_raw", qos_profile_sensor_data) for c in CAMERAS}
        self._pixels = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
        self.create_subscription(GuardStatus, "guard/status", self._on_status, 10)
        topic = "joint_trajectory_controller/joint_trajectory"
        self.create_subscription(JointTrajectory, topic, self._on_command, 10)
        self.create_timer(0.01, self._tell_time)
        self.create_timer(0.02, self._tell_joints)
        self.create_timer(0.1, self._show)
        print("robot there", flush=True)

    def _now(self) -> Time:
        seconds, nanoseconds = divmod(time.time_ns() - self._behind_ns, 1_000_000_000)
        return Time(sec=seconds, nanosec=nanoseconds)

    def _tell_time(self) -> None:
        self._clock_out.publish(Clock(clock=self._now()))

    def _tell_joints(self) -> None:
        message = JointState(name=list(self._names), position=HOME)
        message.header.stamp = self._now()
        self._joints_out.publish(message)

    def _show(self) -> None:
        self._frames += 1
        stamp = self._now()
        pixels = np.roll(self._pixels, self._frames, axis=1).tobytes()
        for camera, publisher in self._images.items():
            message = Image(height=SIDE, width=SIDE, encoding="rgb8", step=3 * SIDE, data=array("B", pixels))
            message.header.stamp, message.header.frame_id = stamp, camera
            publisher.publish(message)

    def _on_status(self, message: GuardStatus) -> None:
        if message.state != self._state:
            self._state = message.state
            print(f"guard {message.state} {message.reason}", flush=True)

    def _on_command(self, message: JointTrajectory) -> None:
        self._commands += 1
        print(f"command {self._commands} of {len(message.points)} points", flush=True)


if __name__ == "__main__":
    rclpy.init()
    try:
        rclpy.spin(RobotDouble(float(sys.argv[1])))
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        pass
