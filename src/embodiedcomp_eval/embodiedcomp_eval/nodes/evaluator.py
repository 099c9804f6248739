"""The evaluator node: owns episodes, scores them from what the others publish, writes the results."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.task import Future
from sensor_msgs.msg import CompressedImage, JointState
from trajectory_msgs.msg import JointTrajectory

from embodiedcomp_eval.assembly import make_recorder
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.nodes.lifecycle import LOCKSTEP_QOS, SENSOR_QOS, AutostartNode, ParameterError, run_node
from embodiedcomp_eval.nodes.messages import error_message, result_message, to_chunk, to_ns
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.remote_episode import Encoded, RealtimeEpisode, RemoteEpisode
from embodiedcomp_eval.results import ResultsError, ResultsFolder
from embodiedcomp_eval.subscriber import Answered, FrameReceived
from embodiedcomp_eval.summary import summarise
from embodiedcomp_eval.trial_config import TrialConfig, trial_from_mapping
from embodiedcomp_msgs.msg import CodecStats, EpisodeState, FrameLost, GuardStatus, PolicyStatus, TrialResult
from embodiedcomp_msgs.srv import ResetEpisode
from embodiedcomp_policy.robot import load_robot

CHECK_PERIOD = 0.05
"""s of wall time between looks at deadlines; messages are looked at when they come."""
FAREWELL = Duration(seconds=5.0)
"""How long the end of the process may wait until everyone has the last messages."""


class InfrastructureError(Exception):
    """Something other than codec or policy failed; the attempt is no episode."""


class EvaluatorNode(AutostartNode):
    """Runs the trial that its parameters describe (the options of ``trial``), then ends the process."""

    errors = (ParameterError, ConfigError, ResultsError)

    def __init__(self) -> None:
        super().__init__("evaluator")
        self.status = 0

    def prepare(self) -> None:
        """Read parameters, check them, build topics and clients."""
        self._config = self._trial_parameters()
        self._task = self._config.validate()
        self._out = Path(self.parameter("out", "results/trial", "folder of the results"))
        self._nodes = self.parameter(
            "nodes", [""], "nodes to reset before an episode; empty: the usual ones of the task"
        )
        self._nodes = self._nodes or self._usual_nodes()
        self._start_seconds = self.parameter(
            "start_timeout", 300.0, "wait for nodes to be there and reset, s", 0.1, 3600.0
        )
        self._step_seconds = self.parameter("step_timeout", 300.0, "wait for the steps after a query, s", 0.1, 3600.0)
        self._retries = self.parameter("retries", 2, "attempts after an infrastructure error, per episode")
        self._robot = load_robot(self._task.robot)
        realtime = self._config.timing == "realtime"
        episode = RealtimeEpisode if realtime else RemoteEpisode
        recorder = make_recorder(self._config, self._task)
        self._remote: RemoteEpisode = episode(self._task, recorder, self._config.send == "every_step")
        self._number, self._listening = 0, False
        self._waits: list[tuple[Callable[[], bool], float, Future]] = []
        self._wire(SENSOR_QOS if realtime else LOCKSTEP_QOS)

    def _trial_parameters(self) -> TrialConfig:
        """One parameter for each option of a trial, named and defaulted as in ``TrialConfig``."""
        values = {}
        for field in dataclasses.fields(TrialConfig):
            default = "" if field.default is None else field.default
            value = self.parameter(field.name, default, f"option {field.name} of a trial")
            values[field.name] = None if field.default is None and value == "" else value
        return trial_from_mapping(values, "parameter")

    def _usual_nodes(self) -> list[str]:
        coders = [f"{side}_{camera}" for camera in self._task.cameras for side in ("encoder", "decoder")]
        links = [f"link_{camera}" for camera in self._task.cameras] if self._config.link != "none" else []
        return ["simulator", *coders, *links, "policy", "guard"]

    def _wire(self, frames: Any) -> None:
        deep = LOCKSTEP_QOS
        self._state = self.create_lifecycle_publisher(EpisodeState, "episode", deep)
        self._results = self.create_lifecycle_publisher(TrialResult, "trial_result", deep)
        self.create_subscription(JointState, "joint_states", self._on_joints, deep)
        self.create_subscription(PoseStamped, "object_pose", self._on_pose, deep)
        self.create_subscription(
            JointTrajectory, "joint_trajectory_controller/joint_trajectory", self._on_trajectory, deep
        )
        self.create_subscription(PolicyStatus, "policy/status", self._on_policy, deep)
        self.create_subscription(GuardStatus, "guard/status", self._on_guard, deep)
        self.create_subscription(FrameLost, "frame_lost", self._on_lost, deep)
        self._bits = []
        for camera in self._task.cameras:
            bits = f"{camera}/image_raw/embodiedcomp"
            self._bits.append(self.create_subscription(CompressedImage, bits, partial(self._on_bits, camera), frames))
            self.create_subscription(CodecStats, f"encoder_{camera}/stats", partial(self._on_encoder, camera), frames)
            self.create_subscription(CodecStats, f"decoder_{camera}/stats", partial(self._on_decoder, camera), frames)
        self._resets = {name: self.create_client(ResetEpisode, f"{name}/reset_episode") for name in self._nodes}
        wall = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(CHECK_PERIOD, self._notify, clock=wall)
        self._starter = self.create_timer(CHECK_PERIOD, self._start, clock=wall)

    # ---- the trial

    def _start(self) -> None:
        if self.running and self.executor is not None:
            self._starter.cancel()
            self.executor.create_task(self._trial())

    async def _trial(self) -> None:
        """Every episode that the folder lacks, in order; then the process ends."""
        try:
            await self._endpoints()
            with ResultsFolder(
                self._out, self._config.to_mapping(), provenance(self._config.checkpoint, self._config.codec)
            ) as folder:
                if folder.lines:
                    folder.write_summary(summarise(self._config, self._task, folder.lines, folder.errors))
                for number, seed in enumerate(self._config.seeds):
                    if number not in folder.finished:
                        await self._attempts(folder, number, seed)
        except (ResultsError, InfrastructureError) as error:
            self.get_logger().fatal(str(error))
            self.status = 2 if isinstance(error, ResultsError) else 1
        for publisher in (self._state, self._results):
            publisher.wait_for_all_acked(FAREWELL)
        rclpy.try_shutdown()

    async def _attempts(self, folder: ResultsFolder, number: int, seed: int) -> None:
        """One episode, again where the infrastructure failed; each failure is recorded.

        Every attempt has a number of its own on the topics, so that nothing said of one is taken for another's.
        """
        for attempt in range(self._retries + 1):
            try:
                self._number = number + attempt * self._config.episodes
                line = await self._episode(len(folder.lines), number, seed)
            except InfrastructureError as error:
                folder.append_error(number, seed, str(error))
                now = self.get_clock().now().to_msg()
                self._results.publish(error_message(self._config, self._task, number, seed, str(error), now))
                self.get_logger().error(f"episode {number}, attempt {attempt + 1}: {error}")
                if attempt == self._retries:
                    raise
                continue
            folder.append(line)
            summary = summarise(self._config, self._task, folder.lines, folder.errors)
            folder.write_summary(summary)
            self._results.publish(result_message(self._config, self._task, line, self.get_clock().now().to_msg()))
            self._progress(len(folder.lines), 0)
            return

    async def _episode(self, finished: int, number: int, seed: int) -> dict[str, Any]:
        """The lockstep protocol from the evaluator's side."""
        started = time.perf_counter()
        # 1. Every node forgets the last episode; the simulator builds the scene.
        self._listening = False
        scene = await self._reset(seed)
        self._remote.begin(seed, scene)
        self._listening = True
        executed = 0
        while not self._remote.ended:
            # 2. The policy is told to ask; everything else follows from that, down to the robot's steps.
            self._tell(seed, executed, EpisodeState.RUN)
            executed = min(executed + self._task.replan_period, self._task.horizon)
            goal = executed
            if not await self._until(lambda: self._remote.ended or self._remote.scored >= goal, self._step_seconds):  # noqa: B023
                stuck = f"stuck at step {self._remote.scored} of {goal} for {self._step_seconds:g} s"
                raise InfrastructureError(
                    f"{stuck}: no {', no '.join(self._remote.missing(executed)) or 'trajectory executed'}"
                )
            self._progress(finished, self._remote.scored)
        # 3. The end: wait for what is still under way, so that nothing leaks into the next episode.
        self._tell(seed, self._remote.scored, EpisodeState.DONE)
        settled = partial(self._all_in, executed)
        if not await self._until(settled, self._step_seconds):
            raise InfrastructureError(f"episode ended, but no {', no '.join(self._remote.missing(executed))}")
        return self._remote.line(number, time.perf_counter() - started)

    def _all_in(self, executed: int) -> bool:
        return self._remote.reached(executed) and not self._remote.missing(executed)

    async def _endpoints(self) -> None:
        """Wait until every node is there and every topic has all of its ends.

        A node that has answered a reset sends to this one whatever it says from then on: it found this node's
        subscriptions before its clients, which were made after them. Between two other nodes, each refuses to be reset
        until its own readers are there.
        """
        absent: list[str] = []

        def matched() -> bool:
            absent[:] = [f"node {name}" for name, client in self._resets.items() if not client.service_is_ready()]
            absent.extend(f"topic {topic}" for topic, ends in self._topics().items() if not self._has(topic, *ends))
            silent = [s.topic_name for s in self.subscriptions if s.get_publisher_count() == 0]
            absent.extend(f"publisher of {name}" for name in silent)
            if self._state.get_subscription_count() < self._topics()["episode"][1]:
                absent.append("reader of episode")
            return not absent

        if not await self._until(matched, self._start_seconds):
            raise InfrastructureError(f"after {self._start_seconds:g} s still missing: {', '.join(absent)}")

    def _topics(self) -> dict[str, tuple[int, int]]:
        """Every topic of the loop -> (publishers, subscribers) at least, this node among them."""
        cameras, linked = self._task.cameras, self._config.link != "none"
        movers = 1 if self._config.timing == "lockstep" else 2  # in realtime the simulator moves by the episode too
        topics = {
            "joint_states": (1, 3),
            "object_pose": (1, 1),
            "episode": (1, movers),
            "observation_request": (1, 1),
            "policy_trajectory": (1, 1),
            "policy/status": (1, 1),
            "guard/status": (1, 1),
            "joint_trajectory_controller/joint_trajectory": (1, 2),
            "frame_lost": (len(cameras) * (3 if linked else 2), 2),
        }
        for camera in cameras:
            image = f"{camera}/image_raw"
            topics |= {image: (1, 1), f"{image}/embodiedcomp": (1, 2), f"{image}/embodiedcomp/key_request": (1, 1)}
        return topics

    def _has(self, topic: str, publishers: int, subscribers: int) -> bool:
        name = self.resolve_topic_name(topic)
        return self.count_publishers(name) >= publishers and self.count_subscribers(name) >= subscribers

    async def _reset(self, seed: int) -> dict[str, Any]:
        """Reset every stateful node; returns the scene. A node that isn't ready yet is asked again."""
        deadline = time.monotonic() + self._start_seconds
        waiting, scene = set(self._resets), "{}"
        while True:
            request = ResetEpisode.Request(seed=seed, episode=self._number)
            futures = {name: self._resets[name].call_async(request) for name in sorted(waiting)}
            if not await self._until(lambda: all(f.done() for f in futures.values()), deadline - time.monotonic()):  # noqa: B023
                silent = sorted(name for name, future in futures.items() if not future.done())
                raise InfrastructureError(f"no answer to reset_episode from {', '.join(silent)}")
            answers = {name: future.result() for name, future in futures.items()}
            waiting = {name for name, answer in answers.items() if not answer.ok}
            scene = next((answer.scene_json for answer in answers.values() if answer.scene_json), scene)
            if not waiting:
                found: dict[str, Any] = json.loads(scene)
                return found
            if time.monotonic() > deadline:
                reasons = "; ".join(f"{name}: {answers[name].message}" for name in sorted(waiting))
                raise InfrastructureError(f"reset_episode failed: {reasons}")
            await self._until(lambda: False, CHECK_PERIOD)

    def _tell(self, seed: int, step: int, phase: int) -> None:
        self._state.publish(EpisodeState(episode=self._number, seed=seed, step=step, phase=phase))

    def _progress(self, finished: int, step: int) -> None:
        self.get_logger().info(f"progress {finished} {step}")

    def _until(self, ready: Callable[[], bool], seconds: float) -> Future:
        """A future that is True as soon as ``ready`` holds, False after ``seconds`` of wall time."""
        future: Future = Future(executor=self.executor)
        if ready():
            future.set_result(True)
        else:
            self._waits.append((ready, time.monotonic() + seconds, future))
        return future

    def _notify(self) -> None:
        waits, self._waits = self._waits, []
        for wait in waits:
            ready, deadline, future = wait
            if ready():
                future.set_result(True)
            elif time.monotonic() > deadline:
                future.set_result(False)
            else:
                self._waits.append(wait)

    # ---- what the others publish

    def _on_joints(self, message: JointState) -> None:
        positions = self._robot.reorder(message.name, message.position)
        if self._listening and positions is not None:
            self._remote.add_joints(to_ns(message.header.stamp), positions)
            self._notify()

    def _on_pose(self, message: PoseStamped) -> None:
        if self._listening:
            self._remote.add_height(to_ns(message.header.stamp), message.pose.position.z)
            self._notify()

    def _on_trajectory(self, message: JointTrajectory) -> None:
        if self._listening:
            chunk = to_chunk(message, self._robot)
            self._remote.add_trajectory(chunk.stamp_ns, chunk.times_ns, chunk.positions)
            self._notify()

    def _on_bits(self, camera: str, message: CompressedImage) -> None:
        if self._listening:
            self._remote.add_packet(camera, to_ns(message.header.stamp), bytes(message.data))
            self._notify()

    def _on_encoder(self, camera: str, message: CodecStats) -> None:
        if self._listening and message.payload_bytes == 0:
            self._remote.add_skipped(camera, to_ns(message.header.stamp))
            self._notify()
        elif self._listening:
            encoded = Encoded(message.key, message.at_floor, message.at_ceiling, message.processing_seconds)
            self._remote.add_encoded(camera, to_ns(message.header.stamp), encoded)
            self._notify()

    def _on_decoder(self, camera: str, message: CodecStats) -> None:
        if self._listening:
            event = FrameReceived(camera, to_ns(message.header.stamp), False, message.processing_seconds)
            self._remote.add_received(event)
            self._notify()

    def _on_lost(self, message: FrameLost) -> None:
        camera = next((c for c in self._task.cameras if message.topic.endswith(f"{c}/image_raw")), None)
        if self._listening and camera is not None and message.episode == self._number:
            self._remote.add_received(FrameReceived(camera, to_ns(message.header.stamp), True, 0.0))
            self._notify()

    def _on_policy(self, message: PolicyStatus) -> None:
        stamp_ns = to_ns(message.header.stamp)
        if self._listening and message.state == "answered":
            age = 0.0 if math.isnan(message.frame_age_seconds) else message.frame_age_seconds
            self._remote.add_answer(Answered(stamp_ns, message.inference_seconds, age))
            self._notify()
        elif self._listening and message.state in ("holding", "error"):
            self._remote.add_refusal(stamp_ns)
            self._notify()

    def _on_guard(self, message: GuardStatus) -> None:
        if self._listening and message.state in ("running", "refused"):
            refusal = message.reason if message.state == "refused" else None
            self._remote.add_guarded(to_ns(message.header.stamp), refusal)
            self._notify()


def main() -> int:
    """``ros2 run embodiedcomp_eval evaluator``."""
    made: list[EvaluatorNode] = []

    def make() -> EvaluatorNode:
        made.append(EvaluatorNode())
        return made[0]

    status = run_node("evaluator", make)
    return status or (made[0].status if made else 0)
