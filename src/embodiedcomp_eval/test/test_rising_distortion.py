"""The step test: exact on small numbers, corrected for how many were made, blind to steps down, and it can fail."""

import math

import numpy as np
import pytest

from embodiedcomp_eval.rising_distortion import steps_up


def outcomes(successes: int, of: int = 40) -> np.ndarray:
    return np.arange(of) < successes


def test_a_policy_that_gains_is_found_at_the_step_where_it_gains() -> None:
    steps = steps_up(["clean", "a", "b"], [outcomes(20), outcomes(19), outcomes(35)])
    up = {(s.weaker, s.stronger) for s in steps if s.p_holm < 0.05}
    assert up == {("clean", "b"), ("a", "b")}


def test_falling_and_level_success_give_nothing() -> None:
    steps = steps_up(["clean", "a", "b", "c"], [outcomes(40), outcomes(40), outcomes(20), outcomes(0)])
    assert len(steps) == 6 and all(s.p_holm > 0.999 and s.gained == 0 for s in steps)


def test_p_is_the_chance_that_a_fair_coin_splits_the_discordant_seeds_so() -> None:
    weak, strong = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], bool), np.array([0, 1, 1, 1, 1, 1, 1, 1, 0, 0], bool)
    (step,) = steps_up(["clean", "a"], [weak, strong])
    assert (step.gained, step.lost) == (6, 1)
    expected = sum(math.comb(8 - 1, k) for k in (6, 7)) / 2**7
    assert step.p == pytest.approx(expected) and step.p_holm == pytest.approx(expected)


def test_more_levels_demand_more_of_each_step() -> None:
    same = [outcomes(30)] * 3
    alone = steps_up(["clean", "a"], [outcomes(30), outcomes(36)])
    among = steps_up(["clean", "b", "c", "a"], [*same, outcomes(36)])
    assert alone[0].p < 0.05 and alone[0].p_holm == alone[0].p
    assert min(s.p_holm for s in among) == pytest.approx(6 * alone[0].p)


def test_different_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="the same seeds"):
        steps_up(["clean", "a"], [outcomes(3, 10), outcomes(3, 11)])
    with pytest.raises(ValueError, match="the same seeds"):
        steps_up(["clean"], [outcomes(3), outcomes(4)])
