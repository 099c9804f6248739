"""Episodes on a robot, from the evaluator's side: the scene is set, the evidence is there, it runs, it is judged."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecyclePublisher
from rclpy.node import Node

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.evidence import WordSeen
from embodiedcomp_eval.infrastructure import InfrastructureError, VoidedError
from embodiedcomp_eval.judging import UNDECIDED, Verdict
from embodiedcomp_eval.judging_panel import Panel
from embodiedcomp_eval.nodes.evidence_inputs import EvidenceInputs
from embodiedcomp_eval.nodes.operator_desk import OperatorDesk
from embodiedcomp_eval.nodes.trial_resets import Resets
from embodiedcomp_eval.nodes.trial_topics import RobotTopics
from embodiedcomp_eval.nodes.waits import Waits
from embodiedcomp_eval.operator_words import READY, TOPIC, VOID
from embodiedcomp_eval.robot_episode import RobotEpisode
from embodiedcomp_eval.success.operator import OUTCOMES
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_msgs.msg import EpisodeState

GRACE = 0.5
"""s that evidence stamped before the end may come after it."""
NEWS = 5.0
"""s between two words on what is waited for at the start."""
MOMENT = 3.0
"""s that the evidence may take after the operator's word."""
MAX_JOINT_AGE = 1.0
"""s: without joint states for longer, driver or network are broken."""


class JudgedRun:
    """Runs one episode after the other. Nothing moves before the scene is set; between episodes the policy is paused."""

    def __init__(
        self,
        node: Node,
        task: TaskConfig,
        topics: RobotTopics,
        episode: RobotEpisode,
        panel: Panel,
        resets: Resets,
        waits: Waits,
        state: LifecyclePublisher,
        patience: tuple[float, float],
        operator_resets: bool,
    ) -> None:
        """patience: s of wall time for nodes and evidence to be there, and for the operator's verdict (0: no limit)."""
        self._node, self._task, self._topics, self._robot, self._panel = node, task, topics, episode, panel
        self._resets, self._waits, self._state = resets, waits, state
        self._start_seconds, self._verdict_seconds = patience
        self._operator_resets = operator_resets
        self._inputs = EvidenceInputs(node, panel, (TOPIC,), waits.notify)
        self._desk = OperatorDesk(node, self._on_word)
        self._word = ""

    def look(self) -> None:
        """Now and then: topics that have come, steps that have ended."""
        self._inputs.look()
        self._robot.tick(self._now())
        self._waits.notify()

    async def endpoints(self) -> None:
        """Wait until nodes, joint states, bits and evidence are there; the arm is at rest then."""
        absent: list[str] = []

        def matched() -> bool:
            absent[:] = [f"node {name}" for name in self._resets.absent] + self._inputs.missing()
            needed = ["joint_states", *(f"{camera}/image_raw/embodiedcomp" for camera in self._task.cameras)]
            for name in map(self._node.resolve_topic_name, needed):
                if self._node.count_publishers(name) == 0:
                    absent.append(f"publisher of {name}")
            return not absent

        deadline = time.monotonic() + self._start_seconds
        while not await self._waits.until(matched, min(NEWS, deadline - time.monotonic())):
            if time.monotonic() > deadline:
                raise InfrastructureError(f"after {self._start_seconds:g} s still missing: {', '.join(absent)}")
            self._desk.ask(f"waiting for {', '.join(absent)}", ())

    async def episode(self, number: int, seed: int, episode: int, progress: Callable[[int], None]) -> dict[str, Any]:
        """The episode's line. number: on the topics. episode: in the results. Raises InfrastructureError, VoidedError,
        ConfigError where the task's file does not fit."""
        started = time.perf_counter()
        self._topics.listen(None)
        # 1. The policy is quiet: whatever it was doing, it forgets, and waits for an episode to run.
        await self._resets.reset(seed, number)
        self._tell(number, seed, 0, EpisodeState.DONE)
        # 2. The operator sets the scene.
        if self._operator_resets:
            await self._scene(episode, seed)
        # 3. Everyone begins anew (a recorder, with the first episode); the evidence shows the object at rest.
        self._panel.prepare()
        self._tell(number, seed, 0, EpisodeState.DONE)  # in the bag: what came before does not show this scene
        self._inputs.intake.reset()
        self._robot.begin(seed, {})
        self._topics.listen(number)
        await self._at_rest(episode)
        await self._resets.reset(seed, number)
        start_ns = self._now()
        self._robot.start(start_ns)
        self._panel.begin(start_ns, self._robot.end_ns)
        self._desk.ask(f"episode {episode} is running", (*(OUTCOMES if self._panel.asks else ()), VOID))
        # 4. It runs until somebody is sure, or the horizon is reached.
        verdict = await self._run(number, seed, progress)
        self._tell(number, seed, self._robot.scored, EpisodeState.DONE)
        # 5. The verdict, with what was still under way.
        if verdict is None:
            verdict = await self._judge(episode)
        self._robot.conclude(verdict)
        self._desk.ask(f"episode {episode}: {verdict.outcome} ({verdict.decided_by}: {verdict.reason})", ())
        return self._robot.line(episode, time.perf_counter() - started)

    async def _scene(self, episode: int, seed: int) -> None:
        """Wait, without a limit, until the operator says that the scene is set."""
        self._word = ""
        self._desk.ask(f"episode {episode} (seed {seed}): set the scene, home the arm, stand clear", (READY,))
        await self._waits.until(lambda: self._word == READY, math.inf)

    async def _at_rest(self, episode: int) -> None:
        """Wait until an episode that began now could be judged.

        Where that takes longer than a moment, the operator steps in, and has to say again that the arm is clear.
        """
        missing: list[str] = []

        def ready() -> bool:
            why = self._panel.unready(self._now())
            stale = self._robot.joint_age(self._now()) > MAX_JOINT_AGE
            missing[:] = [*([why] if why else []), *(["no full joint state"] if stale else []), *self._inputs.missing()]
            return not missing

        moment = MOMENT if self._operator_resets else self._start_seconds
        while not await self._waits.until(ready, moment):
            if not self._operator_resets:
                raise InfrastructureError(f"after {moment:g} s nothing to judge by: {'; '.join(missing)}")
            self._word = ""
            self._desk.ask(f"episode {episode}: not yet: {'; '.join(missing)}", (READY, VOID))
            await self._waits.until(lambda: self._word in (READY, VOID), math.inf)
            self._raise_if_void()
        if self._topics.wrong:
            raise ConfigError(self._topics.wrong)

    async def _run(self, number: int, seed: int, progress: Callable[[int], None]) -> Verdict | None:
        """Tell everyone to run, again with each replanning: a message may be lost. Returns a verdict before the end."""
        self._word = ""
        period = self._task.replan_period / self._task.control_hz
        while True:
            self._tell(number, seed, self._robot.scored, EpisodeState.RUN)
            await self._waits.until(self._stops, period)
            progress(self._robot.scored)
            if (trouble := self._trouble()) is not None:
                self._tell(number, seed, self._robot.scored, EpisodeState.DONE)
                raise trouble
            if (verdict := self._panel.decided()) is not None or self._robot.ended:
                return verdict

    def _stops(self) -> bool:
        return self._panel.decided() is not None or self._robot.ended or self._trouble() is not None

    def _trouble(self) -> InfrastructureError | ConfigError | None:
        age = self._robot.joint_age(self._now())
        if self._word == VOID:
            return VoidedError("the operator said void")
        if age > MAX_JOINT_AGE:
            return InfrastructureError(f"no full joint state for {age:.1f} s")
        return ConfigError(self._topics.wrong) if self._topics.wrong else None

    async def _judge(self, episode: int) -> Verdict:
        await self._waits.until(lambda: self._panel.decided() is not None, GRACE)
        verdict = self._panel.decided() or self._panel.verdict()
        if verdict.outcome == UNDECIDED and self._panel.asks:
            self._word = ""
            self._desk.ask(f"episode {episode} has ended: how?", (*OUTCOMES, VOID))
            limit = self._verdict_seconds or math.inf
            await self._waits.until(lambda: self._word in (*OUTCOMES, VOID), limit)
            self._raise_if_void()
            verdict = self._panel.verdict()
        if verdict.outcome == UNDECIDED and (dropped := self._inputs.intake.complaint()):
            return Verdict(UNDECIDED, verdict.decided_by, f"{verdict.reason}; {dropped}", None, verdict.facts)
        return verdict

    def _raise_if_void(self) -> None:
        if self._word == VOID:
            raise VoidedError("the operator said void")

    def _on_word(self, seen: WordSeen) -> None:
        self._word = seen.word
        self._panel.add(TOPIC, seen)
        self._waits.notify()

    def _tell(self, number: int, seed: int, step: int, phase: int) -> None:
        self._state.publish(EpisodeState(episode=number, seed=seed, step=step, phase=phase))

    def _now(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)
