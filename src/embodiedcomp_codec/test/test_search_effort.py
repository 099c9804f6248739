import pytest

from embodiedcomp_codec.search_effort import SPARSE_TOLERANCE, inter_tolerance

SMALL, LARGE = 256 * 256, 640 * 480


def again(period: float, group_pixels: int, effort: float = 1.0, credit: float = 0.0) -> int:
    return inter_tolerance(False, credit, effort, period, group_pixels).trials - 1


def test_at_10_hz_the_longest_group_is_replayed_three_times_and_more_time_buys_no_more() -> None:
    assert again(0.1, 32 * SMALL) == again(0.2, 32 * SMALL) == again(0.1, SMALL) == 3
    assert again(0.1, 13 * SMALL, effort=4.0) == again(0.2, 13 * SMALL, effort=4.0) == 1


@pytest.mark.parametrize("frames", range(1, 7))
def test_at_30_hz_replays_of_large_pictures_leave_time_for_other_cameras(frames: int) -> None:
    work = again(1 / 30, frames * LARGE) * frames * LARGE
    assert work <= max(4 * LARGE, frames * LARGE), "a frame of x264 takes a seventh of its time"


def test_a_slow_codec_is_tried_again_less_often() -> None:
    assert [again(0.1, frames * SMALL, effort=4.0) for frames in (8, 12, 13, 32)] == [3, 2, 1, 1]
    assert again(0.001, 4 * SMALL, effort=4.0) == 1, "once always"
    assert again(0.01, SMALL // 4) == 3, "small pictures, however fast they come"


def test_a_sparse_frame_must_come_close_and_a_cheap_one_is_made_finer_where_credit_is_left() -> None:
    assert inter_tolerance(True, 0.0, 4.0, 1.0, 32 * SMALL) == SPARSE_TOLERANCE
    assert inter_tolerance(False, 0.1, 1.0, 0.1, SMALL).low == 0 < inter_tolerance(False, 0.2, 1.0, 0.1, SMALL).low
