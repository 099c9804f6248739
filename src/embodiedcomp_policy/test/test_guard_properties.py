"""Whatever a policy, a link or a clock does: what the guard lets through obeys every limit and outlives nothing.

Hypothesis looks for the awkward cases; ``test_many_worlds`` counts on numbers: a few thousand by default,
``EMBODIEDCOMP_GUARD_WORLDS=100000`` (or ``make bench ARGS="guard"``) for the long run.
"""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embodiedcomp_policy import guard_worlds
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.config import config_folders
from embodiedcomp_policy.guard import Accepted, Guard
from embodiedcomp_policy.guard_worlds import (
    STAMPS,
    BrokenPromiseError,
    World,
    chunk_obeys,
    comes_to_rest,
    stream_obeys,
    try_world,
    waits_for_the_first_state,
)
from embodiedcomp_policy.robot import load_robot

WORLDS = int(os.environ.get("EMBODIEDCOMP_GUARD_WORLDS", "2000"))
many = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
ROBOTS = [load_robot(str(path)) for path in sorted(config_folders("robots")[-1].glob("*.yaml"))]

worlds = st.builds(
    World,
    st.sampled_from(ROBOTS),
    st.integers(0, 2**63).map(np.random.default_rng),
    st.sampled_from(STAMPS),
)


@many
@given(worlds, st.sampled_from([0.0, 0.05, 0.5]))
def test_an_accepted_chunk_obeys_every_limit_and_age(world: World, disorder: float) -> None:
    chunk_obeys(world, disorder)


@many
@given(worlds, st.sampled_from([0.0, 0.3]), st.integers(1, 30))
def test_a_stream_of_commands_never_breaks_a_limit_nor_outlives_its_chunk(
    world: World, disorder: float, ticks: int
) -> None:
    stream_obeys(world, disorder, ticks)


@many
@given(worlds, st.integers(1, 20), st.sampled_from([0.0, 0.5]))
def test_a_link_that_dies_leaves_the_arm_still_in_time(world: World, ticks: int, disorder: float) -> None:
    comes_to_rest(world, ticks, disorder)


@many
@given(worlds, st.sampled_from([0.0, 0.5]))
def test_nothing_moves_before_the_first_full_joint_state(world: World, disorder: float) -> None:
    waits_for_the_first_state(world, disorder)


@pytest.mark.parametrize("first", range(4))
def test_many_worlds(first: int) -> None:
    """A quarter of the worlds each, every one with its own seed; each goes through all four properties."""
    for seed in range(first, WORLDS, 4):
        try_world(seed, ROBOTS)


class Careless(Guard):
    """Lets every point through as it came."""

    def _limit(self, age_ns: int, times: np.ndarray, points: np.ndarray, start: np.ndarray) -> np.ndarray:
        return points


class Sleepy(Guard):
    """Never ends a chunk."""

    def target(self, now_ns: int, measured: np.ndarray) -> np.ndarray:
        return measured if self._chunk is None else self._chunk.positions[-1]


class Trusting(Guard):
    """Takes a chunk of any age, and any state for a full one."""

    def accept(self, chunk: Chunk, measured: np.ndarray | None, now_ns: int) -> Accepted:  # type: ignore[override]
        return Accepted(replace(chunk), False)


class Gullible(Guard):
    """Believes every joint state, a broken sensor's too."""

    def unusable(self, measured: npt.ArrayLike | None) -> str:
        return "" if measured is not None and np.shape(measured) == self.robot.lower.shape else "no joint state yet"


class Faint(Guard):
    """Stops at the smallest excess, as of a gripper pressed shut."""

    def unusable(self, measured: npt.ArrayLike | None) -> str:
        reason = super().unusable(measured)
        outside = not reason and bool((np.asarray(measured) > self.robot.upper).any())
        return "outside" if outside else reason


def test_what_sensors_tell_is_sometimes_a_little_and_sometimes_far_outside() -> None:
    world = World(ROBOTS[0], np.random.default_rng(0), 0)
    states = [world.measured(1.0) for _ in range(300)]
    finite = [state for state in states if np.isfinite(state).all()]
    outside = [s for s in finite if ((s < world.robot.lower) | (s > world.robot.upper)).any()]
    near = [s for s in outside if guard_worlds.usable(world.robot, s)]
    assert len(finite) < len(states) and len(outside) == len(finite) and 50 < len(near) < len(outside) - 50
    assert all(
        ((s >= world.robot.lower) & (s <= world.robot.upper)).all() for s in (world.measured() for _ in range(50))
    )


@pytest.mark.parametrize("broken", [Careless, Sleepy, Trusting, Gullible, Faint])
def test_a_broken_guard_is_found(broken: type[Guard], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_worlds, "Guard", broken)
    with pytest.raises(BrokenPromiseError):
        for seed in range(200):
            try_world(seed, ROBOTS)
