"""The guard as a process: what comes in over DDS and what reaches the controllers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.robot import load_robot
from ros_harness import Process, Processes, reset_episode, spin_until

ROBOT = load_robot("ur5e")
HOME = np.array([0.1, -1.7, 1.5, -1.3, -1.5, 0.2, 0.0])
MS = 1_000_000


class Probe:
    """Everything around the guard: joint state driver, policy, controllers."""

    def __init__(self, context: Any) -> None:
        import rclpy
        from rclpy.qos import QoSProfile
        from sensor_msgs.msg import JointState
        from std_msgs.msg import Float64MultiArray
        from trajectory_msgs.msg import JointTrajectory

        from embodiedcomp_msgs.msg import GuardStatus
        from embodiedcomp_msgs.srv import ResetEpisode
        from embodiedcomp_policy.nodes import messages

        self.messages, self.JointState = messages, JointState
        self.node = rclpy.create_node("probe", context=context)
        deep = QoSProfile(depth=1000)
        self.joints = self.node.create_publisher(JointState, "joint_states", deep)
        self.chunks = self.node.create_publisher(JointTrajectory, "policy_trajectory", deep)
        self.arm: list[Any] = []
        self.gripper: list[Any] = []
        self.stream: list[Any] = []
        self.status: list[Any] = []
        for kind, topic, found in (
            (JointTrajectory, "joint_trajectory_controller/joint_trajectory", self.arm),
            (JointTrajectory, "gripper_controller/joint_trajectory", self.gripper),
            (Float64MultiArray, "forward_position_controller/commands", self.stream),
            (GuardStatus, "guard/status", self.status),
        ):
            self.node.create_subscription(kind, topic, found.append, deep)
        # In lockstep the guard waits for two readers of its commands: simulator and evaluator.
        self.node.create_subscription(
            JointTrajectory, "joint_trajectory_controller/joint_trajectory", lambda message: None, deep
        )
        self.reset_client = self.node.create_client(ResetEpisode, "guard/reset_episode")

    def now(self) -> int:
        return int(self.node.get_clock().now().nanoseconds)

    def wait(self, condition: Any, timeout: float = 20.0) -> None:
        assert spin_until(self.node, condition, timeout), [str(status) for status in self.status[-3:]]

    def match(self) -> None:
        self.wait(lambda: self.joints.get_subscription_count() and self.chunks.get_subscription_count())
        self.wait(lambda: self.node.count_publishers("guard/status") and self.reset_client.service_is_ready())

    def measure(self, stamp: int, positions: np.ndarray = HOME, names: tuple[str, ...] = ROBOT.names) -> None:
        message = self.JointState(name=list(names), position=positions.tolist())
        message.header.stamp = self.messages.ns_to_stamp(stamp)
        self.joints.publish(message)

    def send(self, stamp: int, points: np.ndarray | None = None, period: int = 100 * MS) -> Chunk:
        points = HOME + 0.01 * np.arange(1, 13)[:, None] * (np.arange(7) < 6) if points is None else points
        chunk = Chunk(stamp, period * np.arange(1, len(points) + 1, dtype=np.int64), points)
        self.chunks.publish(self.messages.chunk_to_trajectory(chunk, ROBOT, list(range(7))))
        return chunk

    def reset(self, episode: int = 0) -> None:
        reset_episode(self.node, self.reset_client, episode)

    def answer(self, stamp: int, points: np.ndarray | None = None) -> Any:
        """Lockstep: the next trajectory that leaves the guard."""
        before = len(self.arm)
        self.send(stamp, points)
        self.wait(lambda: len(self.arm) > before)
        return self.arm[-1]


@pytest.fixture
def probe(ros_context: Any) -> Iterator[Probe]:
    probe = Probe(ros_context)
    yield probe
    probe.node.destroy_node()


def start(processes: Processes, probe: Probe, *parameters: str) -> Process:
    guard = processes.start("embodiedcomp_policy", "guard", *(word for p in parameters for word in ("-p", p)))
    guard.wait_for("ready")
    probe.match()
    return guard


def test_lockstep_passes_a_good_chunk_bit_for_bit_and_holds_for_a_bad_one(probe: Probe, processes: Processes) -> None:
    start(processes, probe, "timing:=lockstep")
    probe.reset()
    points = HOME + np.random.default_rng(0).uniform(-0.01, 0.01, (12, 7)) * (np.arange(7) < 6)
    probe.measure(0)
    chunk = probe.messages.trajectory_to_chunk(probe.answer(0, points), ROBOT)
    assert chunk.stamp_ns == 0 and np.array_equal(chunk.positions, points)
    assert chunk.times_ns.tolist() == [n * 100 * MS for n in range(1, 13)]
    # The chunk may come before the joint state of its stamp: it waits for that one.
    probe.send(1000 * MS, np.full((12, 7), np.nan))
    probe.measure(900 * MS)
    probe.measure(1000 * MS, HOME + 0.02)
    probe.wait(lambda: len(probe.arm) == 2)
    held = probe.messages.trajectory_to_chunk(probe.arm[1], ROBOT)
    assert held.stamp_ns == 1000 * MS and np.array_equal(held.positions, HOME[None] + 0.02)
    probe.wait(lambda: len(probe.status) == 2)
    assert [status.state for status in probe.status] == ["running", "refused"]
    assert probe.status[1].reason == "chunk has positions that are not finite"


def test_lockstep_episodes_repeat_after_a_reset(probe: Probe, processes: Processes) -> None:
    start(processes, probe, "timing:=lockstep")
    answers = []
    for episode in range(2):
        probe.reset(episode)
        for step in range(3):
            probe.measure(step * 1000 * MS, HOME + 0.1 * step)
            answers.append(probe.answer(step * 1000 * MS, np.full((12, 7), 0.3 * step)))
    assert answers[:3] == answers[3:]


def test_lockstep_never_stalls_on_a_stamp_nobody_measured(probe: Probe, processes: Processes) -> None:
    start(processes, probe, "timing:=lockstep")
    probe.measure(0)
    held = probe.messages.trajectory_to_chunk(probe.answer(5000 * MS), ROBOT)
    assert np.array_equal(held.positions, HOME[None])
    probe.wait(lambda: probe.status)
    assert "in the future" in probe.status[-1].reason


@pytest.mark.timing
def test_realtime_runs_holds_when_the_policy_dies_and_refuses_old_news(probe: Probe, processes: Processes) -> None:
    start(processes, probe)
    driver = probe.node.create_timer(0.02, lambda: probe.measure(probe.now()))
    sender = probe.node.create_timer(0.2, lambda: probe.send(probe.now()))
    probe.wait(lambda: probe.status and probe.status[-1].state == "running")
    sender.cancel()
    sent = probe.now()
    probe.wait(lambda: probe.status[-1].state == "holding", timeout=5.0)
    assert 1.0 < (probe.now() - sent) / 1e9 < 2.5
    held = probe.messages.trajectory_to_chunk(probe.arm[-1], ROBOT)
    assert np.array_equal(held.positions, HOME[None])
    probe.send(probe.now() - 500 * MS)
    probe.wait(lambda: probe.status[-1].state == "refused")
    assert re.search(r"observation is 0\.\d+ s old, more than max_observation_age 0\.200 s", probe.status[-1].reason)
    probe.send(probe.now() + 10_000 * MS)
    probe.wait(lambda: "in the future" in probe.status[-1].reason)
    driver.cancel()


def test_joint_states_that_stop_in_mid_chunk_are_reported_once(probe: Probe, processes: Processes) -> None:
    """Also the chunk that then outlives its time: the guard stops commanding, and says why."""
    start(processes, probe, "command_interface:=forward_position", "max_observation_age:=0.4")
    driver = probe.node.create_timer(0.02, lambda: probe.measure(probe.now()))
    sender = probe.node.create_timer(0.2, lambda: probe.send(probe.now()))
    probe.wait(lambda: probe.status and probe.status[-1].state == "running")
    sender.cancel()
    driver.cancel()

    def blind() -> list[Any]:
        return [s for s in probe.status if re.fullmatch(r"joint state is \d\.\d+ s off the clock: .*", s.reason)]

    probe.wait(blind)
    assert blind()[0].state == "holding"
    assert not spin_until(probe.node, lambda: len(blind()) > 1, 1.5)
    probe.wait(lambda: probe.measure(probe.now()) or "no new chunk before the last one" in probe.status[-1].reason)


def test_nothing_moves_before_a_full_joint_state(probe: Probe, processes: Processes) -> None:
    start(processes, probe)
    driver = probe.node.create_timer(0.02, lambda: probe.measure(probe.now(), HOME[:6], ROBOT.names[:6]))
    for count in range(3):
        probe.send(probe.now())
        probe.wait(lambda count=count: len(probe.status) > count)
    assert {(status.state, status.reason) for status in probe.status} == {("refused", "no joint state yet")}
    assert not probe.arm
    driver.cancel()


def test_joints_that_two_drivers_publish_apart_make_one_state(probe: Probe, processes: Processes) -> None:
    start(processes, probe)
    drivers = [
        probe.node.create_timer(0.02, lambda: probe.measure(probe.now(), HOME[:6], ROBOT.names[:6])),
        probe.node.create_timer(0.05, lambda: probe.measure(probe.now(), HOME[6:], ROBOT.names[6:])),
    ]
    sender = probe.node.create_timer(0.3, lambda: probe.send(probe.now()))
    probe.wait(lambda: probe.status and probe.status[-1].state == "running")
    for timer in (*drivers, sender):
        timer.cancel()


@pytest.mark.timing
def test_forward_position_streams_within_limits_and_stands_still_at_the_end(probe: Probe, processes: Processes) -> None:
    start(processes, probe, "command_interface:=forward_position", "max_chunk_age:=0.6")
    arm = {"at": HOME.copy()}

    def drive() -> None:
        if probe.stream:
            arm["at"] = arm["at"] + 0.5 * (np.array(probe.stream[-1].data) - arm["at"])
        probe.measure(probe.now(), arm["at"])

    driver = probe.node.create_timer(0.01, drive)
    assert not spin_until(probe.node, lambda: probe.stream, 0.3)  # silent until a chunk is accepted
    probe.send(probe.now(), np.tile(HOME + 0.6, (12, 1)))
    probe.wait(lambda: probe.status and probe.status[-1].state == "holding")
    assert probe.status[0].state == "running" and probe.status[0].reason == "limited to the robot's limits"
    count = len(probe.stream)
    probe.wait(lambda: len(probe.stream) > count + 10)
    driver.cancel()
    commands = np.array([list(message.data) for message in probe.stream])
    assert commands.shape[1] == 7 and 20 < count < 60  # 50 Hz for 0.6 s, on a busy machine
    assert np.all(np.abs(np.diff(commands, axis=0)) <= ROBOT.velocity * 0.1 + 1e-9)
    assert np.ptp(commands[count + 3 :], axis=0).max() < 1e-6  # still
    assert 0.1 < commands[-1][0] - HOME[0] <= 0.6


def test_the_gripper_may_have_its_own_topic(probe: Probe, processes: Processes) -> None:
    start(processes, probe, "timing:=lockstep", "gripper:=topic")
    probe.measure(0)
    assert list(probe.answer(0).joint_names) == list(ROBOT.names[:6])
    probe.wait(lambda: probe.gripper)
    assert list(probe.gripper[0].joint_names) == [ROBOT.names[6]]


def test_a_trajectory_for_another_robot_is_refused(probe: Probe, processes: Processes) -> None:
    start(processes, probe, "timing:=lockstep")
    probe.measure(0)
    message = probe.messages.chunk_to_trajectory(Chunk(0, np.array([100 * MS]), HOME[None]), ROBOT, list(range(7)))
    message.joint_names[0] = "panda_joint1"
    probe.chunks.publish(message)
    probe.wait(lambda: probe.status)
    assert probe.status[0].state == "refused" and "panda_joint1" in probe.status[0].reason


def test_no_torch_in_the_guards_process(probe: Probe, processes: Processes) -> None:
    guard = start(processes, probe)
    maps = Path(f"/proc/{guard.pid}/maps").read_text()
    assert "numpy" in maps
    assert not re.search(r"libtorch|pinocchio|transformers", maps)


@pytest.mark.parametrize(
    ("parameter", "line"),
    [
        ("robot:=r2d2", r"unknown robot 'r2d2'; there are: .*ur5e"),
        (
            "command_interface:=velocity",
            r"unknown command_interface 'velocity'; there are: joint_trajectory, forward_pos",
        ),
        ("max_chunk_age:=-1.0", r"parameter max_chunk_age must be from 0.001 to 60 .*, not -1"),
        ("max_step:=1.0", r"max_step.*0.35"),
        ("timing:=charged", r"unknown timing 'charged'; there are: realtime, lockstep"),
    ],
)
def test_bad_input_is_one_line_and_status_2(parameter: str, line: str, processes: Processes) -> None:
    guard = processes.start("embodiedcomp_policy", "guard", "-p", parameter)
    assert guard.wait() == 2
    assert re.search(line, guard.output) and len(guard.output.splitlines()) == 1


def test_ctrl_c_is_quiet(probe: Probe, processes: Processes) -> None:
    guard = start(processes, probe)
    guard.interrupt()
    assert guard.wait() == 0
    assert "Traceback" not in guard.output
