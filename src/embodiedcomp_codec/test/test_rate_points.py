import pytest

from embodiedcomp_codec.config import ladder
from embodiedcomp_codec.rate_control import Budget, Target
from embodiedcomp_codec.rate_points import RatePoints
from embodiedcomp_codec.registry import get_codec

PIXELS = 10_000
BPP = 0.1
RUNGS = ladder("av1", "inter")


def account(spent: list[float]) -> Budget:
    budget = Budget(Target(bpp=BPP), window=1.0, frame_period=0.1, intra=False)
    for number, allowances in enumerate(spent):
        budget.grant(number * 100_000_000, PIXELS)
        budget.spend(allowances * BPP * PIXELS, key=False)
    return budget


def see(points: RatePoints, downsample: int, level: int, budget: Budget, moves: bool = True) -> bool:
    return points.see(downsample, level, key=False, moves=moves, budget=budget, pixels=PIXELS)


def test_the_ladder_says_where_to_begin() -> None:
    points = RatePoints(get_codec("av1"), "inter", 64)
    assert points.serving(RUNGS, BPP) == [8, 6, 5, 1]
    assert points.serving(RUNGS, 0.015) == [6, 5, 1]
    assert RatePoints(get_codec("png"), "intra", 1).ladder(sparse=False) == ((0.0, 8),)


def test_deep_in_debt_at_the_coarsest_quality_it_falls_and_rises_a_rung_at_a_time() -> None:
    points = RatePoints(get_codec("av1"), "inter", 64)
    assert not see(points, 8, 1, account([1.0] * 5 + [5.0])), "a coarser quality is left"
    assert see(points, 8, 0, account([1.0] * 5 + [5.0]))
    assert points.serving(RUNGS, BPP)[0] == 6
    see(points, 6, 0, account([5.0]))
    assert points.serving(RUNGS, BPP)[0] == 5
    good = account([1.0] * 20)
    frames = next(number for number in range(100) if see(points, 5, 40, good))
    assert frames == 20, "after two windows, no earlier"
    assert points.serving(RUNGS, BPP)[0] == 6
    assert any(see(points, 6, 40, good) for _ in range(21))
    assert points.serving(RUNGS, BPP)[0] == 8


@pytest.mark.parametrize("level", [10, 63])
def test_it_stays_where_the_ladder_is_right_or_the_quality_poor(level: int) -> None:
    points = RatePoints(get_codec("av1"), "inter", 64)
    good = account([1.0] * 20)
    assert not any(see(points, 8 if level > 25 else 5, level, good) for _ in range(50))


def test_another_target_begins_with_the_ladder_again() -> None:
    points = RatePoints(get_codec("av1"), "inter", 64)
    see(points, 8, 0, account([5.0]))
    points.forget()
    assert points.serving(RUNGS, BPP)[0] == 8


def test_it_waits_longer_after_a_rise_that_was_followed_by_a_fall() -> None:
    points = RatePoints(get_codec("av1"), "inter", 64)
    good, sunk = account([1.0] * 20), account([1.0] * 5 + [5.0])
    waits = []
    for _ in range(5):
        assert see(points, 8, 0, sunk)
        waits.append(next(number for number in range(1000) if see(points, 6, 40, good)))
    assert waits == [20, 40, 80, 160, 160]


@pytest.mark.parametrize(("level", "moves", "falls"), [(10, True, True), (10, False, False), (50, True, False)])
def test_bits_that_expire_though_the_picture_moves_show_steps_too_far_apart(
    level: int, moves: bool, falls: bool
) -> None:
    points = RatePoints(get_codec("hevc"), "inter", 64)
    good, wasteful = account([1.0] * 20), account([0.2] * 30)
    assert wasteful.expired == pytest.approx(0.08)
    points.see(8, level, key=True, moves=moves, budget=good, pixels=PIXELS)
    assert not any(see(points, 8, level, wasteful, moves) for _ in range(18)), "two windows after a key frame"
    assert see(points, 8, level, wasteful, moves) == falls
    points.see(8, level, key=True, moves=moves, budget=good, pixels=PIXELS)
    assert not any(see(points, 8, level, good, moves) for _ in range(30))
    frames = [see(points, 8, level, wasteful, moves) for _ in range(3)]
    assert frames == [False, False, falls], "a fifth of a window first"


def test_what_expired_at_the_best_quality_or_repaid_a_key_frame_is_no_sign_of_that() -> None:
    points = RatePoints(get_codec("h264"), "inter", 64)
    good, wasteful = account([1.0] * 20), account([0.2] * 30)
    assert not any(see(points, 8, 63, wasteful) for _ in range(40)), "at the codec's ceiling"
    assert not see(points, 8, 10, good), "and later, where nothing expires"
    assert not see(points, 8, 10, wasteful)
    repaying = Budget(Target(bpp=BPP), window=1.0, frame_period=0.1, intra=False)
    for number in range(14):
        repaying.grant(number * 100_000_000, PIXELS)
        repaying.spend((5.0 if number == 0 else 0.2) * BPP * PIXELS, key=number == 0)
        assert repaying.expired == 0 or not repaying.owing
    assert repaying.full


def test_a_rise_that_lasts_makes_it_patient_no_longer() -> None:
    points = RatePoints(get_codec("av1"), "inter", 64)
    good, sunk = account([1.0] * 20), account([1.0] * 5 + [5.0])

    def wait() -> int:
        assert see(points, 8, 0, sunk)
        return next(number for number in range(1000) if see(points, 6, 40, good))

    assert [wait(), wait()] == [20, 40]
    for _ in range(200):
        see(points, 8, 40, good)
    assert wait() == 20
