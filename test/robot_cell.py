"""In place of a robot's cell: joint states, two cameras and a tag on the object; the arm follows its controller's topic.

    python robot_cell.py ARM_TOPIC TASK

The object's tag is uncovered with the operator's second ``ready``. It is seen for as long as the first episode runs, and rises
two seconds after its start; in later episodes it is hidden half a second after the start, as by a hand in front of it. The
operator's ``ready`` puts everything back.
"""

from __future__ import annotations

import sys

import numpy as np
import rclpy
from controller_double import SECOND, ControllerDouble
from embodiedcomp_toy import HOME, ToySimulator
from geometry_msgs.msg import PoseStamped
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from embodiedcomp_eval.task import load_task
from embodiedcomp_msgs.msg import EpisodeState

CAMERAS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
TABLE, LIFTED = 0.05, 0.35
RISES, HIDES = 2 * SECOND, SECOND // 2


class Cell:
    """``node`` publishes what the drivers of a UR5e, of two cameras and of a tag detector would."""

    def __init__(self, node: rclpy.node.Node, arm_topic: str, task: str) -> None:
        self._node, self._world = node, ToySimulator(load_task(task))
        names = self._world.joint_names
        self._arm = ControllerDouble(names[:6], HOME[:6])
        self._gripper = ControllerDouble(names[6:], HOME[6:])
        self._episodes, self._started_ns, self._readies = 0, 0, 0
        self._states = node.create_publisher(JointState, "joint_states", 10)
        self._tag = node.create_publisher(PoseStamped, "/tag_7/pose", CAMERAS)
        self._images = {
            c: node.create_publisher(Image, f"/{c.split('_')[0]}/image_raw", CAMERAS) for c in self._world.cameras
        }
        node.create_subscription(JointTrajectory, arm_topic, lambda m: self._arm.take(m, self._now()), 10)
        commands = "gripper_controller/joint_trajectory"
        node.create_subscription(JointTrajectory, commands, lambda m: self._gripper.take(m, self._now()), 10)
        node.create_subscription(EpisodeState, "episode", self._on_episode, 10)
        node.create_subscription(String, "operator_word", self._on_word, 10)
        node.create_timer(0.04, self._tell_joints)
        node.create_timer(0.1, self._see)

    def _now(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)

    def _on_word(self, message: String) -> None:
        if message.data == "ready":
            self._readies += 1
            self._arm.hold(HOME[:6])
            self._gripper.hold(HOME[6:])

    def _on_episode(self, message: EpisodeState) -> None:
        if message.phase == EpisodeState.RUN and self._started_ns == 0:
            self._started_ns, self._episodes = self._now(), self._episodes + 1
        elif message.phase == EpisodeState.DONE:
            self._started_ns = 0
            rejected = [*self._arm.rejected, *self._gripper.rejected]
            self._node.get_logger().info(f"accepted {self._arm.accepted} rejected {len(rejected)} {rejected[:1]}")

    def _tell_joints(self) -> None:
        stamp = self._now()
        for controller in (self._arm, self._gripper):  # two drivers, one topic
            message = JointState(name=controller.joints, position=controller.at(stamp).tolist())
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, SECOND)
            self._states.publish(message)

    def _see(self) -> None:
        stamp = self._now()
        since = stamp - self._started_ns if self._started_ns else -1
        self._world.step(np.concatenate([self._arm.at(stamp), self._gripper.at(stamp)]))
        if self._readies > 1 and (self._episodes < 2 or since < HIDES):
            pose = PoseStamped()
            pose.header.frame_id = "base_link"
            pose.header.stamp.sec, pose.header.stamp.nanosec = divmod(stamp, SECOND)
            pose.pose.position.x = 1e-4 * float(np.sin(stamp))  # a sensor's numbers never repeat
            pose.pose.position.z = LIFTED if self._episodes == 1 and since > RISES else TABLE
            self._tag.publish(pose)
        for camera, picture in self._world.render().items():
            height, width = picture.shape[:2]
            image = Image(height=height, width=width, encoding="rgb8", step=3 * width, data=picture.tobytes())
            image.header.stamp.sec, image.header.stamp.nanosec = divmod(stamp, SECOND)
            self._images[camera].publish(image)


def main() -> None:
    rclpy.init()
    node = rclpy.create_node("cell")
    cell = Cell(node, sys.argv[1], sys.argv[2])
    node.get_logger().info("ready")
    rclpy.spin(node)
    del cell


if __name__ == "__main__":
    main()
