"""One episode as it comes in over a network, piece by piece, put together for the recorder. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.recording import EpisodeRecorder
from embodiedcomp_eval.subscriber import Answered, ChunkRefused, FrameReceived, FrameSent, Stepped
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_policy.trajectory import position_at

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Encoded:
    """What an encoder says of one frame."""

    key: bool
    at_floor: bool
    at_ceiling: bool
    seconds: float


class RemoteEpisode:
    """Collects what the nodes publish. Stamps are ns since step 0 and multiples of the control period."""

    def __init__(self, task: TaskConfig, recorder: EpisodeRecorder, every_step: bool) -> None:
        self._task, self._recorder, self._every_step = task, recorder, every_step
        self._period_ns = round(1e9 / task.control_hz)
        self.begin(0, {})

    def begin(self, seed: int, scene: dict[str, Any]) -> None:
        """A new episode; forget everything of the last."""
        self._seed, self._scene = seed, scene
        self._started = False
        self._joints: dict[int, Vector] = {}
        self._heights: dict[int, float] = {}
        self._trajectories: dict[int, tuple[npt.NDArray[np.int64], Vector]] = {}
        self._packets: dict[tuple[int, str], bytes] = {}
        self._encoded: dict[tuple[int, str], Encoded] = {}
        self._skipped: set[tuple[int, str]] = set()
        self._received: dict[tuple[int, str], FrameReceived] = {}
        self._answers: list[Answered] = []
        self._asked: set[int] = set()
        self._guarded: set[int] = set()
        self._refused: list[ChunkRefused] = []

    def add_joints(self, stamp_ns: int, positions: Vector) -> None:
        """Measured joint positions ``(J,)`` rad."""
        self._joints[stamp_ns] = positions
        self._score()

    def add_height(self, stamp_ns: int, height: float) -> None:
        """Height of the object, m."""
        self._heights[stamp_ns] = height
        self._score()

    def add_trajectory(self, stamp_ns: int, times_ns: npt.NDArray[np.int64], points: Vector) -> None:
        """What the guard let through for the observation of that stamp: points ``(T, J)`` due ``times_ns`` after it."""
        self._trajectories[stamp_ns] = (stamp_ns + times_ns, points)
        self._score()

    def add_packet(self, camera: str, stamp_ns: int, data: bytes) -> None:
        """A message on the bits topic."""
        self._packets[stamp_ns, camera] = data

    def add_encoded(self, camera: str, stamp_ns: int, encoded: Encoded) -> None:
        """An encoder's statistics."""
        self._encoded[stamp_ns, camera] = encoded

    def add_skipped(self, camera: str, stamp_ns: int) -> None:
        """An encoder could not code the frame of that stamp: no packet will come, only the announcement of its loss."""
        self._skipped.add((stamp_ns, camera))

    def add_received(self, event: FrameReceived) -> None:
        """A decoder's statistics, or the announcement of a loss."""
        self._received[event.stamp_ns, event.camera] = event

    def add_answer(self, event: Answered) -> None:
        """The policy answered the observation of that stamp."""
        self._answers.append(event)
        self._asked.add(event.stamp_ns)

    def add_refusal(self, stamp_ns: int) -> None:
        """The policy saw the observation of that stamp, but had no answer to it."""
        self._asked.add(stamp_ns)

    def add_guarded(self, stamp_ns: int, refusal: str | None) -> None:
        """The guard decided on the chunk of that stamp. refusal: why nothing of it may run; None where it runs."""
        self._guarded.add(stamp_ns)
        if refusal is not None:
            self._refused.append(ChunkRefused(stamp_ns, refusal))

    @property
    def scored(self) -> int:
        """Control steps scored so far."""
        return self._recorder.steps if self._started else 0

    @property
    def ended(self) -> bool:
        """Success or horizon."""
        return self._started and self._recorder.ended

    def line(self, episode: int, wall_seconds: float) -> dict[str, Any]:
        """The episode's line, from all that has arrived."""
        for (stamp_ns, camera), data in self._packets.items():
            e = self._encoded.get((stamp_ns, camera))
            if e is not None:
                self._recorder.sent(FrameSent(camera, stamp_ns, data, e.key, e.at_floor, e.at_ceiling, e.seconds))
        for received in self._received.values():
            self._recorder.received(received)
        for answer in self._answers:
            self._recorder.answered(replace(answer, frame_age=self._frame_age(answer)))
        for refused in self._refused:
            self._recorder.refused(refused)
        return self._recorder.line(episode, wall_seconds)

    def reached(self, executed: int) -> bool:
        """Whether the robot has said that it stands after ``executed`` steps."""
        stamp_ns = executed * self._period_ns
        return stamp_ns in self._joints and stamp_ns in self._heights

    def missing(self, executed: int) -> list[str]:
        """What has not arrived of all that ``executed`` steps set under way, for people; empty when all is in."""
        found = []
        for step in range(0, executed, 1 if self._every_step else self._task.replan_period):
            for camera in self._task.cameras:
                key = (step * self._period_ns, camera)
                if key not in self._skipped and (key not in self._packets or key not in self._encoded):
                    found.append(f"packet of {camera} at step {step}")
                elif key not in self._received:
                    found.append(f"decoded frame of {camera} at step {step}")
        for step in range(0, executed, self._task.replan_period):
            if step * self._period_ns not in self._asked:
                found.append(f"status of the policy at step {step}")
            if step * self._period_ns not in self._guarded:
                found.append(f"status of the guard at step {step}")
        return found

    def _frame_age(self, answer: Answered) -> float:
        """Lockstep stops the clock on the way, so a frame's age is what its slowest camera's coding took, s."""
        ages = [0.0]
        for camera in self._task.cameras:
            key = (answer.stamp_ns, camera)
            if key in self._encoded and key in self._received:
                ages.append(self._encoded[key].seconds + self._received[key].seconds)
        return max(ages)

    def _score(self) -> None:
        """Score every step whose parts have all arrived, in order."""
        if not self._started:
            if 0 not in self._joints or 0 not in self._heights:
                return
            self._recorder.reset(self._seed, self._scene, self._joints[0], self._heights[0])
            self._started = True
        while not self._recorder.ended:
            step = self._recorder.steps + 1
            stamp_ns = step * self._period_ns
            query = (step - 1) // self._task.replan_period * self._task.replan_period
            chunk = self._trajectories.get(query * self._period_ns)
            if chunk is None or stamp_ns not in self._joints or stamp_ns not in self._heights:
                return
            target = position_at(*chunk, stamp_ns)
            self._recorder.stepped(Stepped(step, target, self._joints[stamp_ns], self._heights[stamp_ns]))


class RealtimeEpisode(RemoteEpisode):
    """The same by the wall clock: stamps are arbitrary, a step is a pose, and targets are not the evaluator's to know."""

    def reached(self, executed: int) -> bool:
        """Nobody waits for a step."""
        return True

    def missing(self, executed: int) -> list[str]:
        """What came, came."""
        return []

    @property
    def start_ns(self) -> int:
        """Stamp of step 0."""
        return min(self._heights, default=0)

    def line(self, episode: int, wall_seconds: float) -> dict[str, Any]:
        """The episode's line, its stamps counted from step 0."""
        start_ns = self.start_ns
        for name in ("_packets", "_encoded"):
            setattr(
                self,
                name,
                {(ns - start_ns, camera): v for (ns, camera), v in getattr(self, name).items() if ns >= start_ns},
            )
        self._received = {
            (ns - start_ns, camera): replace(event, stamp_ns=ns - start_ns)
            for (ns, camera), event in self._received.items()
            if ns >= start_ns
        }
        self._answers = [replace(a, stamp_ns=a.stamp_ns - start_ns) for a in self._answers if a.stamp_ns >= start_ns]
        self._refused = [replace(r, stamp_ns=r.stamp_ns - start_ns) for r in self._refused if r.stamp_ns >= start_ns]
        return super().line(episode, wall_seconds)

    def _frame_age(self, answer: Answered) -> float:
        return answer.frame_age

    def _score(self) -> None:
        both = [stamp_ns for stamp_ns in sorted(self._heights) if stamp_ns in self._joints]
        if both and not self._started:
            self._recorder.reset(self._seed, self._scene, self._joints[both[0]], self._heights[both[0]])
            self._started = True
        for stamp_ns in both[self._recorder.steps + 1 :] if self._started else []:
            joints = self._joints[stamp_ns]
            self._recorder.stepped(Stepped(self._recorder.steps + 1, joints, joints, self._heights[stamp_ns]))
