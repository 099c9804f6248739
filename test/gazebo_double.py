"""In place of Gazebo and ros_gz_bridge: publishes what the bridge file names, under its types, from a toy world.

    python gazebo_double.py gz_bridge.yaml REQUESTS

REQUESTS is the file in which the ``gz`` double of the test notes every service call. Simulated time stands still while
this process does; trajectories are followed as Gazebo's controller follows them, each point held until its time.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
import yaml
from embodiedcomp_toy import ToySimulator
from geometry_msgs.msg import PoseStamped
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectory

from embodiedcomp_eval.gazebo import gripper
from embodiedcomp_eval.gazebo.text_format import parse
from embodiedcomp_eval.task import load_task

PERIOD = 0.1
STATES = 5
"""Joint states per period: Gazebo tells them more often than poses."""


class GazeboDouble:
    """``node`` bridges ``entries``; the world is the toy's, its object put where set_pose says."""

    def __init__(self, node: Any, entries: list[dict[str, Any]], requests: Path) -> None:
        self._node, self._requests, self._seen = node, requests, 0
        self._world = ToySimulator(load_task("ur5e_lift_gazebo"))
        self._now_ns = 0
        self._points: list[tuple[int, np.ndarray]] = []
        self._names: list[str] = []
        self._publishers = {}
        for entry in entries:
            package, kind = entry["ros_type_name"].split("/msg/")
            if package == "ros_gz_interfaces":
                continue  # not to be had without a ROS installation; lazy, and nobody of ours listens
            message = getattr(importlib.import_module(f"{package}.msg"), kind)
            if entry["direction"] == "GZ_TO_ROS":
                made = node.create_publisher(message, entry["ros_topic_name"], entry["publisher_queue"])
                self._publishers[entry["ros_topic_name"]] = made
            else:
                node.create_subscription(message, entry["ros_topic_name"], self._follow, entry["subscriber_queue"])
        node.create_timer(PERIOD, self._step)

    def _follow(self, message: JointTrajectory) -> None:
        self._names = list(message.joint_names)
        self._points = []
        for point in message.points:
            due = point.time_from_start.sec * 1_000_000_000 + point.time_from_start.nanosec
            self._points.append((self._now_ns + due, np.array(point.positions)))

    def _target(self) -> np.ndarray:
        current = self._world.joint_state().positions
        if not self._points:
            return current
        row = next((row for due, row in self._points if due >= self._now_ns), self._points[-1][1])
        for name, ratio in gripper.RATIOS.items():  # every finger is commanded, consistently
            driven = row[self._names.index(gripper.DRIVEN)]
            assert abs(row[self._names.index(name)] - ratio * driven) < 1e-6
        return np.array([row[self._names.index(name)] for name in self._world.joint_names])

    def _step(self) -> None:
        self._serve()
        self._now_ns += round(PERIOD * 1e9)
        before = self._world.joint_state().positions
        self._world.step(self._target())
        after = self._world.joint_state().positions
        for part in range(1, STATES + 1):
            stamp = self._stamp(self._now_ns - round((STATES - part) / STATES * PERIOD * 1e9))
            self._publishers["/clock"].publish(Clock(clock=stamp))
            state = JointState(name=[*self._world.joint_names[::-1]])  # in an order of Gazebo's own
            state.header.stamp = stamp
            state.position = (before + (after - before) * part / STATES)[::-1].tolist()
            self._publishers["joint_states"].publish(state)
        pose = PoseStamped()
        pose.header.stamp, pose.header.frame_id = self._stamp(self._now_ns), "ur5e_lift"
        place = self._world.object_pose().position
        pose.pose.position.x, pose.pose.position.y, pose.pose.position.z = map(float, place)
        self._publishers["object_pose"].publish(pose)
        for camera, picture in self._world.render().items():
            pixels = np.ascontiguousarray(picture)
            image = Image(
                height=pixels.shape[0], width=pixels.shape[1], encoding="rgb8", step=3 * pixels.shape[1],
                data=pixels.tobytes(),
            )  # fmt: skip
            image.header.stamp, image.header.frame_id = self._stamp(self._now_ns), camera
            self._publishers[f"{camera}/image_raw"].publish(image)

    def _stamp(self, time_ns: int) -> Any:
        return rclpy.time.Time(nanoseconds=time_ns).to_msg()

    def _serve(self) -> None:
        """What was asked of Gazebo's services since the last look."""
        lines = self._requests.read_text().splitlines() if self._requests.exists() else []
        for line in lines[self._seen :]:
            call = json.loads(line)
            if call["service"].endswith("/set_pose"):
                joints = self._world.joint_state().positions
                self._world.reset(0)
                self._world._joints = joints
                self._world._place = float(parse(call["request"])["position"]["x"])
        self._seen = len(lines)


def main() -> None:
    rclpy.init()
    node = rclpy.create_node("gz_bridge")
    GazeboDouble(node, yaml.safe_load(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
    rclpy.spin(node)


if __name__ == "__main__":
    main()
