"""Whatever a policy, a link or a clock does: what the guard lets through obeys every limit and outlives nothing.

Hypothesis looks for the awkward cases; ``test_many_worlds`` counts on numbers: a few thousand by default,
``EMBODIEDCOMP_GUARD_WORLDS=100000`` for the long run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.config import config_folders
from embodiedcomp_policy.guard import Accepted, Guard
from embodiedcomp_policy.robot import Robot, load_robot
from embodiedcomp_policy.slew import LONGEST_GAP_NS, Slew

WORLDS = int(os.environ.get("EMBODIEDCOMP_GUARD_WORLDS", "2000"))
many = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
ROBOTS = [load_robot(str(path)) for path in sorted(config_folders("robots")[-1].glob("*.yaml"))]
ROUNDING = 1e-9  # rad: a limit is a decimal number, its product with a time is rounded
WEIRD = [0.0, -1.0, 1e9, -1e300, float("nan"), float("inf"), -float("inf")]
STAMPS = [0, 1, 10**9, 1_700_000_000 * 10**9]


@dataclass
class World:
    """A robot, its guard, and what drives both."""

    robot: Robot
    rng: np.random.Generator
    now: int

    def measured(self) -> np.ndarray:
        return self.rng.uniform(self.robot.lower, self.robot.upper)

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
            points.flat[rng.integers(points.size)] = WEIRD[int(rng.integers(len(WEIRD)))]
        age = int(rng.integers(0, 3 * 10**8))
        if rng.random() < disorder:
            age = int(rng.integers(-(10**10), 10**10))
        return Chunk(self.now - age, np.cumsum(gaps).astype(np.int64), points)


worlds = st.builds(
    World,
    st.sampled_from(ROBOTS),
    st.integers(0, 2**63).map(np.random.default_rng),
    st.sampled_from(STAMPS),
)


def check_point(robot: Robot, before: np.ndarray, after: np.ndarray, gap_ns: int) -> None:
    assert np.isfinite(after).all()
    assert (after >= robot.lower).all() and (after <= robot.upper).all()
    change = np.abs(after - before)
    assert (change <= robot.velocity * (gap_ns / 1e9) + ROUNDING).all()
    assert (change <= robot.step + ROUNDING).all()


def chunk_obeys(world: World, disorder: float) -> None:
    measured, chunk = world.measured(), world.chunk(disorder)
    result = Guard(world.robot).accept(chunk, measured, world.now)
    if not isinstance(result, Accepted):
        assert result.reason and "\n" not in result.reason
        return
    age = world.now - chunk.stamp_ns
    assert 0 <= age <= world.robot.max_observation_age_ns
    before, before_ns = measured, age
    for time, point in zip(result.chunk.times_ns.tolist(), result.chunk.positions, strict=True):
        assert before_ns < time <= world.robot.max_chunk_age_ns
        check_point(world.robot, before, point, time - before_ns)
        before, before_ns = point, time


@many
@given(worlds, st.sampled_from([0.0, 0.05, 0.5]))
def test_an_accepted_chunk_obeys_every_limit_and_age(world: World, disorder: float) -> None:
    chunk_obeys(world, disorder)


def stream_obeys(world: World, disorder: float, ticks: int) -> None:
    """Chunks, refusals, dead links, a lagging arm and irregular ticks, through guard and slew as the node runs them."""
    robot, rng = world.robot, world.rng
    guard, slew = Guard(robot), Slew(robot)
    measured = world.measured()
    sent, sent_ns = measured, world.now - LONGEST_GAP_NS
    for _ in range(ticks):
        if rng.random() < 0.4:
            guard.accept(world.chunk(disorder), None if rng.random() < 0.05 else measured, world.now)
        target = guard.target(world.now, measured)
        stamp = guard.chunk_stamp_ns
        assert stamp is None or 0 <= world.now - stamp <= robot.max_chunk_age_ns
        command = slew.limit(target, world.now, measured)
        check_point(robot, sent, command, min(world.now - sent_ns, LONGEST_GAP_NS))
        sent, sent_ns = command, world.now
        measured = np.clip(measured + rng.uniform(0, 1) * (command - measured), robot.lower, robot.upper)
        world.now += int(rng.integers(1, 10 ** int(rng.integers(1, 10))))


@many
@given(worlds, st.sampled_from([0.0, 0.3]), st.integers(1, 30))
def test_a_stream_of_commands_never_breaks_a_limit_nor_outlives_its_chunk(
    world: World, disorder: float, ticks: int
) -> None:
    stream_obeys(world, disorder, ticks)


def comes_to_rest(world: World, ticks: int) -> None:
    robot, measured = world.robot, world.measured()
    guard = Guard(robot)
    chunk = world.chunk(0.0)
    guard.accept(chunk, measured, world.now)
    world.now = max(world.now, chunk.stamp_ns + robot.max_chunk_age_ns + 1)
    held = guard.target(world.now, measured)
    assert np.array_equal(held, measured)
    for _ in range(ticks):
        world.now += int(world.rng.integers(1, 10**9))
        assert np.array_equal(guard.target(world.now, world.measured()), held)


@many
@given(worlds, st.integers(1, 20))
def test_a_link_that_dies_leaves_the_arm_still_in_time(world: World, ticks: int) -> None:
    comes_to_rest(world, ticks)


def waits_for_the_first_state(world: World, disorder: float) -> None:
    robot, guard = world.robot, Guard(world.robot)
    broken = world.measured()
    broken[int(world.rng.integers(len(broken)))] = np.nan
    for measured in (None, broken, broken[:-1]):
        assert not isinstance(guard.accept(world.chunk(disorder), measured, world.now), Accepted)
    first = world.measured()
    assert np.array_equal(guard.target(world.now, first), np.clip(first, robot.lower, robot.upper))


@many
@given(worlds, st.sampled_from([0.0, 0.5]))
def test_nothing_moves_before_the_first_full_joint_state(world: World, disorder: float) -> None:
    waits_for_the_first_state(world, disorder)


@pytest.mark.parametrize("first", range(4))
def test_many_worlds(first: int) -> None:
    """A quarter of the worlds each, every one with its own seed; each goes through all four properties."""
    for seed in range(first, WORLDS, 4):
        rng = np.random.default_rng(seed)
        disorder, ticks = (0.0, 0.05, 0.3)[seed % 3], int(rng.integers(1, 8))
        robot, now = ROBOTS[seed % len(ROBOTS)], STAMPS[int(rng.integers(len(STAMPS)))]
        chunk_obeys(World(robot, rng, now), disorder)
        stream_obeys(World(robot, rng, now), disorder, ticks)
        comes_to_rest(World(robot, rng, now), ticks)
        waits_for_the_first_state(World(robot, rng, now), disorder)
