"""Policy and guard in realtime on a simulator's clock (``use_sim_time``): ages and periods are that clock's, not the wall's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.robot import Robot, load_robot
from ros_harness import Process, Processes, spin_until

MS = 1_000_000
HOMES = {
    "ur5e": np.array([0.1, -1.7, 1.5, -1.3, -1.5, 0.2, 0.0]),
    "panda": np.array([0.0, -0.3, 0.0, -2.2, 0.0, 2.0, 0.78, 0.02]),
}
CAMERAS = ("base_camera", "wrist_camera")


class Simulation:
    """A clock that the test moves by hand, joints and cameras on it, and ears."""

    def __init__(self, context: Any, robot: Robot) -> None:
        import rclpy
        from rclpy.qos import QoSProfile
        from rosgraph_msgs.msg import Clock
        from sensor_msgs.msg import Image, JointState
        from trajectory_msgs.msg import JointTrajectory

        from embodiedcomp_msgs.msg import GuardStatus, ObservationRequest
        from embodiedcomp_policy.nodes import messages

        self.messages, self.Clock, self.JointState, self.Image = messages, Clock, JointState, Image
        self.robot, self.home = robot, HOMES[robot.name]
        self.node = rclpy.create_node("simulation", context=context)
        deep = QoSProfile(depth=1000)
        self.clock = self.node.create_publisher(Clock, "/clock", deep)
        self.joints = self.node.create_publisher(JointState, "joint_states", deep)
        self.images = [self.node.create_publisher(Image, f"{c}/image_raw/decoded", deep) for c in CAMERAS]
        self.to_guard = self.node.create_publisher(JointTrajectory, "policy_trajectory", deep)
        self.commands: list[Any] = []
        self.gripper: list[Any] = []
        self.guard: list[Any] = []
        self.requests: list[Any] = []
        self.chunks: list[Any] = []
        for kind, topic, found in (
            (JointTrajectory, "joint_trajectory_controller/joint_trajectory", self.commands),
            (JointTrajectory, "gripper_controller/joint_trajectory", self.gripper),
            (GuardStatus, "guard/status", self.guard),
            (ObservationRequest, "observation_request", self.requests),
            (JointTrajectory, "policy_trajectory", self.chunks),
        ):
            self.node.create_subscription(kind, topic, found.append, deep)
        self.now = 1_000_000 * MS
        self.timer = self.node.create_timer(0.05, self.tell)

    def tell(self) -> None:
        """The present instant, again and again: best effort may lose it."""
        stamp = self.messages.ns_to_stamp(self.now)
        self.clock.publish(self.Clock(clock=stamp))
        joints = self.JointState(name=list(self.robot.names), position=self.home.tolist())
        joints.header.stamp = stamp
        self.joints.publish(joints)
        for publisher in self.images:
            image = self.Image(height=4, width=4, encoding="rgb8", step=12, data=bytes([50]) * 48)
            image.header.stamp = stamp
            publisher.publish(image)

    def wait(self, condition: Any, timeout: float = 60.0) -> None:
        assert spin_until(self.node, condition, timeout), [(s.state, s.reason) for s in self.guard[-3:]]

    def pass_time(self, nanoseconds: int, condition: Any = lambda: False) -> None:
        """Move the clock on in steps of 50 ms until the time is over or ``condition`` holds."""
        end = self.now + nanoseconds
        while self.now < end and not condition():
            self.now += 50 * MS
            spin_until(self.node, condition, 0.1)

    def send(self) -> None:
        count = len(self.home)
        times = 100 * MS * np.arange(1, 13, dtype=np.int64)
        chunk = Chunk(self.now, times, np.tile(self.home, (12, 1)))
        self.to_guard.publish(self.messages.chunk_to_trajectory(chunk, self.robot, list(range(count))))


@pytest.fixture(params=["ur5e", "panda"])
def simulation(request: pytest.FixtureRequest, ros_context: Any) -> Iterator[Simulation]:
    simulation = Simulation(ros_context, load_robot(request.param))
    yield simulation
    simulation.node.destroy_node()


def start(processes: Processes, name: str, *parameters: str) -> Process:
    path = os.pathsep.join([str(Path(__file__).parent / "plugins"), os.environ.get("PYTHONPATH", "")])
    words = [word for p in ("use_sim_time:=true", *parameters) for word in ("-p", p)]
    process = processes.start("embodiedcomp_policy", name, *words, environment={"PYTHONPATH": path})
    process.wait_for("ready", timeout=90.0)
    return process


def test_the_guards_ages_are_of_the_simulators_clock(simulation: Simulation, processes: Processes) -> None:
    """Also that neither six joints nor a gripper in radians is taken for granted: the arm is the parameter's."""
    start(processes, "guard", f"robot:={simulation.robot.name}", "gripper:=topic")
    simulation.wait(lambda: simulation.to_guard.get_subscription_count() >= 2)

    def running() -> bool:
        if not (simulation.guard and simulation.guard[-1].state == "running"):
            simulation.send()  # until the guard has heard the clock and the joints
            spin_until(simulation.node, lambda: False, 0.3)
        return bool(simulation.guard) and simulation.guard[-1].state == "running"

    simulation.wait(running)
    assert list(simulation.commands[-1].joint_names) == list(simulation.robot.arm_names)
    assert list(simulation.gripper[-1].joint_names) == [simulation.robot.names[-1]]
    assert simulation.gripper[-1].points[0].positions[0] == simulation.home[-1]
    # Two seconds of wall time at a standing clock: the chunk is no older.
    assert not spin_until(simulation.node, lambda: simulation.guard[-1].state != "running", 2.0)
    started = simulation.now
    simulation.pass_time(3000 * MS, lambda: simulation.guard[-1].state == "holding")
    assert simulation.guard[-1].state == "holding" and simulation.now - started >= 1200 * MS
    simulation.now += 5000 * MS
    simulation.wait(lambda: len(simulation.guard) > 0)
    late = simulation.now - 500 * MS
    simulation.now, now = late, simulation.now
    simulation.send()  # an observation half a second old on that clock
    simulation.now = now
    simulation.wait(lambda: simulation.guard[-1].state == "refused")


@pytest.mark.parametrize("simulation", ["ur5e"], indirect=True)
def test_the_policy_asks_by_the_simulators_clock(simulation: Simulation, processes: Processes) -> None:
    start(processes, "policy", "policy:=still", "replan_period:=1.0")
    simulation.wait(lambda: simulation.node.count_publishers("observation_request"))
    assert not spin_until(simulation.node, lambda: len(simulation.requests) > 1, 2.5), "the clock stands"
    before = len(simulation.requests)
    simulation.pass_time(20_000 * MS, lambda: len(simulation.requests) >= before + 3)
    assert len(simulation.requests) >= before + 3
    stamps = [simulation.messages.stamp_to_ns(request.stamp) for request in simulation.requests[-3:]]
    assert all(900 * MS <= gap <= 1500 * MS for gap in np.diff(stamps)), stamps
    simulation.wait(lambda: simulation.chunks)
    answered = simulation.messages.stamp_to_ns(simulation.chunks[-1].header.stamp)
    assert 0 <= simulation.now - answered < 60_000 * MS
