"""Random worlds for the guard: whatever a policy, a link or a clock does, what it lets through obeys every limit. Pure.

The tests run thousands of them, ``embodiedcomp bench guard`` as many as one likes. A broken promise is a ``BrokenPromiseError``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.guard import Accepted, Guard, GuardError
from embodiedcomp_policy.robot import Robot
from embodiedcomp_policy.slew import LONGEST_GAP_NS, Slew

Vector = npt.NDArray[np.float64]

ROUNDING = 1e-9
"""rad: a limit is a decimal number, its product with a time is rounded."""
WEIRD = (0.0, -1.0, 1e9, -1e300, float("nan"), float("inf"), -float("inf"))
BROKEN = (float("nan"), float("inf"), -float("inf"))
STAMPS = (0, 1, 10**9, 1_700_000_000 * 10**9)
DISORDER = (0.0, 0.05, 0.3)
"""How often each part of a chunk is absurd."""


class BrokenPromiseError(Exception):
    """The guard broke a promise; the message says which."""


def promise(kept: bool | np.bool_, what: str) -> None:
    """Raise BrokenPromiseError unless ``kept``."""
    if not kept:
        raise BrokenPromiseError(what)


@dataclass
class World:
    """A robot and what drives its guard. now: ns of the robot's clock."""

    robot: Robot
    rng: np.random.Generator
    now: int

    def measured(self, disorder: float = 0.0) -> Vector:
        """Joint positions ``(J,)`` anywhere within the limits; ``disorder`` is how often one of them is absurd."""
        return self.disturbed(self.rng.uniform(self.robot.lower, self.robot.upper), disorder)

    def disturbed(self, state: Vector, disorder: float) -> Vector:
        """``state`` ``(J,)`` as a sensor tells it: now and then with one joint a little or far outside, or not finite."""
        if self.rng.random() >= disorder:
            return state
        result, joint = state.copy(), int(self.rng.integers(len(state)))
        kind = int(self.rng.integers(3))
        if kind == 0:
            result[joint] = BROKEN[int(self.rng.integers(len(BROKEN)))]
        else:
            step = self.robot.step[joint]
            beyond = self.rng.uniform(0, step) if kind == 1 else step + 10.0 ** self.rng.uniform(-6, 3)
            up = self.rng.random() < 0.5
            result[joint] = self.robot.upper[joint] + beyond if up else self.robot.lower[joint] - beyond
        return result

    def chunk(self, disorder: float) -> Chunk:
        """A chunk of random size, spread, age and times; ``disorder`` is how often each of its parts is absurd."""
        rng, joints = self.rng, len(self.robot.names)
        count = int(rng.integers(0, 16)) if rng.random() < disorder else int(rng.integers(1, 16))
        gaps = rng.integers(1, 2 * 10 ** int(rng.integers(1, 10)), count)
        if rng.random() < disorder:
            gaps = rng.integers(-(10**9), 10**9, count)
        width = joints + int(rng.integers(-1, 2)) if rng.random() < disorder else joints
        points = rng.normal(0, 10.0 ** rng.uniform(-3, 2), (count, width))
        if points.size and rng.random() < disorder:
            points.flat[int(rng.integers(points.size))] = WEIRD[int(rng.integers(len(WEIRD)))]
        age = int(rng.integers(0, 3 * 10**8))
        if rng.random() < disorder:
            age = int(rng.integers(-(10**10), 10**10))
        return Chunk(self.now - age, np.cumsum(gaps).astype(np.int64), points)


def usable(robot: Robot, state: Vector) -> bool:
    """Whether a command may start from ``state`` ``(J,)``: finite, and no joint further outside its limits than its step."""
    within = (state >= robot.lower - robot.step) & (state <= robot.upper + robot.step)
    return bool(within.all())


def check_point(robot: Robot, before: Vector, after: Vector, gap_ns: int) -> None:
    """One command after another, ``gap_ns`` apart: finite, within position, speed and step limits."""
    promise(np.isfinite(after).all(), "a command is not finite")
    promise((after >= robot.lower).all() and (after <= robot.upper).all(), "a command is outside the position limits")
    change = np.abs(after - before)
    promise(
        (change <= robot.velocity * (gap_ns / 1e9) + ROUNDING).all(), "a command is faster than the joints may move"
    )
    promise((change <= robot.step + ROUNDING).all(), "a command is further than a step")


def chunk_obeys(world: World, disorder: float) -> None:
    """An accepted chunk obeys every limit and age; a refused one has a reason of one line."""
    measured, chunk = world.measured(disorder), world.chunk(disorder)
    result = Guard(world.robot).accept(chunk, measured, world.now)
    if not isinstance(result, Accepted):
        promise(bool(result.reason) and "\n" not in result.reason, "a refusal has no reason of one line")
        return
    age = world.now - chunk.stamp_ns
    promise(0 <= age <= world.robot.max_observation_age_ns, "a chunk was accepted that is too old or of the future")
    promise(usable(world.robot, measured), "a chunk was accepted from a state that is not finite or far outside")
    before, before_ns = np.clip(measured, world.robot.lower, world.robot.upper), age
    for time, point in zip(result.chunk.times_ns.tolist(), result.chunk.positions, strict=True):
        promise(before_ns < time <= world.robot.max_chunk_age_ns, "a point is past, or due after max_chunk_age")
        check_point(world.robot, before, point, time - before_ns)
        before, before_ns = point, time


def stream_obeys(world: World, disorder: float, ticks: int) -> None:
    """Chunks, refusals, dead links, a lagging arm, odd sensors, irregular ticks, through guard and slew as the node runs them."""
    robot, rng = world.robot, world.rng
    guard, slew = Guard(robot), Slew(robot)
    true, sent, sent_ns = world.measured(), None, 0
    for _ in range(ticks):
        measured = world.disturbed(true, disorder)
        if rng.random() < 0.4:
            guard.accept(world.chunk(disorder), None if rng.random() < 0.05 else measured, world.now)
        target = _target(guard, world, measured)
        if target is not None:
            stamp = guard.chunk_stamp_ns
            promise(stamp is None or 0 <= world.now - stamp <= robot.max_chunk_age_ns, "a chunk outlives max_chunk_age")
            command = slew.limit(target, world.now, measured)
            if sent is None:
                sent, sent_ns = np.clip(measured, robot.lower, robot.upper), world.now - LONGEST_GAP_NS
            check_point(robot, sent, command, min(world.now - sent_ns, LONGEST_GAP_NS))
            sent, sent_ns = command, world.now
            true = np.clip(true + rng.uniform(0, 1) * (command - true), robot.lower, robot.upper)
        world.now += int(rng.integers(1, 10 ** int(rng.integers(1, 10))))


def _target(guard: Guard, world: World, measured: Vector) -> Vector | None:
    """What the guard commands; None where it may command nothing, and says so."""
    try:
        target = guard.target(world.now, measured)
    except GuardError as error:
        promise(not usable(world.robot, measured), "a state that can be commanded from is refused")
        promise(bool(str(error)) and "\n" not in str(error), "a refused state has no reason of one line")
        return None
    promise(usable(world.robot, measured), "a command comes from a state that is not finite or far outside")
    return target


def comes_to_rest(world: World, ticks: int, disorder: float = 0.0) -> None:
    """A policy or link that dies in mid-chunk leaves the arm still in time, and it stays so."""
    robot, measured = world.robot, world.measured()
    guard = Guard(robot)
    chunk = world.chunk(0.0)
    guard.accept(chunk, measured, world.now)
    world.now = max(world.now, chunk.stamp_ns + robot.max_chunk_age_ns + 1)
    held = guard.target(world.now, measured)
    promise(np.array_equal(held, measured), "the arm does not hold where it was measured")
    for _ in range(ticks):
        world.now += int(world.rng.integers(1, 10**9))
        target = _target(guard, world, world.measured(disorder))
        promise(target is None or np.array_equal(target, held), "a held position moves")


def waits_for_the_first_state(world: World, disorder: float) -> None:
    """Nothing moves before the first full joint state."""
    robot, guard = world.robot, Guard(world.robot)
    broken = world.measured()
    broken[int(world.rng.integers(len(broken)))] = BROKEN[int(world.rng.integers(len(BROKEN)))]
    far = world.measured()
    joint = int(world.rng.integers(len(far)))
    far[joint] = robot.upper[joint] + robot.step[joint] + 10.0 ** world.rng.uniform(-6, 3)
    for measured in (None, broken, broken[:-1], far):
        accepted = isinstance(guard.accept(world.chunk(disorder), measured, world.now), Accepted)
        promise(not accepted, "a chunk was accepted without a full joint state")
    first = world.measured()
    kept = np.array_equal(guard.target(world.now, first), np.clip(first, robot.lower, robot.upper))
    promise(kept, "the first target is not where the arm is")


PROPERTIES = (
    "an accepted chunk obeys every limit and age",
    "a stream of commands never breaks a limit nor outlives its chunk",
    "a link that dies leaves the arm still in time",
    "nothing moves before the first full joint state, nor from one that is not finite or further outside its limits than a step",
)
"""What ``try_world`` checks, in this order."""


def try_world(seed: int, robots: Sequence[Robot]) -> None:
    """All four properties in the world of ``seed``, with one robot of ``robots`` after the other. Raises BrokenPromiseError."""
    rng = np.random.default_rng(seed)
    disorder, ticks = DISORDER[seed % len(DISORDER)], int(rng.integers(1, 8))
    robot, now = robots[seed % len(robots)], STAMPS[int(rng.integers(len(STAMPS)))]
    chunk_obeys(World(robot, rng, now), disorder)
    stream_obeys(World(robot, rng, now), disorder, ticks)
    comes_to_rest(World(robot, rng, now), ticks, disorder)
    waits_for_the_first_state(World(robot, rng, now), disorder)
