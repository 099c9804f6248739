"""Trials of intervals: repeatable, within budget, and their summary counts what it says."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval.interval_trials import BOOTSTRAP, GRID, SEARCH, Case, _summarise, cases, reach, try_case
from embodiedcomp_eval.made_up import SHAPES, World
from embodiedcomp_eval.threshold import FRACTION


@pytest.mark.parametrize("shape", SHAPES)
def test_every_made_up_curve_rises_and_reaches_the_fraction_at_its_threshold(shape: str) -> None:
    x = np.linspace(-3, 3, 601)
    values = SHAPES[shape](x)
    assert (np.diff(values) >= -1e-12).all() and values.min() >= 0 and values.max() <= 1
    assert SHAPES[shape](np.array([1e-6]))[0] >= FRACTION - 1e-4
    assert SHAPES[shape](np.array([-0.05]))[0] < FRACTION


def test_outcomes_have_the_success_rates_and_the_pairing_that_were_asked_for() -> None:
    generator = np.random.default_rng(0)
    success, baseline = World(SHAPES["step from 0.4"], 0.03, 0.9, 1.0).outcomes(np.array([0.01, 0.1]), 20000, generator)
    assert baseline.mean() == pytest.approx(0.9, abs=0.01)
    assert success.mean(axis=1) == pytest.approx([0.36, 0.9], abs=0.015)
    assert (success[1] == baseline).all()  # all luck is the seed's: above the cliff nothing differs
    success, baseline = World(SHAPES["step from 0.4"], 0.03, 0.9, 0.0).outcomes(np.array([0.1]), 20000, generator)
    assert (success[0] == baseline).mean() == pytest.approx(0.82, abs=0.015)


def test_a_trial_repeats_and_keeps_to_its_budget() -> None:
    case = Case("kink, slope 1.5", 0.99, 0.5)
    first = case.run(40, 5, 1)
    assert first == case.run(40, 5, 1) and first != case.run(40, 5, 2)
    assert first[GRID][3] == first[BOOTSTRAP][3] == 200 and first[SEARCH][3] <= 66
    assert len({result[2] for result in first.values()}) == 1  # one truth


def test_the_summary_counts_cover_and_open_ends() -> None:
    results = np.array(
        [[0.02, 0.04, 0.03, 10], [-np.inf, 0.02, 0.03, 20], [0.02, np.inf, 0.03, 30], [0.05, 0.1, 0.03, 40]]
    )
    found = _summarise(results)
    assert (found.covered, found.open_low, found.open_high, found.episodes) == (0.5, 0.25, 0.25, 25)
    assert found.mean_width == pytest.approx(np.mean([np.log(2), np.log(2), np.log(5), np.log(2)]))


def test_every_case_is_tried_by_every_method() -> None:
    told: list[int] = []
    found = try_case(cases()[0], 2, 20, 3, lambda: told.append(1))
    assert set(found) == {GRID, BOOTSTRAP, SEARCH} and len(told) == 2
    assert len(cases()) == 2 * len(SHAPES)


def test_two_rates_known_in_hindsight_straddle_a_cliff_and_find_little_on_a_shelf() -> None:
    rates = np.geomspace(0.01, 0.1, 6)
    cliff = reach(rates, np.array([0.1, 0.1, 0.1, 1.0, 1.0, 1.0]), 1.0, seeds=100, repetitions=3)
    low, high = cliff.rates
    assert rates[1] < low < high < rates[4]
    assert cliff.two <= cliff.grid <= np.log(rates[3] / rates[2]) + 1e-9
    shelf = reach(rates, np.full(6, 0.95), 1.0, seeds=40, repetitions=3)
    assert shelf.two > 0.8 * np.log(10)
