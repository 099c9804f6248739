"""The adaptive search on made-up policies whose threshold is known."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval.adaptive import ThresholdSearch, search_order


def run(true_threshold: float, episodes: int, seed: int, spread: float = 0.2) -> ThresholdSearch:
    """A policy of logistic shape: half of a scene's luck is the same at every rate."""
    generator = np.random.default_rng(seed)
    luck = generator.random(90)
    middle = np.log(true_threshold) - spread * np.log(0.95 / 0.05)
    search = ThresholdSearch(0.01, 0.1)
    for scene in search_order(range(90), [True] * 90, episodes):
        rate = search.next_rate()
        draw = luck[scene] if generator.random() < 0.5 else generator.random()
        search.update(scene, rate, bool(draw < 1 / (1 + np.exp(-(np.log(rate) - middle) / spread))))
    return search


@pytest.mark.parametrize("true_threshold", [0.02, 0.04])
def test_it_finds_the_threshold_and_holds_it_in_its_interval(true_threshold: float) -> None:
    found = [run(true_threshold, 200, seed).estimate(draws=100) for seed in range(4)]
    assert sum(e.low <= true_threshold <= e.high for e in found) >= 3
    assert np.mean([np.log(e.value / true_threshold) for e in found]) == pytest.approx(0.0, abs=0.2)
    assert all(e.episodes == 200 and not e.at_end for e in found)


def test_the_interval_narrows() -> None:
    assert run(0.03, 240, 1).estimate(draws=100).width < run(0.03, 40, 1).estimate(draws=100).width


def test_it_asks_where_there_is_something_to_learn() -> None:
    search = run(0.03, 150, 2)
    assert 0.012 < search.next_rate() < 0.07


def test_a_threshold_beyond_the_rates_is_censored() -> None:
    search = ThresholdSearch(0.01, 0.1)
    for scene in range(60):
        search.update(scene, search.next_rate(), True)
    estimate = search.estimate(draws=50)
    assert estimate.at_end and estimate.low < 0.011


def test_the_same_outcomes_give_the_same_answer() -> None:
    assert run(0.03, 60, 3).estimate(draws=50) == run(0.03, 60, 3).estimate(draws=50)


def test_only_seeds_that_the_uncompressed_run_solves_are_asked_and_each_in_turn() -> None:
    assert search_order([5, 6, 7], [True, False, True], 5) == [5, 7, 5, 7, 5]
    with pytest.raises(ValueError, match="none of the seeds"):
        search_order([5], [False], 1)
    with pytest.raises(ValueError, match="0 < lowest < highest"):
        ThresholdSearch(0.1, 0.1)
