"""Quality steps of learned codecs: which weights, which gain."""

from __future__ import annotations

import math

import pytest

from embodiedcomp_codec.codecs.compress_ai_steps import (
    COARSER,
    EXPONENT,
    FINER,
    LEVELS,
    PUBLISHED_LAMBDAS,
    known_lambdas,
    own_quality,
    step,
)

PAIR = (0.0006, 0.003)


@pytest.mark.parametrize("lambdas", [PAIR, PUBLISHED_LAMBDAS, (0.01,)])
def test_steps_ascend_through_all_weights_and_meet_halfway(lambdas: tuple[float, ...]) -> None:
    steps = [step(level, lambdas) for level in range(LEVELS)]
    assert sorted({index for index, _ in steps}) == list(range(len(lambdas)))
    asked = [lambdas[index] * gain ** (1 / EXPONENT) for index, gain in steps]
    assert asked == sorted(set(asked))
    assert asked[0] == pytest.approx(lambdas[0] / COARSER) and asked[-1] == pytest.approx(lambdas[-1] * FINER)
    for level in range(1, LEVELS):
        (left, low), (right, high) = steps[level - 1], steps[level]
        if left != right:  # as far from one lambda as from the next, within a step
            assert abs(math.log2(low) + math.log2(high)) < math.log2(asked[level] / asked[level - 1])


def test_lambdas_of_the_files_count_if_they_make_sense() -> None:
    assert known_lambdas([0.0006, 0.003]) == PAIR
    for senseless in ([None, 0.003], [0.003, 0.0006], [0.003, 0.003], [-1.0, 2.0], [math.nan, 1.0]):
        assert known_lambdas(senseless) == pytest.approx(PUBLISHED_LAMBDAS[:2])


def test_weights_code_without_gain_at_their_own_quality() -> None:
    index, gain = step(round(own_quality(PAIR) * (LEVELS - 1)), PAIR)
    assert index == 1 and gain == pytest.approx(1.0, abs=0.04)
    assert 0 < own_quality((0.01,)) < 1
