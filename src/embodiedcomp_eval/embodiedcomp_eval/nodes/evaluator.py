"""The evaluator node: owns episodes, has them scored by ground truth or by judges, writes the results."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from embodiedcomp_eval.assembly import make_recorder, make_wire_size
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.infrastructure import InfrastructureError, VoidedError
from embodiedcomp_eval.judge_registry import judge_classes, make_panel
from embodiedcomp_eval.judged_trial import KEY, Judging
from embodiedcomp_eval.judging import GROUND_TRUTH, Setting
from embodiedcomp_eval.nodes.judged_run import JudgedRun
from embodiedcomp_eval.nodes.lifecycle import LOCKSTEP_QOS, SENSOR_QOS, AutostartNode, ParameterError, run_node
from embodiedcomp_eval.nodes.messages import error_message, result_message
from embodiedcomp_eval.nodes.simulated_run import SimulatedRun
from embodiedcomp_eval.nodes.trial_resets import Resets
from embodiedcomp_eval.nodes.trial_topics import RobotTopics, TrialTopics
from embodiedcomp_eval.nodes.waits import Waits
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.remote_episode import RealtimeEpisode, RemoteEpisode
from embodiedcomp_eval.results import ResultsError, ResultsFolder
from embodiedcomp_eval.robot_episode import JudgedRecorder, RobotEpisode
from embodiedcomp_eval.summary import summarise
from embodiedcomp_eval.trial_config import TrialConfig, trial_from_mapping
from embodiedcomp_msgs.msg import EpisodeState, TrialResult
from embodiedcomp_policy.config import ConfigError as RobotError
from embodiedcomp_policy.policy import PolicyError
from embodiedcomp_policy.robot import load_robot

CHECK_PERIOD = 0.05
"""s of wall time between looks at deadlines; messages are looked at when they come."""
LOOK_PERIOD = 0.25
"""s of wall time between looks for topics that have come."""
RESULTS_QOS = QoSProfile(
    depth=1000, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
"""Latched: who comes late, or is discovered late, still gets the results so far."""
FAREWELL = Duration(seconds=5.0)
"""How long the end of the process may wait until everyone has the last messages."""


class EvaluatorNode(AutostartNode):
    """Runs the trial that its parameters describe (the options of ``trial``), then ends the process."""

    errors = (ParameterError, ConfigError, ResultsError, RobotError, PolicyError)

    def __init__(self) -> None:
        super().__init__("evaluator")
        self.status = 0

    def prepare(self) -> None:
        """Read parameters, check them, build topics and clients."""
        self._config = self._trial_parameters()
        self._task = self._config.validate()
        self._out = Path(self.parameter("out", "results/trial", "folder of the results"))
        names = self.parameter("nodes", [""], "nodes to reset before an episode; empty: the usual ones of the task")
        start = self.parameter("start_timeout", 300.0, "wait for nodes to be there and reset, s", 0.1, 3600.0)
        step = self.parameter("step_timeout", 300.0, "wait for the steps after a query, s", 0.1, 3600.0)
        self._retries = self.parameter("retries", 2, "attempts after an infrastructure error, per episode")
        success = self.parameter("success", GROUND_TRUTH, "ground_truth, or judges, comma-separated")
        resetter = self.choice("scene_reset", ("nodes", "operator"), "who sets the scene")
        verdict = self.parameter(
            "verdict_timeout", 0.0, "wait for the operator's verdict, s; 0: no limit", 0.0, 86400.0
        )
        self._robot = load_robot(self._task.robot)
        self._judging: Judging | None = None
        self._waits = Waits(self)
        self._state = self.create_lifecycle_publisher(EpisodeState, "episode", LOCKSTEP_QOS)
        self._results = self.create_lifecycle_publisher(TrialResult, "trial_result", RESULTS_QOS)
        wall = Clock(clock_type=ClockType.STEADY_TIME)
        if success == GROUND_TRUTH:
            if resetter == "operator":
                raise ParameterError("scene_reset 'operator' needs success other than ground_truth")
            self._simulated(names, (start, step))
        else:
            self._judged(success, names, (start, verdict), resetter == "operator", wall)
        self.create_timer(CHECK_PERIOD, self._waits.notify, clock=wall)
        self._starter = self.create_timer(CHECK_PERIOD, self._start, clock=wall)

    def _trial_parameters(self) -> TrialConfig:
        """One parameter for each option of a trial, named and defaulted as in ``TrialConfig``."""
        values = {}
        for field in dataclasses.fields(TrialConfig):
            default = "" if field.default is None else field.default
            value = self.parameter(field.name, default, f"option {field.name} of a trial")
            values[field.name] = None if field.default is None and value == "" else value
        return trial_from_mapping(values, "parameter")

    def _simulated(self, names: list[str], patience: tuple[float, float]) -> None:
        """Ground truth, step by step."""
        realtime, recorder = self._config.timing == "realtime", make_recorder(self._config, self._task)
        kind = RealtimeEpisode if realtime else RemoteEpisode
        episode = kind(self._task, recorder, self._config.send == "every_step")
        frames = SENSOR_QOS if realtime else LOCKSTEP_QOS
        topics = TrialTopics(self, self._task, self._robot, episode, frames, self._waits.notify)
        resets = Resets(self, names or ["simulator", *self._usual_nodes()], self._waits, patience[0])
        self._run: SimulatedRun | JudgedRun = SimulatedRun(
            self, self._config, self._task, topics, episode, resets, self._waits, self._state, patience
        )

    def _judged(
        self, success: str, names: list[str], patience: tuple[float, float], operator_resets: bool, wall: Clock
    ) -> None:
        """Judges, on a robot's clock."""
        if self._config.timing != "realtime":
            raise ParameterError(f"success '{success}' needs timing 'realtime', not '{self._config.timing}'")
        options = self._judge_options(success)
        panel = make_panel(success, options, Setting(self._robot, self._task.lift_height))
        heard = {one.topic: self.resolve_topic_name(one.topic) for one in panel.inputs}
        self._judging = Judging(success, options, heard)
        recorder = JudgedRecorder(self._task, make_wire_size(self._config))
        episode = RobotEpisode(self._task, recorder, self._config.send == "every_step")
        topics = RobotTopics(self, self._task, self._robot, episode, SENSOR_QOS, self._waits.notify)
        resets = Resets(self, names or self._usual_nodes(), self._waits, patience[0])
        self._run = JudgedRun(
            self, self._task, topics, episode, panel, resets, self._waits, self._state, patience, operator_resets
        )
        self.create_timer(LOOK_PERIOD, self._run.look, clock=wall)

    def _judge_options(self, success: str) -> dict[str, dict[str, Any]]:
        """One parameter ``JUDGE.OPTION`` for each option of the judges chosen."""
        return {
            name: {
                field.name: self.parameter(
                    f"{name}.{field.name}",
                    field.default,
                    field.metadata["what"],
                    field.metadata["low"],
                    field.metadata["high"],
                )
                for field in dataclasses.fields(judge.Options)
            }
            for name, judge in judge_classes(success).items()
        }

    def _usual_nodes(self) -> list[str]:
        coders = [f"{side}_{camera}" for camera in self._task.cameras for side in ("encoder", "decoder")]
        links = [f"link_{camera}" for camera in self._task.cameras] if self._config.link != "none" else []
        return [*coders, *links, "policy", "guard"]

    def _start(self) -> None:
        if self.running and self.executor is not None:
            self._starter.cancel()
            self.executor.create_task(self._trial())

    def _configuration(self) -> dict[str, Any]:
        """What decides the episodes, as the results folder keeps it."""
        judging = {} if self._judging is None else {KEY: self._judging.to_mapping()}
        return {**self._config.to_mapping(), **judging}

    async def _trial(self) -> None:
        """Every episode that the folder lacks, in order; then the process ends."""
        facts = provenance(self._config.checkpoint, self._config.codec)
        try:
            await self._run.endpoints()
            with ResultsFolder(self._out, self._configuration(), facts) as folder:
                if folder.lines:
                    folder.write_summary(summarise(self._config, self._task, folder.lines, folder.errors))
                for number, seed in enumerate(self._config.seeds):
                    if number not in folder.finished:
                        await self._attempts(folder, number, seed)
        except (ResultsError, ConfigError, InfrastructureError) as error:
            self.get_logger().fatal(str(error))
            self.status = 1 if isinstance(error, InfrastructureError) else 2
        for publisher in (self._state, self._results):
            publisher.wait_for_all_acked(FAREWELL)
        rclpy.try_shutdown()

    async def _attempts(self, folder: ResultsFolder, number: int, seed: int) -> None:
        """One episode, again where the infrastructure failed; each failure is recorded.

        Every attempt has a number of its own on the topics, so that nothing said of one is taken for another's.
        """
        attempt, failures = 0, 0
        while True:
            told = number + attempt * self._config.episodes
            attempt += 1
            try:
                line = await self._run.episode(told, seed, number, partial(self._progress, len(folder.lines)))
            except InfrastructureError as error:
                folder.append_error(number, seed, str(error))
                now = self.get_clock().now().to_msg()
                self._results.publish(error_message(self._config, self._task, number, seed, str(error), now))
                self.get_logger().error(f"episode {number}, attempt {attempt}: {error}")
                failures += not isinstance(error, VoidedError)
                if failures > self._retries:
                    raise
                continue
            folder.append(line)
            folder.write_summary(summarise(self._config, self._task, folder.lines, folder.errors))
            self._results.publish(result_message(self._config, self._task, line, self.get_clock().now().to_msg()))
            self._progress(len(folder.lines), 0)
            return

    def _progress(self, finished: int, step: int) -> None:
        self.get_logger().info(f"progress {finished} {step}")


def main() -> int:
    """``ros2 run embodiedcomp_eval evaluator``."""
    made: list[EvaluatorNode] = []

    def make() -> EvaluatorNode:
        made.append(EvaluatorNode())
        return made[0]

    status = run_node("evaluator", make)
    return status or (made[0].status if made else 0)
