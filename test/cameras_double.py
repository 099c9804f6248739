"""Cameras and joint states that a tutorial's reader would have: ``python test/cameras_double.py /a/image_raw …``"""

from __future__ import annotations

import sys
from array import array

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image, JointState

from embodiedcomp_policy.robot import load_robot

SIDE = 256
HOME = [0.0, -1.5, 1.5, -1.5, -1.5, 0.0, 0.0]


def main(topics: list[str]) -> None:
    rclpy.init()
    node = Node("cameras_double")
    publishers = [node.create_publisher(Image, topic, qos_profile_sensor_data) for topic in topics]
    joints = node.create_publisher(JointState, "/joint_states", qos_profile_sensor_data)
    names, pixels = list(load_robot("ur5e").names), np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)

    def show() -> None:
        stamp = node.get_clock().now().to_msg()
        state = JointState(name=names, position=HOME)
        state.header.stamp = stamp
        joints.publish(state)
        shift = stamp.nanosec // 100_000_000
        for publisher in publishers:
            image = Image(height=SIDE, width=SIDE, encoding="rgb8", step=3 * SIDE)
            image.data = array("B", np.roll(pixels, shift, axis=1).tobytes())
            image.header.stamp = stamp
            publisher.publish(image)

    node.create_timer(0.1, show)
    print("cameras there", flush=True)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        return


if __name__ == "__main__":
    main(sys.argv[1:])
