"""A real openpi server, the policy node and the guard, over DDS: what the arm does when the server goes wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from embodiedcomp_policy.policies.pinocchio_arm import load_arm
from embodiedcomp_policy.robot import load_robot
from ros_harness import Process, Processes, spin_until

pytest.importorskip("openpi_server")
sys.path.insert(0, str(Path(__file__).parent))

from servers import free_port, serving

ROBOT = load_robot("ur5e")
HOME = np.array([-0.47, -1.735, 2.48, -2.275, -1.59, -1.991, 0.0])
CAMERAS = ("base_camera", "wrist_camera")


class Cell:
    """Cameras and joints of a robot that stands at HOME, and ears on everything."""

    def __init__(self, context: Any) -> None:
        import rclpy
        from rclpy.qos import DurabilityPolicy, QoSProfile
        from sensor_msgs.msg import Image, JointState
        from std_msgs.msg import String
        from trajectory_msgs.msg import JointTrajectory

        from embodiedcomp_msgs.msg import GuardStatus, PolicyStatus
        from embodiedcomp_policy.nodes import messages

        self.messages, self.Image, self.JointState, self.String = messages, Image, JointState, String
        self.node = rclpy.create_node("cell", context=context)
        deep = QoSProfile(depth=1000)
        self.images = [self.node.create_publisher(Image, f"{c}/image_raw/decoded", deep) for c in CAMERAS]
        self.joints = self.node.create_publisher(JointState, "joint_states", deep)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.description = self.node.create_publisher(String, "robot_description", latched)
        self.chunks: list[Any] = []
        self.commands: list[Any] = []
        self.policy: list[Any] = []
        self.guard: list[Any] = []
        for kind, topic, found in (
            (JointTrajectory, "policy_trajectory", self.chunks),
            (JointTrajectory, "joint_trajectory_controller/joint_trajectory", self.commands),
            (PolicyStatus, "policy/status", self.policy),
            (GuardStatus, "guard/status", self.guard),
        ):
            self.node.create_subscription(kind, topic, found.append, deep)
        self.timer = self.node.create_timer(0.05, self.live)

    def live(self) -> None:
        stamp = self.node.get_clock().now().to_msg()
        joints = self.JointState(name=list(ROBOT.names), position=HOME.tolist())
        joints.header.stamp = stamp
        self.joints.publish(joints)
        for publisher in self.images:
            image = self.Image(height=8, width=8, encoding="rgb8", step=24, data=bytes([90]) * 192)
            image.header.stamp = stamp
            publisher.publish(image)

    def wait(self, condition: Any, timeout: float = 30.0) -> None:
        met = spin_until(self.node, condition, timeout)
        assert met, [len(self.chunks), *((s.state, s.reason) for s in (*self.policy[-3:], *self.guard[-3:]))]

    def chunk(self, message: Any) -> Any:
        return self.messages.trajectory_to_chunk(message, ROBOT)


@pytest.fixture
def cell(ros_context: Any) -> Iterator[Cell]:
    cell = Cell(ros_context)
    yield cell
    cell.node.destroy_node()


def start(processes: Processes, port: int, *more: str, options: str = "keys=ur5&period=0.1&timeout=1") -> Process:
    words = [
        "policy:=openpi", f"server:=ws://127.0.0.1:{port}?{options}", "replan_period:=0.4", "image_tolerance:=0.01", *more
    ]  # fmt: skip
    return processes.start("embodiedcomp_policy", "policy", *(word for w in words for word in ("-p", w)))


def start_guard(processes: Processes) -> Process:
    """Patient: a busy machine must not look like a stale robot."""
    words = ("max_observation_age:=3.0", "max_chunk_age:=4.0")
    return processes.start("embodiedcomp_policy", "guard", *(word for w in words for word in ("-p", w)))


@pytest.mark.timing
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("ur5", "can't be reached after 3 attempts"),
        ("slow:12", "did not answer within 1 s"),
        ("broken:12", "failed: ZeroDivisionError: the checkpoint is on fire"),
    ],
)
def test_a_server_that_fails_in_mid_task_leaves_the_arm_holding(
    cell: Cell, processes: Processes, kind: str, words: str
) -> None:
    port = free_port()
    with serving("serve_openpi.py", kind, port) as (_, server):
        guard = start_guard(processes)
        guard.wait_for("ready")  # first: the server has only so many good answers
        policy = start(processes, port)
        policy.wait_for("ready")
        cell.wait(lambda: len(cell.chunks) >= 2 and any(status.state == "running" for status in cell.guard))
        if kind == "ur5":
            server.kill()
        cell.wait(lambda: any(status.state == "error" for status in cell.policy))
        sent = len(cell.chunks)
        cell.wait(lambda: cell.guard[-1].state == "holding")
        assert "max_chunk_age" in cell.guard[-1].reason
        held = cell.chunk(cell.commands[-1])
        assert held.positions.shape == (1, 7) and np.allclose(held.positions[0], HOME, atol=1e-6)
        errors = sum(status.state == "error" for status in cell.policy)
        cell.wait(lambda: sum(status.state == "error" for status in cell.policy) >= errors + 2)
        assert all(words in status.reason for status in cell.policy if status.state == "error")
        assert len(cell.chunks) == sent and cell.guard[-1].state == "holding"
        assert policy.running and guard.running and "Traceback" not in policy.output
    if kind == "ur5":  # it comes back: the next question connects again
        with serving("serve_openpi.py", "ur5", port):
            cell.wait(lambda: len(cell.chunks) > sent and cell.guard[-1].state == "running")


def longer_forearm() -> str:
    """The UR5e's URDF with another forearm."""
    assert ROBOT.tool is not None
    xml = ROBOT.tool.urdf.read_text()
    assert "-0.3922" in xml
    return xml.replace("-0.3922", "-0.4922")


def expected(description: str | None) -> np.ndarray:
    """Where ten moves of 0.2 x 0.05 m along x lead with that arm."""
    from embodiedcomp_policy.kinematics import delta_to_joints

    arm = load_arm(ROBOT, description)
    deltas = np.tile([0.01, 0, 0, 0, 0, 0], (10, 1))
    return delta_to_joints(arm, HOME[:6], deltas, frame="base", max_step=ROBOT.max_step)


def test_kinematics_are_those_of_the_description_given(cell: Cell, processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "parameters.yaml"
    file.write_text(yaml.safe_dump({"policy": {"ros__parameters": {"robot_description": longer_forearm()}}}))
    with serving("serve_openpi.py", "libero") as (port, _):
        words = ["policy:=openpi", f"server:=ws://127.0.0.1:{port}?keys=libero", "image_tolerance:=0.01"]
        policy = processes.start(
            "embodiedcomp_policy", "policy", "--params-file", str(file), *(w for p in words for w in ("-p", p))
        )
        policy.wait_for("ready")
        cell.wait(lambda: cell.chunks)
    arm = cell.chunk(cell.chunks[0]).positions[:, :6]
    assert np.allclose(arm, expected(longer_forearm()), atol=1e-5)
    assert np.abs(arm - expected(None)).max() > 1e-3


def test_the_description_may_come_from_its_topic_and_nothing_moves_before(cell: Cell, processes: Processes) -> None:
    with serving("serve_openpi.py", "libero") as (port, _):
        policy = start(processes, port, "robot_description_topic:=true", options="keys=libero")
        policy.wait_for("ready")
        cell.wait(lambda: sum(status.state == "waiting" for status in cell.policy) >= 2)
        assert {status.reason for status in cell.policy} == {"no robot_description has come yet"} and not cell.chunks
        cell.description.publish(cell.String(data="<robot name='empty'/>"))
        cell.wait(lambda: cell.policy[-1].state == "error")
        assert "robot_description" in cell.policy[-1].reason and policy.running
        cell.description.publish(cell.String(data=longer_forearm()))
        cell.wait(lambda: cell.chunks)
    assert np.allclose(cell.chunk(cell.chunks[0]).positions[:, :6], expected(longer_forearm()), atol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        (
            ["robot_description:=nonsense", "policy:=openpi", "server:=ws://localhost:1?keys=libero"],
            "not a URDF that Pinocchio reads",
        ),
        (["robot_description:=x", "robot_description_topic:=true"], "are both set; set one"),
        (["robot_description:=x", "policy:=still"], "policy 'still' takes no robot_description"),
    ],
)
def test_a_bad_description_is_one_line_and_status_2(parameters: list[str], line: str, processes: Processes) -> None:
    path = os.pathsep.join([str(Path(__file__).parent / "plugins"), os.environ.get("PYTHONPATH", "")])
    words = [word for p in parameters for word in ("-p", p)]
    policy = processes.start("embodiedcomp_policy", "policy", *words, environment={"PYTHONPATH": path})
    policy.wait_for(line)
    assert policy.wait() == 2 and len(policy.output.splitlines()) == 1
