"""The policy node as a process, with a policy that needs no weights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embodiedcomp_policy.robot import load_robot
from ros_harness import Process, Processes, reset_episode, spin_until

ROBOT = load_robot("ur5e")
HOME = np.array([0.1, -1.7, 1.5, -1.3, -1.5, 0.2, 0.0])
MS = 1_000_000
CAMERAS = ("base_camera", "wrist_camera")
PLUGINS = str(Path(__file__).parent / "plugins")


class Probe:
    """Cameras, joints and evaluator around the policy node."""

    def __init__(self, context: Any) -> None:
        import rclpy
        from rclpy.qos import QoSProfile
        from sensor_msgs.msg import Image, JointState
        from trajectory_msgs.msg import JointTrajectory

        from embodiedcomp_msgs.msg import EpisodeState, FrameLost, ObservationRequest, PolicyStatus
        from embodiedcomp_msgs.srv import ResetEpisode
        from embodiedcomp_policy.nodes import messages

        self.messages, self.Image, self.JointState, self.EpisodeState = messages, Image, JointState, EpisodeState
        self.FrameLost, self.ResetEpisode = FrameLost, ResetEpisode
        self.node = rclpy.create_node("probe", context=context)
        deep = QoSProfile(depth=1000)
        self.images = {c: self.node.create_publisher(Image, f"{c}/image_raw/decoded", deep) for c in CAMERAS}
        self.joints = self.node.create_publisher(JointState, "joint_states", deep)
        self.episode = self.node.create_publisher(EpisodeState, "episode", deep)
        self.lost = self.node.create_publisher(FrameLost, "frame_lost", deep)
        self.chunks: list[Any] = []
        self.requests: list[Any] = []
        self.status: list[Any] = []
        for kind, topic, found in (
            (JointTrajectory, "policy_trajectory", self.chunks),
            (ObservationRequest, "observation_request", self.requests),
            (PolicyStatus, "policy/status", self.status),
        ):
            self.node.create_subscription(kind, topic, found.append, deep)
        self.reset_client = self.node.create_client(ResetEpisode, "policy/reset_episode")

    def now(self) -> int:
        return int(self.node.get_clock().now().nanoseconds)

    def wait(self, condition: Any, timeout: float = 20.0) -> None:
        assert spin_until(self.node, condition, timeout), [str(status) for status in self.status[-3:]]

    def match(self) -> None:
        publishers = [*self.images.values(), self.joints, self.episode, self.lost]
        self.wait(lambda: all(publisher.get_subscription_count() for publisher in publishers))
        self.wait(lambda: self.node.count_publishers("policy/status") and self.reset_client.service_is_ready())

    def reset(self, episode: int) -> None:
        reset_episode(self.node, self.reset_client, episode)

    def run(self, episode: int, step: int, phase: int = 0) -> None:
        self.episode.publish(self.EpisodeState(episode=episode, seed=1, step=step, phase=phase))

    def see(self, camera: str, stamp: int, value: int, encoding: str = "rgb8") -> None:
        channels = {"rgb8": 3, "bgr8": 3, "mono8": 1, "16UC1": 2}[encoding]
        message = self.Image(
            height=4, width=6, encoding=encoding, step=6 * channels, data=bytes([value]) * 24 * channels
        )
        message.header.stamp = self.messages.ns_to_stamp(stamp)
        self.images[camera].publish(message)

    def miss(self, camera: str, stamp: int, episode: int) -> None:
        message = self.FrameLost(episode=episode, topic=f"/{camera}/image_raw")
        message.header.stamp = self.messages.ns_to_stamp(stamp)
        self.lost.publish(message)

    def measure(self, stamp: int, positions: np.ndarray = HOME) -> None:
        shuffled = list(range(7))[::-1]
        message = self.JointState(name=[ROBOT.names[j] for j in shuffled], position=positions[shuffled].tolist())
        message.header.stamp = self.messages.ns_to_stamp(stamp)
        self.joints.publish(message)

    def answer(self, count: int) -> Any:
        self.wait(lambda: len(self.chunks) >= count)
        return self.messages.trajectory_to_chunk(self.chunks[count - 1], ROBOT)


@pytest.fixture
def probe(ros_context: Any) -> Iterator[Probe]:
    probe = Probe(ros_context)
    yield probe
    probe.node.destroy_node()


def start(processes: Processes, probe: Probe, *parameters: str) -> Process:
    words = [word for p in parameters for word in ("-p", p)]
    path = os.pathsep.join([PLUGINS, os.environ.get("PYTHONPATH", "")])
    policy = processes.start("embodiedcomp_policy", "policy", *words, environment={"PYTHONPATH": path})
    policy.wait_for("ready")
    probe.match()
    return policy


def test_lockstep_answers_each_step_once_with_its_own_instant(probe: Probe, processes: Processes) -> None:
    start(processes, probe, "policy:=still", "timing:=lockstep")
    probe.reset(3)
    probe.run(2, 0)  # another episode's: ignored
    probe.run(3, 0)
    probe.wait(lambda: probe.requests)
    assert [(r.episode, r.step) for r in probe.requests] == [(3, 0)]
    probe.measure(0)
    probe.see("wrist_camera", 0, 20)
    probe.see("base_camera", 0, 10)
    chunk = probe.answer(1)
    assert chunk.stamp_ns == 0 and chunk.positions.shape == (12, 7)
    assert np.array_equal(chunk.positions[0, 1:], HOME[1:]) and np.isclose(chunk.positions[0, 0], 0.050)
    # Frames at every step: those that nobody asked about are not answered, nor is a lone view.
    for step in range(1, 11):
        probe.measure(step * 100 * MS)
        for camera in CAMERAS:
            probe.see(camera, step * 100 * MS, step)
    probe.run(3, 10)
    assert probe.answer(2).stamp_ns == 1000 * MS
    assert len(probe.chunks) == 2 and np.isclose(probe.answer(2).positions[0, 0], 0.030)
    probe.wait(lambda: len(probe.status) == 2)
    assert [status.state for status in probe.status] == ["answered", "answered"]
    assert all(status.inference_seconds >= 0 and status.frame_age_seconds == 0 for status in probe.status)


def test_a_lost_frame_is_answered_from_the_last_whole_set_or_by_a_hold(probe: Probe, processes: Processes) -> None:
    start(processes, probe, "policy:=still", "timing:=lockstep")
    probe.reset(1)
    probe.run(1, 0)
    probe.measure(0)
    probe.see("base_camera", 0, 10)
    probe.miss("wrist_camera", 0, episode=0)  # of an episode long over
    probe.miss("wrist_camera", 0, episode=1)
    assert np.array_equal(probe.answer(1).positions, HOME[None])
    probe.run(1, 10)
    probe.measure(1000 * MS)
    for camera in CAMERAS:
        probe.see(camera, 1000 * MS, 10)
    assert np.isclose(probe.answer(2).positions[0, 0], 0.030)
    probe.run(1, 20)
    probe.measure(2000 * MS, HOME + 0.1)
    probe.see("base_camera", 2000 * MS, 200)
    probe.miss("wrist_camera", 2000 * MS, episode=1)
    chunk = probe.answer(3)
    assert chunk.stamp_ns == 2000 * MS and np.isclose(chunk.positions[0, 0], 0.030)
    assert np.allclose(chunk.positions[0, 1:], HOME[1:] + 0.1)
    probe.wait(lambda: len(probe.status) == 3)
    assert [status.state for status in probe.status] == ["holding", "answered", "answered"]
    assert "lost" in probe.status[2].reason and np.isclose(probe.status[2].frame_age_seconds, 1.0)


def test_a_policy_without_its_server_says_so_and_sends_no_chunk(probe: Probe, processes: Processes) -> None:
    policy = start(processes, probe, "policy:=down", "replan_period:=0.2")

    def look() -> None:
        now = probe.now()
        probe.measure(now)
        for camera in CAMERAS:
            probe.see(camera, now, 10)

    driver = probe.node.create_timer(0.05, look)
    probe.wait(lambda: sum(status.state == "error" for status in probe.status) >= 3)
    driver.cancel()
    assert {status.reason for status in probe.status if status.state == "error"} == {
        "server ws://nowhere:8000 does not answer"
    }
    assert not probe.chunks and policy.running


def test_a_late_picture_spoils_one_question_at_most_whatever_the_clocks_say(probe: Probe, processes: Processes) -> None:
    """The camera answers questions, once too late; the robot's clock is 30 s ahead of the policy's."""
    start(processes, probe, "policy:=still", "replan_period:=0.5")
    ahead = 30_000 * MS
    driver = probe.node.create_timer(0.02, lambda: probe.measure(probe.now() + ahead))
    frames: list[int] = []  # stamp of the frames that each question got
    answered: list[tuple[int, int]] = []  # which question's frames, after how many questions

    def look(stamp: int) -> None:
        probe.measure(stamp)
        for camera in CAMERAS:
            probe.see(camera, stamp, 10)

    def advance() -> bool:
        while len(frames) < len(probe.requests):
            frames.append(probe.now() + ahead)
            if len(frames) == 4:
                look(frames[2])  # the third question's, when the fourth is asked
            if len(frames) != 3:
                look(frames[-1])
        for chunk in probe.chunks[len(answered) :]:
            answered.append((frames.index(probe.messages.stamp_to_ns(chunk.header.stamp)), len(frames) - 1))
        return sum(question > 3 and question == asked for question, asked in answered) >= 3

    probe.wait(advance)
    driver.cancel()
    assert 2 not in [question for question, _ in answered]
    probe.wait(lambda: any("since the last question" in status.reason for status in probe.status))
    ages = [status.frame_age_seconds for status in probe.status if status.state == "answered"]
    assert all(0 <= age <= 0.2 for age in ages)


def test_pictures_too_old_for_the_guard_are_said_to_be(probe: Probe, processes: Processes) -> None:
    start(processes, probe, "policy:=still", "replan_period:=0.2", "max_observation_age:=0.1")

    def look() -> None:
        now = probe.now()
        probe.measure(now)
        probe.measure(now - 300 * MS)
        for camera in CAMERAS:
            probe.see(camera, now - 300 * MS, 10)

    driver = probe.node.create_timer(0.05, look)
    probe.wait(lambda: any("more than max_observation_age 0.10 s" in status.reason for status in probe.status))
    driver.cancel()
    assert not probe.chunks


def test_a_bug_or_a_joint_that_is_not_finite_ends_no_node(probe: Probe, processes: Processes) -> None:
    policy = start(processes, probe, "policy:=buggy", "replan_period:=0.2")
    show = {"value": 13, "joint": np.nan}

    def look() -> None:
        now, joints = probe.now(), HOME.copy()
        joints[0] = show["joint"]
        probe.measure(now, joints)
        for camera in CAMERAS:
            probe.see(camera, now, int(show["value"]))

    driver = probe.node.create_timer(0.05, look)
    said = lambda text: lambda: any(text in status.reason for status in probe.status)  # noqa: E731
    probe.wait(said("joint 'shoulder_pan_joint' is measured as not finite"))
    show["joint"] = 0.1
    probe.wait(said("KeyError: 'data'"))
    show["value"] = 14
    probe.wait(said("ValueError: chunk has positions (12, 6), ur5e has 7 joints"))
    assert not probe.chunks and policy.running
    show["value"] = 10
    probe.wait(lambda: probe.chunks)
    driver.cancel()


@pytest.mark.timing
def test_realtime_asks_on_its_own_timer_and_answers_each_question_once(probe: Probe, processes: Processes) -> None:
    start(processes, probe, "policy:=still", "replan_period:=0.5")
    seen: list[int] = []

    def look() -> None:
        seen.append(probe.now())
        probe.measure(seen[-1])
        for camera in CAMERAS:
            probe.see(camera, seen[-1], 10, "bgr8" if camera == "base_camera" else "mono8")

    driver = probe.node.create_timer(0.04, look)
    probe.wait(lambda: len(probe.chunks) == 3)
    answered = [probe.messages.stamp_to_ns(chunk.header.stamp) for chunk in probe.chunks]
    assert set(answered) <= set(seen) and answered == sorted(set(answered))
    assert min(np.diff(answered)) > 0.3e9
    probe.wait(lambda: len(probe.requests) >= 3)
    # Between episodes it asks nothing.
    probe.run(0, 0, phase=1)
    spin_until(probe.node, lambda: False, 0.6)
    before = len(probe.requests)
    assert not spin_until(probe.node, lambda: len(probe.requests) > before, 1.2)
    probe.run(0, 0, phase=0)
    probe.wait(lambda: len(probe.requests) > before)
    driver.cancel()


def test_it_waits_for_an_episode_and_for_the_evaluator_to_go_on_saying_so(probe: Probe, processes: Processes) -> None:
    policy = start(processes, probe, "policy:=still", "replan_period:=0.2", "wait_for_episode:=true")
    assert not spin_until(probe.node, lambda: probe.requests, 1.0)
    probe.run(0, 0)
    probe.wait(lambda: len(probe.requests) >= 2)
    policy.wait_for("the evaluator says no more that the episode runs: paused")
    spin_until(probe.node, lambda: False, 0.3)  # what was asked before is heard
    before = len(probe.requests)
    assert not spin_until(probe.node, lambda: len(probe.requests) > before, 0.6)
    probe.reset(1)
    assert not spin_until(probe.node, lambda: len(probe.requests) > before, 0.6)
    probe.run(1, 0)
    probe.wait(lambda: len(probe.requests) > before and probe.requests[-1].episode == 1)


def test_an_encoding_it_does_not_know_is_one_error_and_skipped(probe: Probe, processes: Processes) -> None:
    policy = start(processes, probe, "policy:=still", "timing:=lockstep")
    for stamp in range(3):
        probe.see("base_camera", stamp, 1, "16UC1")
    policy.wait_for("base_camera: image encoding '16UC1' is not one of rgb8, bgr8, rgba8, bgra8, mono8")
    probe.run(0, 0)
    probe.measure(0)
    for camera in CAMERAS:
        probe.see(camera, 0, 10)
    probe.answer(1)
    assert policy.output.count("16UC1") == 1


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        (["policy:=reference", "robot:=panda"], r"the reference policy drives ur5e \(.*\), not panda"),
        (["policy:=r2d2"], "unknown policy 'r2d2'; there are: .*reference"),
        (
            ["policy:=still", "cameras:=['front']"],
            "cameras front don't serve the policy; it wants base_camera, wrist_camera",
        ),
        (["policy:=still", "image_topics:=['a']"], "1 image_topics for 2 cameras"),
        (["policy:=still", "chunk_wrappers:=['mean']"], "'mean' is no chunk wrapper; valid: drop_elapsed"),
        (["policy:=still", "replan_period:=-1"], "replan_period"),
    ],
)
def test_bad_input_is_one_line_and_status_2(parameters: list[str], line: str, processes: Processes) -> None:
    words = [word for p in parameters for word in ("-p", p)]
    path = os.pathsep.join([PLUGINS, os.environ.get("PYTHONPATH", "")])
    policy = processes.start("embodiedcomp_policy", "policy", *words, environment={"PYTHONPATH": path})
    policy.wait_for(line)
    assert policy.wait() == 2
    assert len(policy.output.splitlines()) == 1
