import math

from embodiedcomp_codec.key_clock import KeyClock

SECOND = 1_000_000_000


def keys(period: float, stamps: list[float], unasked: tuple[int, ...] = (0,)) -> list[int]:
    """Numbers of the key frames of a stream that sends some unasked."""
    clock, found = KeyClock(period), []
    for index, stamp in enumerate(stamps):
        stamp_ns = round(stamp * SECOND)
        key = index in unasked or clock.due(stamp_ns)
        clock.sent(stamp_ns, key)
        found += [index] if key else []
    return found


def test_one_every_period() -> None:
    assert keys(1.0, [0.25 * index for index in range(13)]) == [0, 4, 8, 12]


def test_any_key_frame_starts_the_period_anew() -> None:
    assert keys(1.0, [0.25 * index for index in range(13)], unasked=(0, 3, 5)) == [0, 3, 5, 9]


def test_a_clock_that_jumps_back_starts_with_a_key_frame() -> None:
    assert keys(10.0, [0, 1, 2, 0, 1, 2]) == [0]
    assert keys(10.0, [5, 6, 7, 2, 3, 4]) == [0, 3]


def test_without_a_period_none_is_due() -> None:
    assert keys(math.nan, [0, 100, 5, 1000]) == [0]


def test_reset_forgets() -> None:
    clock = KeyClock(1.0)
    clock.sent(0, True)
    assert clock.due(2 * SECOND)
    clock.reset()
    assert not clock.due(2 * SECOND)
