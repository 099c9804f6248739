import pytest

from embodiedcomp_codec.level_forecast import STEEPEST, LevelForecast


def test_twice_the_bits_are_a_halving_finer_and_more_motion_is_coarser() -> None:
    forecast = LevelForecast(levels=64, halving=4.0)
    assert forecast.follow(1000, 0.0) == 32, "nothing is known yet"
    forecast.see(20, 1000)
    assert forecast.follow(1000, 0.0) == 20
    assert forecast.follow(2000, 0.0) == 24
    assert forecast.follow(500, 0.0) == 16
    assert forecast.follow(1000, 2.0) < 20 < forecast.follow(1000, -2.0)
    assert forecast.follow(1e9, 0.0) == 24, "never more than a halving finer at once"
    assert forecast.follow(1e-9, 0.0) == 4


@pytest.mark.parametrize("full", [True, False])
def test_a_still_picture_is_refined_by_what_the_last_steps_cost(full: bool) -> None:
    forecast = LevelForecast(levels=256, halving=16.0)
    forecast.see(20, 1000)
    forecast.climb(20, 1000, anew=True)
    assert forecast.refine(1000, full) == 21, "the first step is a try"
    forecast.climb(21, 200, anew=False)
    assert forecast.refine(1000, full) == 24  # 0.7 of the goal buys 3.5 such steps
    forecast.climb(24, 100_000, anew=False)
    assert forecast.refine(1000, full) == (25 if full else 24), "what is left over expires, so it is spent"


def test_a_pattern_of_the_codec_is_learned_and_begins_anew_with_a_key_frame() -> None:
    forecast = LevelForecast(levels=64, halving=4.0, rhythm=4)
    forecast.see(20, 1000)
    forecast.beat(20, 1000, key=True, learn=True)
    for number in range(1, 60):
        bits = 4000 if number % 4 == 0 else 1000
        forecast.beat(20, bits, key=False, learn=True)
        forecast.see(20, bits)
        if number > 40:
            dear = (number + 1) % 4 == 0
            assert forecast.follow(4000 if dear else 1000, 0.0) in (19, 20, 21)
    for _ in range(40):
        forecast.beat(20, 10, key=False, learn=False)
    assert forecast.follow(4000, 0.0) in (19, 20, 21), (
        "what a picture costs that stands teaches nothing, but the beat goes on"
    )
    forecast.beat(20, 1000, key=True, learn=True)
    forecast.see(20, 1000)
    assert forecast.follow(1000, 0.0) == 20


def test_trials_of_one_frame_show_how_steep_the_steps_are() -> None:
    forecast = LevelForecast(levels=64, halving=4.0)
    forecast.compare({}, 500)
    forecast.compare({20: 1000}, 500)
    assert forecast.halving == 4.0, "one trial tells nothing"
    for _ in range(20):
        forecast.compare({16: 10, 20: 1000, 24: 4000}, 2000)
    assert forecast.halving == pytest.approx(2.0), "of the two that are nearest to the goal"
    forecast.see(20, 1000)
    assert forecast.follow(2000, 0.0) == 22
    for _ in range(20):
        forecast.compare({20: 1000, 21: 64_000}, 2000)
    assert forecast.halving == pytest.approx(STEEPEST * 4.0), "a cliff is no slope"
    assert forecast.follow(1e9, 0.0) == 24, "never more than a halving finer, as first guessed"
    for flat in ({20: 1000, 24: 1001}, {20: 1000, 40: 2000}, {20: 1000, 22: 900}):
        for _ in range(20):
            forecast.compare({20: 1000, 21: 64_000}, 2000)
        for _ in range(20):
            forecast.compare(flat, 2000)
        assert forecast.halving == pytest.approx(4.0), flat
    forecast.compare({20: 1000, 21: 1010}, 2000)
    forecast.compare({20: 1000, 21: 64_000}, 2000)
    forecast.renew()
    assert forecast.halving == 4.0


def test_where_a_step_too_far_costs_nothing_it_may_rise_faster() -> None:
    forecast = LevelForecast(levels=64, halving=4.0)
    forecast.see(20, 1000)
    assert forecast.follow(1e9, 0.0, rise=2.0) == 28
