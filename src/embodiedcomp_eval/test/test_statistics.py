"""Intervals and tests against published and library values, and the properties that must hold for any outcomes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import binom, multinomial, norm

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


def test_ratio_z_is_a_binomial_test_where_the_uncompressed_run_never_fails() -> None:
    # P(X <= 1) - P(X = 1) / 2 for X ~ Binomial(100, 0.05): the mid-p value of one seed lost of a hundred
    p = binom.cdf(1, 100, 0.05) - binom.pmf(1, 100, 0.05) / 2
    assert statistics.ratio_z(*pairs(99, 0, 1, 0)) == pytest.approx(norm.isf(p), abs=1e-6)
    assert statistics.ratio_z(*pairs(95, 0, 5, 0)) == pytest.approx(0.0, abs=0.1)


def test_ratio_z_matches_an_enumeration_of_all_samples() -> None:
    # 8 pairs, 5 both, 1 only the candidate, 2 only the anchor: likeliest chances under SR(candidate) = 0.5 SR(anchor)
    found = statistics.ratio_z(*pairs(5, 1, 2, 0), 0.5)
    best = minimize(
        lambda x: -(5 * np.log(x[0]) + np.log(x[1]) + 2 * np.log(x[2])), [0.3, 0.1, 0.6], bounds=[(1e-6, 1)] * 3,
        constraints=[{"type": "eq", "fun": lambda x: x.sum() - 1}, {"type": "eq", "fun": lambda x: x @ [0.5, 1, -0.5]}],
    )  # fmt: skip
    p = 0.0
    for both in range(9):
        for gained in range(9 - both):
            sample = (both, gained, 8 - both - gained)
            excess = 0.5 * both + gained - 0.5 * sample[2] - (2.5 + 1 - 1)
            p += multinomial.pmf(sample, 8, best.x / best.x.sum()) * (
                1.0 if excess > 1e-9 else 0.5 * (abs(excess) < 1e-9)
            )
    assert found == pytest.approx(norm.isf(p), abs=1e-3)


@given(counts)
def test_ratio_z_has_the_sign_of_what_was_seen_and_grows_with_the_seeds(c: tuple[int, int, int, int]) -> None:
    candidate, anchor = pairs(*c)
    z = statistics.ratio_z(candidate, anchor)
    excess = candidate.mean() - 0.95 * anchor.mean()
    assert np.isfinite(z)
    if abs(z) > 0.5:
        assert np.sign(z) == np.sign(excess)
    if 1.5 < abs(z) < 7.0:  # beyond, probabilities are cut off at 1e-12
        assert abs(statistics.ratio_z(np.tile(candidate, 4), np.tile(anchor, 4))) > abs(z)


def test_ratio_z_of_nothing_is_no_evidence_and_pairs_must_match() -> None:
    assert statistics.ratio_z(np.zeros(0, bool), np.zeros(0, bool)) == 0.0
    assert statistics.ratio_z(np.zeros(9, bool), np.zeros(9, bool)) == 0.0
    with pytest.raises(ValueError, match="same seeds"):
        statistics.ratio_z(np.ones(3, bool), np.ones(4, bool))


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
