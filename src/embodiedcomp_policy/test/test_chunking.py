from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.chunking import DropElapsed, Replan, Retime, TemporalEnsemble, wrap
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import Policy, PolicyError

MS = 1_000_000


class Counter:
    """Answers n, n, n, ... at its n-th query, ``count`` targets ``period`` apart."""

    cameras = ("base_camera",)

    def __init__(self, count: int = 4, period: int = 100 * MS) -> None:
        self.queries, self.seeds = 0, [0][:0]
        self._times = period * np.arange(1, count + 1, dtype=np.int64)

    def reset(self, seed: int) -> None:
        self.seeds.append(seed)
        self.queries = 0

    def act(self, observation: Observation) -> Chunk:
        self.queries += 1
        return Chunk(observation.stamp_ns, self._times, np.full((len(self._times), 2), float(self.queries)))


def see(stamp: int) -> Observation:
    return Observation({}, np.zeros(2), "", stamp)


@pytest.mark.parametrize("spec", ["drop_elapsed", "replan=0.2", "ensemble=0.1", "retime=0.05x4"])
def test_every_wrapper_is_a_policy_and_passes_reset_on(spec: str) -> None:
    inner = Counter()
    policy = wrap(inner, [spec], lambda: 0)
    assert isinstance(policy, Policy) and policy.cameras == inner.cameras
    first = policy.act(see(0))
    policy.act(see(0))
    policy.reset(7)
    assert inner.seeds == [7]
    again = policy.act(see(0))
    assert np.array_equal(first.positions, again.positions) and np.array_equal(first.times_ns, again.times_ns)


def test_elapsed_targets_are_dropped_and_a_late_answer_is_an_error() -> None:
    now = 1000 * MS
    policy = DropElapsed(Counter(), lambda: now)
    assert policy.act(see(800 * MS)).times_ns.tolist() == [300 * MS, 400 * MS]
    with pytest.raises(PolicyError, match=r"inference took 0.40 s"):
        policy.act(see(600 * MS))


def test_replan_continues_the_last_chunk_on_time() -> None:
    inner = Counter()
    policy = Replan(inner, 300 * MS)
    policy.act(see(0))
    chunk = policy.act(see(150 * MS))
    assert inner.queries == 1
    assert chunk.stamp_ns == 150 * MS and chunk.times_ns.tolist() == [50 * MS, 150 * MS, 250 * MS]
    policy.act(see(300 * MS))
    assert inner.queries == 2
    policy.act(see(0))  # time went back: a new episode
    assert inner.queries == 3


def test_replan_asks_again_when_the_chunk_is_used_up() -> None:
    inner = Counter(count=1)
    policy = Replan(inner, 1000 * MS)
    policy.act(see(0))
    policy.act(see(100 * MS))
    assert inner.queries == 2


def test_ensemble_weighs_the_oldest_most_and_only_where_it_speaks() -> None:
    policy = TemporalEnsemble(Counter(), decay=np.log(2))
    policy.act(see(0))  # says 1 for 100..400 ms
    chunk = policy.act(see(200 * MS))  # says 2 for 300..600 ms
    expected = (1 * 1 + 2 * 0.5) / 1.5
    assert np.allclose(chunk.positions[:, 0], [expected, expected, 2, 2])
    chunk = policy.act(see(400 * MS))  # 500..800 ms: the first chunk is over
    expected = (2 * 1 + 3 * 0.5) / 1.5
    assert np.allclose(chunk.positions[:, 0], [expected, expected, 3, 3])


def test_retime_starts_from_the_measured_state_and_stops_with_the_chunk() -> None:
    chunk = Retime(Counter(count=2), 50 * MS, 12).act(see(0))
    assert chunk.times_ns.tolist() == [50 * MS, 100 * MS, 150 * MS, 200 * MS]
    assert chunk.positions[:, 0].tolist() == [0.5, 1, 1, 1]
    late = Retime(Counter(count=1, period=10 * MS), 50 * MS, 12).act(see(0))
    assert late.times_ns.tolist() == [10 * MS]


@pytest.mark.parametrize(
    "spec", ["sum", "replan", "replan=0", "replan=nan", "ensemble=-1", "retime=0.1", "retime=0.1x0", "drop_elapsed=1"]
)
def test_a_wrong_spec_names_the_choices(spec: str) -> None:
    with pytest.raises(PolicyError, match=f"'{spec}' is no chunk wrapper; valid: drop_elapsed, replan=SECONDS"):
        wrap(Counter(), [spec], lambda: 0)
