from __future__ import annotations

import itertools

import numpy as np
import pytest

from embodiedcomp_policy.matching import DEPTH, FrameMatcher, Match

BASE, WRIST = "base_camera", "wrist_camera"
STATE = np.arange(7.0)


def picture(value: int) -> np.ndarray:
    return np.full((2, 2, 3), value, dtype=np.uint8)


def values(match: Match | None) -> list[int] | None:
    return None if match is None else [int(match.images[camera][0, 0, 0]) for camera in (BASE, WRIST)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_complete_in_any_order_and_only_once(order: tuple[int, ...]) -> None:
    matcher = FrameMatcher([BASE, WRIST])
    arrivals = [
        lambda: matcher.add_image(BASE, 5, picture(1)),
        lambda: matcher.add_image(WRIST, 5, picture(2)),
        lambda: matcher.add_state(5, STATE),
    ]
    for count, index in enumerate(order):
        assert matcher.take() is None, count
        arrivals[index]()
    match = matcher.take()
    assert match is not None and values(match) == [1, 2]
    assert match.stamp_ns == match.image_stamp_ns == 5 and np.array_equal(match.state, STATE)
    assert matcher.take() is None


def test_views_of_different_times_are_never_paired() -> None:
    matcher = FrameMatcher([BASE, WRIST])
    for stamp in range(1, 40):
        matcher.add_image(BASE if stamp % 2 else WRIST, stamp, picture(stamp))
        matcher.add_state(stamp, STATE)
        assert matcher.take() is None


def test_the_newest_whole_instant_wins_and_older_ones_are_gone() -> None:
    matcher = FrameMatcher([BASE, WRIST])
    for stamp in (1, 2, 3):
        matcher.add_image(BASE, stamp, picture(stamp))
        matcher.add_state(stamp, STATE)
    matcher.add_image(WRIST, 2, picture(2))
    matcher.add_image(WRIST, 1, picture(1))
    assert values(matcher.take()) == [2, 2]
    matcher.add_image(WRIST, 1, picture(1))
    assert matcher.take() is None
    matcher.add_image(WRIST, 3, picture(3))
    assert values(matcher.take()) == [3, 3]


def test_after_a_loss_the_last_whole_set_serves_with_the_state_of_now() -> None:
    matcher = FrameMatcher([BASE, WRIST])
    for camera in (BASE, WRIST):
        matcher.add_image(camera, 1, picture(1))
    matcher.add_state(1, STATE)
    assert values(matcher.take()) == [1, 1]
    matcher.add_lost(BASE, 2)
    matcher.add_image(WRIST, 2, picture(2))
    matcher.add_state(2, STATE + 1)
    match = matcher.take()
    assert match is not None and values(match) == [1, 1]
    assert (match.stamp_ns, match.image_stamp_ns) == (2, 1) and np.array_equal(match.state, STATE + 1)


def test_a_loss_before_any_picture_gives_no_images() -> None:
    matcher = FrameMatcher([BASE, WRIST])
    matcher.add_lost(BASE, 1)
    matcher.add_lost(WRIST, 1)
    matcher.add_state(1, STATE)
    match = matcher.take()
    assert match is not None and not match.images and match.stamp_ns == 1


def test_a_picture_that_came_after_all_beats_its_loss() -> None:
    matcher = FrameMatcher([BASE])
    matcher.add_lost(BASE, 1)
    matcher.add_image(BASE, 1, picture(9))
    matcher.add_lost(BASE, 1)
    matcher.add_state(1, STATE)
    match = matcher.take()
    assert match is not None and match.images[BASE][0, 0, 0] == 9


def test_tolerances_take_the_nearest_and_no_further() -> None:
    matcher = FrameMatcher([BASE, WRIST], image_tolerance_ns=10, state_tolerance_ns=5)
    matcher.add_image(BASE, 100, picture(1))
    matcher.add_image(WRIST, 111, picture(2))
    matcher.add_state(94, STATE)
    assert matcher.take() is None
    matcher.add_image(WRIST, 92, picture(3))
    matcher.add_state(104, STATE + 1)
    match = matcher.take()
    assert values(match) == [1, 3] and match is not None and np.array_equal(match.state, STATE + 1)


def test_memory_is_bounded_and_reset_forgets() -> None:
    matcher = FrameMatcher([BASE, WRIST])
    for stamp in range(10 * DEPTH):
        matcher.add_image(BASE, stamp, picture(1))
    matcher.add_image(WRIST, 0, picture(1))
    matcher.add_state(0, STATE)
    assert matcher.take() is None
    matcher.reset()
    matcher.add_image(BASE, 0, picture(1))
    matcher.add_image(WRIST, 0, picture(1))
    matcher.add_state(0, STATE)
    assert matcher.take() is not None


def test_what_is_too_old_is_left_and_said() -> None:
    matcher = FrameMatcher([BASE])
    for stamp in (5, 9):
        matcher.add_image(BASE, stamp, picture(stamp))
        matcher.add_state(stamp, STATE)
    assert matcher.take(not_before_ns=10) is None and matcher.newest_ns() == 9
    assert values_of(matcher.take(not_before_ns=9)) == 9
    assert matcher.newest_ns() is None


def values_of(match: Match | None) -> int | None:
    return None if match is None else int(match.images[BASE][0, 0, 0])


def test_a_clock_that_goes_back_is_a_new_start() -> None:
    second = 1_000_000_000
    matcher = FrameMatcher([BASE, WRIST])
    for stamp in (100 * second, 101 * second):
        matcher.add_image(BASE, stamp, picture(1))
        matcher.add_image(WRIST, stamp, picture(1))
        assert not matcher.add_state(stamp, STATE)
    assert matcher.take() is not None
    assert not matcher.add_state(100 * second + 1, STATE)  # a late one
    matcher.add_image(BASE, 102 * second, picture(2))
    assert matcher.add_state(second, STATE + 1)
    for camera in (BASE, WRIST):
        matcher.add_image(camera, second, picture(3))
    match = matcher.take()
    assert values(match) == [3, 3] and match is not None and match.stamp_ns == second
    # A lost frame is not answered from what was seen before the jump.
    matcher.add_state(102 * second, STATE)
    matcher.add_state(3, STATE)
    matcher.add_lost(BASE, 3)
    matcher.add_lost(WRIST, 3)
    match = matcher.take()
    assert match is not None and not match.images


def test_cameras_must_be_named_and_differ() -> None:
    for cameras in ([], [BASE, BASE]):
        with pytest.raises(ValueError, match="at least one name"):
            FrameMatcher(cameras)
