"""An episode on a robot, judged without ground truth: steps are periods of its clock, the outcome is a verdict. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.judging import SUCCESS, UNDECIDED, Verdict
from embodiedcomp_eval.recording import EpisodeRecorder
from embodiedcomp_eval.remote_episode import RealtimeEpisode
from embodiedcomp_eval.subscriber import Stepped
from embodiedcomp_eval.task import TaskConfig

Vector = npt.NDArray[np.float64]


class JudgedRecorder(EpisodeRecorder):
    """The recorder of every episode, with a verdict in place of the object's height."""

    def reset(self, seed: int, scene: dict[str, Any], positions: Vector, height: float) -> None:
        """Forget the last episode."""
        super().reset(seed, scene, positions, height)
        self._verdict: Verdict | None = None

    @property
    def success(self) -> bool:
        return self._verdict is not None and self._verdict.outcome == SUCCESS

    @property
    def ended(self) -> bool:
        """Judged, or the horizon reached."""
        return self._verdict is not None or self.steps >= self._task.horizon

    def conclude(self, verdict: Verdict, steps: int) -> None:
        """The episode is over after ``steps`` steps; later ones are taken back."""
        self._verdict = verdict
        del self._targets[steps:], self._heights[steps:], self._positions[steps + 1 :]

    def line(self, episode: int, wall_seconds: float) -> dict[str, Any]:
        """With ``outcome``, ``decided_by``, ``reason``, ``evidence``; an undecided one's ``success`` is null."""
        verdict = self._verdict
        assert verdict is not None, "concluded before it is written down"
        line = super().line(episode, wall_seconds)
        line["success"] = None if verdict.outcome == UNDECIDED else self.success
        line["lift"] = verdict.facts.get("lift")
        told = {
            "outcome": verdict.outcome,
            "decided_by": verdict.decided_by,
            "reason": verdict.reason,
            "evidence": dict(verdict.facts),
        }
        wall = line.pop("wall")
        return {**line, **told, "wall": wall}


class RobotEpisode(RealtimeEpisode):
    """Steps end at multiples of the control period after ``start``; joints are the newest known by then."""

    _recorder: JudgedRecorder

    def __init__(self, task: TaskConfig, recorder: JudgedRecorder, every_step: bool) -> None:
        super().__init__(task, recorder, every_step)

    def begin(self, seed: int, scene: dict[str, Any]) -> None:
        """A new scene; the episode begins with ``start``."""
        super().begin(seed, scene)
        self._newest: tuple[int, Vector] | None = None
        self._zero_ns = 0

    @property
    def end_ns(self) -> int:
        """When the horizon is reached, on the clock of ``start``."""
        return self._zero_ns + self._task.horizon * self._period_ns

    @property
    def start_ns(self) -> int:
        return self._zero_ns

    def start(self, start_ns: int) -> None:
        """Step 0 is now."""
        self._zero_ns = start_ns
        positions = np.zeros(0) if self._newest is None else self._newest[1]
        self._recorder.reset(self._seed, self._scene, positions, 0.0)
        self._started = True

    def add_joints(self, stamp_ns: int, positions: Vector) -> None:
        """Measured joint positions ``(J,)`` rad. Steps that ended before are scored with those known until then."""
        self.tick(stamp_ns)
        self._newest = (stamp_ns, positions)

    def joint_age(self, now_ns: int) -> float:
        """s since the last joint state; infinite before the first."""
        return float("inf") if self._newest is None else (now_ns - self._newest[0]) / 1e9

    def tick(self, now_ns: int) -> None:
        """Score every step that has ended by now."""
        if not self._started or self._newest is None:
            return
        while not self._recorder.ended and self._zero_ns + (self._recorder.steps + 1) * self._period_ns <= now_ns:
            joints = self._newest[1]
            self._recorder.stepped(Stepped(self._recorder.steps + 1, joints, joints, 0.0))

    def conclude(self, verdict: Verdict) -> None:
        """The verdict, and the steps until it was certain."""
        steps = self._recorder.steps
        if verdict.at_ns is not None:
            until_ns = max(0, verdict.at_ns - self._zero_ns)
            self.tick(verdict.at_ns + self._period_ns)
            steps = min(max(1, -(-until_ns // self._period_ns)), self._recorder.steps)
        self._recorder.conclude(verdict, steps)

    def _score(self) -> None:
        """Poses and trajectories score nothing here."""
