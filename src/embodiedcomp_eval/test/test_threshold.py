"""The threshold against curves whose answer is known, its censoring, and the properties of fit, interval and saving."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodiedcomp_eval.made_up import SHAPES, World
from embodiedcomp_eval.threshold import (
    Curve,
    Threshold,
    bit_saving,
    capped,
    crossing,
    interval,
    monotone_fit,
    nearest_outcomes,
    threshold,
)


def synthetic(rates: list[float], success_rates: list[float], baseline: float = 1.0, seeds: int = 100) -> Curve:
    """A curve with exactly these rates and success rates: seed i succeeds where (i + 0.5) / seeds < rate."""
    rank = (np.arange(seeds) + 0.5) / seeds
    shape = (len(rates), seeds)
    return Curve(
        ran=np.ones(shape, bool),
        success=rank[None, :] < np.array(success_rates)[:, None],
        bits=np.repeat(np.array(rates)[:, None], seeds, axis=1),
        measure=np.ones(shape),
        baseline=rank < baseline,
    )


def test_threshold_is_where_the_fit_crosses() -> None:
    found = threshold(synthetic([0.01, 0.02, 0.04, 0.08], [0.1, 0.5, 0.9, 1.0]))
    assert found.target == pytest.approx(0.95)
    assert found.value == pytest.approx(0.04 * 2**0.5)  # half way from 0.9 to 1.0, in log rate
    assert found.low <= found.value <= found.high
    assert (found.smallest, found.largest) == pytest.approx((0.01, 0.08))


def test_threshold_is_relative_to_the_uncompressed_run() -> None:
    found = threshold(synthetic([0.01, 0.1], [0.0, 0.8], baseline=0.8))
    assert found.value == pytest.approx(0.01 * 10**0.95)


def test_censored_answers_say_so() -> None:
    easy = threshold(synthetic([0.01, 0.02], [1.0, 1.0]))
    assert easy.value == -np.inf and str(easy) == "≤ 0.01 [≤ 0.01, ≤ 0.01]"
    never = threshold(synthetic([0.01, 0.02], [0.1, 0.3]))
    assert never.value == np.inf and str(never).startswith("not reached [")
    edge = Threshold(0.03, -np.inf, np.inf, 0.9, 0.01, 0.1)
    assert str(edge) == "0.03 [≤ 0.01, > 0.1]"


def test_a_point_run_on_fewer_seeds_weighs_less_and_is_not_failed() -> None:
    full = synthetic([0.01, 0.02, 0.04], [0.2, 1.0, 1.0])
    ran = full.ran.copy()
    ran[1, 30:] = False
    part = Curve(ran, full.success & ran, full.bits * ran, full.measure * ran, full.baseline)
    assert threshold(part).value == pytest.approx(threshold(full).value)


def test_the_interval_ends_at_rates_that_are_shown_to_be_too_low_and_enough() -> None:
    found = threshold(synthetic([0.01, 0.02, 0.04, 0.08, 0.16], [0.5, 0.85, 0.95, 1.0, 1.0]))
    assert (found.low, found.high) == pytest.approx((0.02, 0.08))
    few = threshold(synthetic([0.01, 0.02, 0.04, 0.08], [0.5, 0.85, 0.95, 1.0], seeds=20))
    assert few.low == pytest.approx(0.01) and few.high == np.inf  # 20 successes of 20 do not show 0.95


def test_seeds_are_paired_with_their_uncompressed_episode() -> None:
    # the same counts: failing the same seeds as the uncompressed run costs nothing, failing others leaves doubt
    same = synthetic([0.01, 0.1], [0.0, 0.7], baseline=0.7)
    assert threshold(same).high == pytest.approx(0.1)
    other = Curve(same.ran, same.success, same.bits, same.measure, same.baseline[::-1])
    assert threshold(other).high == np.inf


def test_every_rate_good_enough_or_none() -> None:
    easy = threshold(synthetic([0.01, 0.02], [1.0, 1.0]))
    assert (easy.value, easy.low, easy.high) == (-np.inf, -np.inf, -np.inf)
    hard = threshold(synthetic([0.01, 0.02], [0.1, 0.2]))
    assert (hard.value, hard.low, hard.high) == (np.inf, np.inf, np.inf)


def test_an_episode_bears_on_rates_a_little_higher_or_lower_and_counts_once_a_seed() -> None:
    rates = np.array([0.010, 0.011, 0.02])
    ran = np.array([[True, True, False, False], [False, True, True, False], [True, True, True, True]])
    success = np.array([[True, True, False, False], [False, False, True, False], [True, True, True, True]])
    has, outcome = nearest_outcomes(rates, ran, success, 0.011, +1)
    assert has.tolist() == [True, True, True, False] and outcome.tolist() == [True, False, True, False]
    has, outcome = nearest_outcomes(rates, ran, success, 0.010, -1)
    assert has.tolist() == [True, True, True, False] and outcome.tolist() == [True, True, True, False]


def test_the_interval_of_no_points_is_everything() -> None:
    none = np.zeros((0, 5), bool)
    assert interval(np.zeros(0), none, none, np.ones(5, bool)) == (-np.inf, np.inf)


def test_threshold_is_repeatable_and_refuses_broken_curves() -> None:
    curve = synthetic([0.01, 0.02, 0.04], [0.3, 0.8, 1.0])
    assert threshold(curve) == threshold(curve)
    with pytest.raises(ValueError, match="no episode"):
        Curve(np.zeros((1, 3), bool), np.zeros((1, 3), bool), np.ones((1, 3)), np.ones((1, 3)), np.ones(3, bool))
    with pytest.raises(ValueError, match="baseline"):
        Curve(np.ones((1, 3), bool), np.ones((1, 3), bool), np.ones((1, 3)), np.ones((1, 3)), np.ones(2, bool))


@pytest.mark.parametrize("shape", ["logistic, spread 0.15", "step from 0.4", "plateau at 0.93"])
@pytest.mark.parametrize(("top", "luck"), [(0.99, 0.5), (0.9, 0.8)])
def test_interval_covers_the_truth_at_least_as_often_as_it_says(shape: str, top: float, luck: float) -> None:
    generator = np.random.default_rng(3)
    rates = np.geomspace(0.01, 0.1, 6)
    hits = 0
    for _ in range(60):
        truth = float(np.exp(generator.uniform(np.log(0.018), np.log(0.055))))
        success, baseline = World(SHAPES[shape], truth, top, luck).outcomes(rates, 100, generator)
        low, high = interval(rates, np.ones((6, 100), bool), success, baseline)
        hits += low <= truth <= high
    assert hits >= 54  # of a coverage of 0.95, fewer come up once in 30 runs at most


samples = st.lists(st.tuples(st.floats(1e-4, 10), st.floats(0, 1), st.integers(1, 500)), min_size=1, max_size=12)


@given(samples)
def test_fit_is_monotone_and_keeps_the_weighted_mean(points: list[tuple[float, float, int]]) -> None:
    rates, success_rates, weights = (np.array(column, dtype=np.float64) for column in zip(*points, strict=True))
    logs, fit = monotone_fit(rates, success_rates, weights)
    assert np.all(np.diff(logs) >= 0) and np.all(np.diff(fit) >= -1e-9)
    order = np.lexsort((success_rates, rates))
    assert np.average(fit, weights=weights[order]) == pytest.approx(np.average(success_rates, weights=weights))


@given(samples, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_target_never_needs_less(points: list[tuple[float, float, int]], a: float, b: float) -> None:
    rates, success_rates, weights = (np.array(column, dtype=np.float64) for column in zip(*points, strict=True))
    fit = monotone_fit(rates, success_rates, weights)
    assert crossing(*fit, min(a, b)) <= crossing(*fit, max(a, b))


def test_capped_counts_no_more_queries_than_the_uncompressed_episode_made() -> None:
    assert capped([100, 10, 10, 10], 2) == 110
    assert capped([100, 10], 25) == 110
    assert capped([], 3) == 0


def test_saving_of_a_shifted_curve_is_the_shift() -> None:
    anchor = synthetic([0.01, 0.02, 0.04, 0.08], [0.1, 0.5, 0.5, 1.0])
    candidate = synthetic([0.005, 0.01, 0.02, 0.04], [0.1, 0.5, 0.5, 1.0])
    found = bit_saving(candidate, anchor, draws=100)
    assert found.value == pytest.approx(-0.5)
    assert found.low == pytest.approx(-0.5) and found.high == pytest.approx(-0.5)
    assert (found.success_low, found.success_high) == (pytest.approx(0.1), pytest.approx(1.0))
    assert bit_saving(anchor, candidate, draws=10).value == pytest.approx(1.0)


def test_saving_over_a_plateau_is_exact() -> None:
    # anchor rises in one stretch, candidate in two with a plateau between; both inverse fits integrated by hand
    anchor = synthetic([1.0, np.e], [0.0, 1.0])
    candidate = synthetic([1.0, np.e, np.e**2, np.e**3], [0.0, 0.5, 0.5, 1.0])
    assert np.log1p(bit_saving(candidate, anchor, draws=10).value) == pytest.approx((0.25 + 1.25) - 0.5)


def test_saving_is_undefined_where_no_success_rate_is_shared() -> None:
    found = bit_saving(synthetic([0.01, 0.02], [0.0, 0.2]), synthetic([0.01, 0.02], [0.5, 0.9]), draws=20)
    assert np.isnan(found.value) and np.isnan(found.low) and np.isnan(found.high)
    with pytest.raises(ValueError, match="same seeds"):
        bit_saving(synthetic([0.01], [0.2], seeds=10), synthetic([0.01], [0.2], seeds=11), draws=5)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 10))
def test_threshold_scales_with_the_unit_of_rate(scale: float) -> None:
    base = synthetic([0.01, 0.02, 0.04], [0.3, 0.8, 1.0])
    scaled = Curve(base.ran, base.success, base.bits * scale, base.measure, base.baseline)
    assert threshold(scaled).value == pytest.approx(threshold(base).value * scale)
