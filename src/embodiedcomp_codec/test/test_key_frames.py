from collections.abc import Callable

import numpy as np
import pytest

from embodiedcomp_codec.codec import Coded, Image
from embodiedcomp_codec.key_frames import KeySearch, choose
from embodiedcomp_codec.quality_search import Goal, Tolerance
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.trial_encodes import Trial

PICTURE = np.zeros((64, 64, 3), np.uint8)
ENCODER = get_codec("png").encoder(16, 16, "intra")


def how(bits_of: Callable[[int, int], float], cliffs: bool) -> KeySearch:
    def code(small: Image, n: int, level: int) -> Trial:
        assert small.shape[:2] == (8 * n, 8 * n)
        return Trial(ENCODER, Coded(bytes(round(bits_of(n, level) / 8)), True), level, n)

    return KeySearch(code, 64, 20, 10.0, Tolerance(0.9, 1.0, 7), cliffs)


def smooth(n: int, level: int) -> float:
    return 100 * n * n * 2 ** (level / 10)


@pytest.mark.parametrize(("goal", "n"), [(20_000, 8), (3_200, 5), (150, 1)])
def test_the_largest_size_that_can_be_had(goal: float, n: int) -> None:
    found = choose(PICTURE, [(each, Goal(goal, goal)) for each in (8, 5, 1)], how(smooth, cliffs=True))
    assert found.downsample == n
    assert 0.8 * goal <= found.bits <= goal


def test_below_every_floor_it_is_the_smallest() -> None:
    found = choose(PICTURE, [(each, Goal(10, 10)) for each in (8, 5, 1)], how(smooth, cliffs=True))
    assert (found.downsample, found.level) == (1, 0)


@pytest.mark.parametrize(("cliffs", "n"), [(True, 5), (False, 8)])
def test_over_a_cliff_only_a_smaller_picture_uses_the_bits(cliffs: bool, n: int) -> None:
    def steep(size: int, level: int) -> float:
        return 400.0 if size == 8 and level < 30 else smooth(size, level)

    found = choose(PICTURE, [(each, Goal(4_000, 4_000)) for each in (8, 5)], how(steep, cliffs))
    assert found.downsample == n


def test_each_size_has_its_own_goal() -> None:
    found = choose(PICTURE, [(8, Goal(1_000, 1_000)), (5, Goal(9_000, 9_000))], how(smooth, cliffs=False))
    assert found.downsample == 5
    assert found.bits > 7_000
