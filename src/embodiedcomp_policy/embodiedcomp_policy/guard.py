"""The last word before the controller: which chunk may run, how much of it, and when the arm holds instead.

Pure, and free of torch: it runs on the robot. All times are whole nanoseconds of the robot's clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.joint_memory import not_finite
from embodiedcomp_policy.robot import Robot
from embodiedcomp_policy.trajectory import from_here, position_at

Vector = npt.NDArray[np.float64]


class GuardError(ValueError):
    """The measured state can't be commanded from; the message says why."""


@dataclass(frozen=True)
class Accepted:
    """What may run: the chunk without the points already past or past ``max_chunk_age``, within every limit.

    limited: whether a point had to be moved to obey a limit.
    """

    chunk: Chunk
    limited: bool


@dataclass(frozen=True)
class Refused:
    """Why nothing of the chunk may run. The arm holds."""

    reason: str


class Guard:
    """Checks chunks for one arm and says what to command at any instant.

    A chunk runs if its observation is at most ``max_observation_age`` old when it comes and not of the future; no point
    is commanded later than ``max_chunk_age`` after that observation. The first point is limited against the measured
    state, each later one against its predecessor: position, velocity over the time between them, step. Whatever can't
    be put right by moving a point (shape, NaN, order of times) refuses the chunk. A refusal, an exhausted or an
    outlived chunk means hold: the position measured at that moment, kept until the next chunk is accepted.

    max_observation_age, max_chunk_age: s; None takes the robot's.
    """

    def __init__(
        self, robot: Robot, max_observation_age: float | None = None, max_chunk_age: float | None = None
    ) -> None:
        self.robot = robot
        self._max_observation_age_ns = _age(robot.max_observation_age_ns, max_observation_age)
        self._max_chunk_age_ns = _age(robot.max_chunk_age_ns, max_chunk_age)
        self.reset()

    def reset(self) -> None:
        """Forget the running chunk and the held position."""
        self._chunk: Chunk | None = None  # times in the future of its acceptance, the start point in front
        self._held: Vector | None = None
        self._newest_stamp_ns: int | None = None

    @property
    def chunk_stamp_ns(self) -> int | None:
        """Stamp of the chunk now running, ns; None while holding."""
        return None if self._chunk is None else self._chunk.stamp_ns

    def unusable(self, measured: npt.ArrayLike | None) -> str:
        """Why no command can start from ``measured`` ``(J,)`` rad; empty if one can.

        A joint may be measured a little outside its limits (a gripper pressed shut is), by at most its ``step``.
        """
        if measured is None:
            return "no joint state yet"
        state = np.asarray(measured, dtype=np.float64)
        if state.shape != self.robot.lower.shape:
            return f"joint state has shape {state.shape}, the robot has {len(self.robot.names)} joints"
        if reason := not_finite(self.robot, state):
            return reason
        outside = np.maximum(self.robot.lower - state, state - self.robot.upper) - self.robot.step
        if (outside > 0).any():
            joint = int(np.argmax(outside))
            low, high = self.robot.lower[joint], self.robot.upper[joint]
            return (
                f"joint '{self.robot.names[joint]}' is measured at {state[joint]:.4g}, outside [{low:.4g}, {high:.4g}]"
            )
        return ""

    def accept(self, chunk: Chunk, measured: npt.ArrayLike | None, now_ns: int) -> Accepted | Refused:
        """Take over from whatever ran before, or refuse and hold. ``measured`` is ``(J,)`` rad at ``now_ns``."""
        result = self._check(chunk, measured, now_ns)
        if isinstance(result, Refused):
            return self.refuse(result.reason, measured)
        elapsed = now_ns - chunk.stamp_ns
        assert measured is not None, "nothing is accepted without a state"
        times, positions = from_here(
            result.chunk.times_ns, result.chunk.positions, elapsed, measured, self.robot.lower, self.robot.upper
        )
        self._chunk = Chunk(chunk.stamp_ns, times, positions)
        self._held = None
        self._newest_stamp_ns = chunk.stamp_ns
        return result

    def refuse(self, reason: str, measured: npt.ArrayLike | None) -> Refused:
        """Stop whatever runs and hold ``measured`` ``(J,)``, for a reason found elsewhere (a message that is no chunk)."""
        self._chunk = None
        self._held = None if self.unusable(measured) else self._clip(measured)
        return Refused(reason)

    def _check(self, chunk: Chunk, measured: npt.ArrayLike | None, now_ns: int) -> Accepted | Refused:
        if reason := self.unusable(measured):
            return Refused(reason)
        age = now_ns - chunk.stamp_ns
        if age < 0:
            return Refused(f"observation stamp is {-age / 1e9:.3f} s in the future of the robot's clock")
        if age > self._max_observation_age_ns:
            limit = self._max_observation_age_ns / 1e9
            return Refused(f"observation is {age / 1e9:.3f} s old, more than max_observation_age {limit:.3f} s")
        if self._newest_stamp_ns is not None and chunk.stamp_ns < self._newest_stamp_ns <= now_ns:
            return Refused("observation is older than that of a chunk already accepted")
        times, points = np.asarray(chunk.times_ns), np.asarray(chunk.positions)
        joints = len(self.robot.names)
        if times.ndim != 1 or len(times) == 0 or points.shape != (len(times), joints):
            return Refused(
                f"chunk has times {times.shape} and positions {points.shape}, expected (T,) and (T, {joints})"
            )
        if times.dtype != np.int64 or points.dtype != np.float64:
            return Refused(
                f"chunk has times of {times.dtype} and positions of {points.dtype}, expected int64 and float64"
            )
        if not np.isfinite(points).all():
            return Refused("chunk has positions that are not finite")
        if times[0] <= 0 or (times[1:] <= times[:-1]).any():
            return Refused("chunk times do not increase from above zero")
        due = (times > age) & (times <= self._max_chunk_age_ns)
        if not due.any():
            return Refused("no point of the chunk is due between now and max_chunk_age")
        limited = self._limit(age, times[due], points[due], self._clip(measured))
        changed = bool((limited != points[due]).any())
        return Accepted(Chunk(chunk.stamp_ns, times[due].copy(), limited), changed)

    def _limit(self, age_ns: int, times: npt.NDArray[np.int64], points: Vector, start: Vector) -> Vector:
        result = np.empty_like(points)
        before, before_ns = start, age_ns
        for index, (time, point) in enumerate(zip(times.tolist(), points, strict=True)):
            reach = np.minimum(self.robot.step, self.robot.velocity * ((time - before_ns) / 1e9))
            before = np.clip(np.clip(point, before - reach, before + reach), self.robot.lower, self.robot.upper)
            before_ns = time
            result[index] = before
        return result

    def target(self, now_ns: int, measured: npt.ArrayLike) -> Vector:
        """What to command at ``now_ns``: ``(J,)`` rad, on the line through the accepted chunk, or the held position.

        Raises GuardError where ``measured`` is unusable: then nothing may be commanded at all.
        """
        if reason := self.unusable(measured):
            raise GuardError(reason)
        if self._chunk is not None:
            age = now_ns - self._chunk.stamp_ns
            if int(self._chunk.times_ns[0]) <= age <= self._max_chunk_age_ns:
                return position_at(self._chunk.times_ns, self._chunk.positions, age)
            self._chunk = None  # outlived, or the clock went back
        if self._held is None:
            self._held = self._clip(measured)
        return self._held.copy()

    def _clip(self, measured: npt.ArrayLike | None) -> Vector:
        result: Vector = np.clip(np.asarray(measured, dtype=np.float64), self.robot.lower, self.robot.upper)
        return result


def _age(default_ns: int, seconds: float | None) -> int:
    if seconds is None:
        return default_ns
    if not (np.isfinite(seconds) and seconds > 0):
        raise GuardError(f"an age limit must be a positive number of seconds, not {seconds}")
    return round(seconds * 1e9)
