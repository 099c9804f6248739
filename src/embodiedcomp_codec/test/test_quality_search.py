from hypothesis import given
from hypothesis import strategies as st

from embodiedcomp_codec.quality_search import Goal, Tolerance, search

ANY = Tolerance(low=0.9, high=1.0, trials=8)


@given(st.integers(0, 63), st.floats(2, 20), st.floats(50, 100_000), st.floats(50, 500))
def test_search_finds_the_step_on_any_smooth_curve(start: int, halving: float, target: float, base: float) -> None:
    def bits_at(level: int) -> int:
        return round(base * 2 ** (level / halving))

    level = search(bits_at, 64, start, 8.0, Goal(target, target), Tolerance(low=1.0, high=1.0, trials=12))
    affordable = [step for step in range(64) if bits_at(step) <= target]
    assert level == (max(affordable) if affordable else 0)


def test_search_is_frugal_with_a_good_start() -> None:
    tried: list[int] = []

    def bits_at(level: int) -> int:
        tried.append(level)
        return 100 * (level + 1)

    assert search(bits_at, 64, 9, 8.0, Goal(1000, 1000), ANY) == 9
    assert tried == [9]


def test_a_search_whose_trials_were_all_slightly_too_dear_retreats_a_little() -> None:
    tried: list[int] = []

    def bits_at(level: int) -> int:
        tried.append(level)
        return round(1000 * 2 ** ((level - 40) / 16))  # shallower than expected

    retreating = Tolerance(low=0.9, high=1.0, trials=2, retreat=0.5)
    assert search(bits_at, 64, 44, 8.0, Goal(1000, 1000), retreating) == tried[-1] > 30
    assert tried[:2] == [44, 42] and 3 <= len(tried) <= 4
    tried.clear()
    assert search(bits_at, 64, 44, 8.0, Goal(100, 100), retreating) == 0
    assert len(tried) == 3, "far too dear: no detour"


def test_search_above_the_limit_everywhere_gives_the_coarsest() -> None:
    assert search(lambda level: 500 + level, 64, 40, 8.0, Goal(100, 100), ANY) == 0
