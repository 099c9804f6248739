"""Wrappers around a policy that change when it is asked and how its chunks are timed; each is a policy itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import Policy, PolicyError
from embodiedcomp_policy.trajectory import resample

HOLD_NS = 100_000_000
"""When a hold is due: one control period."""

Times = npt.NDArray[np.int64]


def hold_chunk(stamp_ns: int, state: npt.NDArray[np.float64]) -> Chunk:
    """Stay at ``state`` ``(J,)`` rad: the answer to an instant that no picture came from."""
    return Chunk(stamp_ns, np.array([HOLD_NS], dtype=np.int64), np.array(state, dtype=np.float64)[None])


class Wrapper:
    """Passes everything on to the policy inside."""

    def __init__(self, inner: Policy) -> None:
        self.inner = inner
        self.cameras = inner.cameras

    def reset(self, seed: int) -> None:
        """Forget the last episode, here and inside."""
        self.inner.reset(seed)

    def act(self, observation: Observation) -> Chunk:
        """The inner policy's answer."""
        return self.inner.act(observation)


class DropElapsed(Wrapper):
    """Leaves out the targets that are due by the time the answer is ready. clock: now, ns of the robot's clock."""

    def __init__(self, inner: Policy, clock: Callable[[], int]) -> None:
        super().__init__(inner)
        self._clock = clock

    def act(self, observation: Observation) -> Chunk:
        """The targets still to come; raises PolicyError if inference outlasted the whole chunk."""
        chunk = self.inner.act(observation)
        elapsed = self._clock() - chunk.stamp_ns
        left = chunk.times_ns > elapsed
        if not left.any():
            raise PolicyError(f"inference took {elapsed / 1e9:.2f} s, longer than the chunk it made lasts")
        return Chunk(chunk.stamp_ns, chunk.times_ns[left], chunk.positions[left])


class Replan(Wrapper):
    """Asks the policy at most every ``period_ns`` of observation time and continues the last chunk in between."""

    def __init__(self, inner: Policy, period_ns: int) -> None:
        super().__init__(inner)
        self._period_ns = period_ns
        self._last: Chunk | None = None

    def reset(self, seed: int) -> None:
        """Forget the last episode, here and inside."""
        self._last = None
        super().reset(seed)

    def act(self, observation: Observation) -> Chunk:
        """The inner policy's answer, or what is left of its last one, timed from this observation."""
        if self._last is not None:
            elapsed = observation.stamp_ns - self._last.stamp_ns
            left = self._last.times_ns > elapsed
            if 0 <= elapsed < self._period_ns and left.any():
                return Chunk(observation.stamp_ns, self._last.times_ns[left] - elapsed, self._last.positions[left])
        self._last = self.inner.act(observation)
        return self._last


class TemporalEnsemble(Wrapper):
    """Averages what this and earlier chunks say about the same instant (Zhao et al. 2023, ACT).

    The i-th oldest of them counts ``exp(-decay i)``. An earlier chunk speaks only for instants between its first and
    its last target.
    """

    def __init__(self, inner: Policy, decay: float = 0.01) -> None:
        super().__init__(inner)
        self._decay = decay
        self._chunks: list[Chunk] = []

    def reset(self, seed: int) -> None:
        """Forget the last episode, here and inside."""
        self._chunks = []
        super().reset(seed)

    def act(self, observation: Observation) -> Chunk:
        """The average, at the instants of the newest chunk."""
        newest = self.inner.act(observation)
        due = newest.stamp_ns + newest.times_ns
        alive = [chunk for chunk in self._chunks if chunk.stamp_ns + int(chunk.times_ns[-1]) >= int(due[0])]
        self._chunks = [*alive, newest]
        total, weights = np.zeros_like(newest.positions), np.zeros((len(due), 1))
        rank = np.zeros(len(due))  # how many older chunks speak for each instant
        for chunk in self._chunks:
            times = due - chunk.stamp_ns
            speaks = (times >= chunk.times_ns[0]) & (times <= chunk.times_ns[-1])
            weight = np.where(speaks, np.exp(-self._decay * rank), 0.0)[:, None]
            total += weight * resample(chunk.times_ns, chunk.positions, times)
            weights += weight
            rank += speaks
        return Chunk(newest.stamp_ns, newest.times_ns, total / weights)


class Retime(Wrapper):
    """Gives every chunk ``count`` targets ``period_ns`` apart, on the line from the measured state through its own.

    A chunk that ends earlier keeps its own end.
    """

    def __init__(self, inner: Policy, period_ns: int, count: int) -> None:
        super().__init__(inner)
        self._times: Times = period_ns * np.arange(1, count + 1, dtype=np.int64)

    def act(self, observation: Observation) -> Chunk:
        """The inner policy's answer on the new instants."""
        chunk = self.inner.act(observation)
        times = np.concatenate([np.zeros(1, dtype=np.int64), chunk.times_ns])
        positions = np.vstack([observation.state, chunk.positions])
        wanted = self._times[self._times <= chunk.times_ns[-1]]
        if len(wanted) == 0:
            wanted = chunk.times_ns[-1:]
        return Chunk(chunk.stamp_ns, wanted, resample(times, positions, wanted))


def wrap(policy: Policy, specs: Sequence[str], clock: Callable[[], int]) -> Policy:
    """``policy`` inside the wrappers that ``specs`` name, the first innermost. Raises PolicyError naming the choices.

    drop_elapsed | replan=SECONDS | ensemble=DECAY | retime=PERIOD_SECONDSxCOUNT
    """
    for spec in specs:
        name, _, argument = spec.partition("=")
        try:
            if name == "drop_elapsed" and not argument:
                policy = DropElapsed(policy, clock)
            elif name == "replan":
                policy = Replan(policy, _positive_ns(argument))
            elif name == "ensemble":
                policy = TemporalEnsemble(policy, _decay(argument))
            elif name == "retime":
                period, _, count = argument.partition("x")
                policy = Retime(policy, _positive_ns(period), _positive(int(count)))
            else:
                raise ValueError
        except (ValueError, OverflowError) as error:
            choices = "drop_elapsed, replan=SECONDS, ensemble=DECAY, retime=PERIOD_SECONDSxCOUNT"
            raise PolicyError(f"'{spec}' is no chunk wrapper; valid: {choices}") from error
    return policy


def _positive(value: int) -> int:
    if value <= 0:
        raise ValueError
    return value


def _positive_ns(seconds: str) -> int:
    return _positive(round(float(seconds) * 1e9))


def _decay(text: str) -> float:
    decay = float(text)
    if not 0 <= decay < np.inf:
        raise ValueError
    return decay
