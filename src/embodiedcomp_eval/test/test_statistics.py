"""Intervals and tests against published and library values, and the properties that must hold for any outcomes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodiedcomp_eval import statistics


def pairs(both: int, gained: int, lost: int, neither: int) -> tuple[statistics.Outcomes, statistics.Outcomes]:
    candidate = np.repeat([True, True, False, False], [both, gained, lost, neither])
    anchor = np.repeat([True, False, True, False], [both, gained, lost, neither])
    return candidate, anchor


def test_wilson_matches_newcombes_table() -> None:
    # Newcombe 1998, table I, Wilson score without continuity correction
    assert statistics.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert statistics.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert statistics.wilson(29, 29) == pytest.approx((0.8830, 1.0), abs=5e-5)


def test_wilson_of_nothing_is_everything_and_nonsense_is_refused() -> None:
    assert statistics.wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="5 successes of 4 episodes"):
        statistics.wilson(5, 4)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_rate_and_narrows_with_more_episodes(sample: tuple[int, int]) -> None:
    successes, n = sample
    low, high = statistics.wilson(successes, n)
    assert 0 <= low <= successes / n + 1e-12 and successes / n - 1e-12 <= high <= 1
    wide_low, wide_high = statistics.wilson(successes * 4, n * 4)
    assert wide_high - wide_low < high - low


def test_mcnemar_exact_by_hand() -> None:
    assert statistics.mcnemar_exact(0, 0) == 1.0
    assert statistics.mcnemar_exact(1, 7) == pytest.approx(2 * 9 / 256)
    assert statistics.mcnemar_exact(7, 1) == statistics.mcnemar_exact(1, 7)


def test_paired_difference_matches_a_published_example() -> None:
    # Bentur et al. 2009 in Fagerland, Lydersen and Laake 2014: Newcombe square-and-add interval
    found = statistics.paired_difference(*pairs(1, 1, 7, 12))
    assert found.difference == pytest.approx(-6 / 21)
    assert (found.low, found.high) == pytest.approx((-0.507, -0.026), abs=1e-3)
    assert (found.gained, found.lost, found.seeds) == (1, 7, 21)


counts = st.tuples(*[st.integers(0, 60)] * 4).filter(lambda c: sum(c) > 0)


@given(counts)
def test_paired_difference_is_antisymmetric_and_inside_its_interval(c: tuple[int, int, int, int]) -> None:
    candidate, anchor = pairs(*c)
    forward = statistics.paired_difference(candidate, anchor)
    back = statistics.paired_difference(anchor, candidate)
    assert forward.difference == pytest.approx(-back.difference)
    assert (forward.low, forward.high) == pytest.approx((-back.high, -back.low))
    assert -1 <= forward.low <= forward.difference + 1e-12 and forward.difference - 1e-12 <= forward.high <= 1
    assert 0 <= forward.p_value <= 1 and forward.p_value == back.p_value


def test_paired_outcomes_must_match() -> None:
    with pytest.raises(ValueError, match="same seeds"):
        statistics.paired_difference(np.ones(3, bool), np.ones(4, bool))
    with pytest.raises(ValueError, match="at least one"):
        statistics.paired_difference(np.ones(0, bool), np.ones(0, bool))


def test_paired_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    hits = 0
    for _ in range(400):
        anchor = generator.random(100) < 0.9
        candidate = np.where(generator.random(100) < 0.9, anchor, generator.random(100) < 0.5)
        truth = 0.9 * 0.9 + 0.1 * 0.5 - 0.9
        found = statistics.paired_difference(candidate, anchor)
        hits += found.low <= truth <= found.high
    assert 0.92 <= hits / 400 <= 0.995


def test_not_below_is_claimed_from_the_lower_bound_only() -> None:
    assert statistics.not_below(*pairs(450, 5, 5, 40))
    assert not statistics.not_below(*pairs(80, 5, 5, 10))  # same rates, too few seeds to say so
    assert not statistics.not_below(*pairs(400, 0, 60, 40))


def test_holm_by_hand() -> None:
    assert statistics.holm([]) == []
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([0.9, 0.001]) == pytest.approx([0.9, 0.002])


def test_rank_correlation_orders_and_leaves_out_the_unknown() -> None:
    found = statistics.rank_correlation([1, 2, 3, float("nan"), 5], [0.1, 0.2, 0.3, 0.9, 0.95])
    assert (found.points, found.rho) == (4, pytest.approx(1.0))
    assert statistics.rank_correlation([3, 2, 1], [0.1, 0.2, 0.3]).rho == pytest.approx(-1.0)
    assert math.isnan(statistics.rank_correlation([1, 1, 1], [0.1, 0.2, 0.3]).rho)
    assert math.isnan(statistics.rank_correlation([1, 2], [0.1, 0.2]).rho)
    with pytest.raises(ValueError, match="per rate point"):
        statistics.rank_correlation([1.0], [0.1, 0.2])
