"""The shipped arms dry-run: the guard's messages into a double of each driver's controller, joint states as it sends them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rclpy
from controller_double import SECOND, ControllerDouble
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from embodiedcomp_msgs.msg import GuardStatus
from embodiedcomp_policy.robot import load_robot
from ros_harness import Processes, spin_until

ARMS = {
    # The UR driver's scaled controller and joint_state_broadcaster, which has its own order; the gripper has a driver of its own.
    "ur5e": ("/scaled_joint_trajectory_controller/joint_trajectory", [0.1, -1.7, 1.5, -1.3, -1.5, 0.2]),
    # franka_ros2 with an effort joint_trajectory_controller; its gripper too is apart.
    "panda": ("/panda_arm_controller/joint_trajectory", [0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785]),
}
SPEED = 0.1


@pytest.mark.parametrize("name", ARMS)
def test_a_driver_takes_every_chunk_and_the_arm_rests_when_the_link_is_cut(
    name: str, ros_domain: int, ros_context: Any, processes: Processes
) -> None:
    topic, home = ARMS[name]
    robot, probe = load_robot(name), rclpy.create_node("driver", context=ros_context)
    arm = ControllerDouble(robot.arm_names, home)
    gripper = ControllerDouble([robot.names[-1]], [robot.gripper_open])
    guard = processes.start(
        "embodiedcomp_policy", "guard", "-p", f"robot:={name}", "-p", "gripper:=topic", "-p", f"velocity_scale:={SPEED}",
        "-r", f"joint_trajectory_controller/joint_trajectory:={topic}",
    )  # fmt: skip
    states = probe.create_publisher(JointState, "joint_states", 10)
    chunks = probe.create_publisher(JointTrajectory, "policy_trajectory", 10)
    said: list[GuardStatus] = []
    track: list[tuple[int, np.ndarray]] = []

    def now() -> int:
        return int(probe.get_clock().now().nanoseconds)

    probe.create_subscription(JointTrajectory, topic, lambda message: arm.take(message, now()), 10)
    probe.create_subscription(
        JointTrajectory, "gripper_controller/joint_trajectory", lambda message: gripper.take(message, now()), 10
    )
    probe.create_subscription(GuardStatus, "guard/status", said.append, 10)

    def drive() -> None:
        stamp = now()
        track.append((stamp, arm.at(stamp)))
        for controller in (arm, gripper):
            order = np.argsort(controller.joints)
            message = JointState(name=[controller.joints[i] for i in order])
            message.position = controller.at(stamp)[order].tolist()
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, SECOND)
            states.publish(message)

    goal = np.array([*home, robot.gripper_closed])
    goal[0] += 0.2

    def think() -> None:
        """A policy: twelve points from here to the goal, much faster than a tenth of the joints' speed allows."""
        stamp = now()
        here = np.append(arm.at(stamp), gripper.at(stamp))
        message = JointTrajectory(joint_names=list(robot.names))
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, SECOND)
        for step in range(1, 13):
            point = JointTrajectoryPoint(positions=(here + min(1.0, step / 4) * (goal - here)).tolist())
            point.time_from_start.sec, point.time_from_start.nanosec = divmod(step * SECOND // 10, SECOND)
            message.points.append(point)
        chunks.publish(message)

    guard.wait_for("ready")
    assert spin_until(probe, lambda: states.get_subscription_count() and chunks.get_subscription_count(), 20.0)
    assert spin_until(
        probe, lambda: probe.count_publishers(topic) == 1 and probe.count_publishers("guard/status"), 20.0
    )
    driver, policy = probe.create_timer(0.02, drive), probe.create_timer(0.4, think)
    assert spin_until(probe, lambda: abs(arm.at(now())[0] - goal[0]) < 0.01, 30.0), (said[-3:], arm.rejected)
    policy.cancel()  # the link is cut
    assert spin_until(probe, lambda: said[-1].state == "holding", 10.0)
    spin_until(probe, lambda: False, 0.5)
    driver.cancel()
    assert arm.rejected == gripper.rejected == [] and arm.accepted >= 3 and gripper.accepted >= 3
    stamps, places = np.array([stamp for stamp, _ in track]), np.array([place for _, place in track])
    speeds = np.abs(np.diff(places, axis=0)) / (np.diff(stamps)[:, None] / SECOND)
    assert speeds.max() <= SPEED * robot.velocity[robot.arm].max() * 1.05
    assert np.ptp(places[-10:], axis=0).max() < 1e-3, "at rest"
    assert gripper.at(now())[0] != pytest.approx(robot.gripper_open)
    assert {status.state for status in said} <= {"running", "holding"}
    probe.destroy_node()
