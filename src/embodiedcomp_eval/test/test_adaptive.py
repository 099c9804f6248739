"""The search on made-up policies whose threshold is known, and the properties that hold whatever the outcomes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodiedcomp_eval.adaptive import BLOCK, Block, ThresholdSearch
from embodiedcomp_eval.made_up import SHAPES, World
from embodiedcomp_eval.threshold import interval

RATES = np.geomspace(0.01, 0.1, 21)
SEEDS, BUDGET = 100, 200


def carry_out(search: ThresholdSearch, success: np.ndarray, stop: int = 10**9) -> list[Block]:
    """Run the search on outcomes ``(P, N)`` until it ends, or until ``stop`` blocks are done."""
    blocks: list[Block] = []
    while len(blocks) < stop and (block := search.next_block()) is not None:
        for seed in block.seeds:
            search.update(block.rate, seed, bool(success[block.rate, seed]))
        blocks.append(block)
    return blocks


def found(search: ThresholdSearch) -> tuple[float, float]:
    tried = search.ran.any(axis=1)
    return interval(RATES[tried], search.ran[tried], search.success[tried], search.baseline)


@pytest.mark.parametrize("shape", ["logistic, spread 0.15", "kink, slope 1.5", "step from 0.4"])
def test_it_closes_in_on_the_threshold_from_both_sides(shape: str) -> None:
    held, widths = 0, []
    for run in range(5):
        success, baseline = World(SHAPES[shape], 0.03, 0.99, 0.5).outcomes(RATES, SEEDS, np.random.default_rng(run))
        search = ThresholdSearch(RATES.tolist(), baseline, BUDGET)
        carry_out(search, success)
        low, high = found(search)
        held += low <= 0.03 <= high
        widths.append(np.log(min(high, 0.1) / max(low, 0.01)))
    assert held >= 4
    assert np.median(widths) < 1.4  # of 2.3 for "somewhere between the lowest and the highest rate"


outcomes = st.tuples(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0), st.integers(20, 60), st.integers(1, 150))


@settings(max_examples=15, deadline=None)
@given(outcomes)
def test_no_episode_twice_and_never_more_than_the_budget(case: tuple[int, float, int, int]) -> None:
    seed, rate, seeds, budget = case
    generator = np.random.default_rng(seed)
    success = generator.random((len(RATES), seeds)) < rate
    search = ThresholdSearch(RATES.tolist(), np.append(generator.random(seeds - 1) < 0.9, True), budget)
    blocks = carry_out(search, success)
    asked = [(block.rate, s) for block in blocks for s in block.seeds]
    assert len(asked) == len(set(asked)) == search.episodes <= budget
    assert all(0 < len(block.seeds) <= BLOCK for block in blocks)


def test_it_asks_the_same_when_it_is_started_again_on_the_same_outcomes() -> None:
    success, baseline = World(SHAPES["kink, slope 0.5"], 0.03, 0.9, 0.8).outcomes(
        RATES, SEEDS, np.random.default_rng(1)
    )
    whole = carry_out(ThresholdSearch(RATES.tolist(), baseline, BUDGET), success)
    for stop in (0, 3, 7):
        assert carry_out(ThresholdSearch(RATES.tolist(), baseline, BUDGET), success, stop) == whole[:stop]


@pytest.mark.parametrize(("all_succeed", "end"), [(True, (-np.inf, -np.inf)), (False, (np.inf, np.inf))])
def test_a_threshold_beyond_the_rates_is_censored_and_soon_given_up(
    all_succeed: bool, end: tuple[float, float]
) -> None:
    success = np.full((len(RATES), SEEDS), all_succeed)
    search = ThresholdSearch(RATES.tolist(), np.ones(SEEDS, bool), BUDGET)
    carry_out(search, success)
    low, high = found(search)
    lowest, highest = RATES[search.ran.any(axis=1)][[0, -1]]
    assert (low, high) == end
    assert (lowest if all_succeed else highest) == (RATES[0] if all_succeed else RATES[-1])
    assert search.episodes < BUDGET


def test_what_can_not_be_searched_is_refused() -> None:
    with pytest.raises(ValueError, match="none of the seeds"):
        ThresholdSearch([0.01, 0.1], np.zeros(5, bool), 10)
    for rates in ([0.1], [0.1, 0.1], [0.0, 0.1], [0.2, 0.1]):
        with pytest.raises(ValueError, match="positive and ascending"):
            ThresholdSearch(rates, np.ones(5, bool), 10)
