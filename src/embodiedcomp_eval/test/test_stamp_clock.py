"""A clock that was set is told from disorder, delay, lost frames and simulations at any speed."""

from __future__ import annotations

import pytest

from embodiedcomp_eval.bags.stamp_clock import StampClock

MS = 1_000_000
DAY = 86_400_000


def places(pairs: list[tuple[int, int]]) -> tuple[list[str], StampClock]:
    """pairs: (stamp, time of recording), ms."""
    clock = StampClock()
    return [clock.place(stamp * MS, log * MS) for stamp, log in pairs], clock


@pytest.mark.parametrize("shift", [-DAY, -700, 1500, DAY], ids=lambda shift: f"{shift}ms")
def test_a_clock_that_was_set_is_a_jump_either_way(shift: int) -> None:
    found, clock = places([(100 * i + shift * (i >= 15), 100 * i) for i in range(30)])
    assert found == ["next"] * 15 + ["jump"] + ["next"] * 14
    assert clock.jumps == 1 and clock.duration == pytest.approx(3.0)


def test_a_day_is_a_jump_on_the_second_frame_too() -> None:
    assert places([(0, 0), (DAY, 100), (DAY + 100, 200)])[0] == ["next", "jump", "next"]


def test_disorder_leaves_no_trace() -> None:
    found, clock = places([(0, 0), (100, 100), (300, 200), (200, 300), (300, 350), (400, 400)])
    assert found == ["next", "next", "next", "disorder", "disorder", "next"]
    assert (clock.span_ns, clock.intervals, clock.jumps) == (400 * MS, 3, 0)


@pytest.mark.parametrize(
    "pairs",
    [
        [(1000 * i, 20 * i) for i in range(20)],  # a picture a second, simulated fifty times as fast
        [(100 * i, 1000 * i) for i in range(20)],  # a slow simulation
        [(100 * i, 100 * i if i < 5 else 30_000 + 100 * i) for i in range(20)],  # a simulation that paused
        [(100 * i, 100 * i + (3000 if i == 9 else 0)) for i in (*range(10), *range(31, 50))],  # one late, then a gap
        [(100 * i, 100 * i) for i in (*range(10), *range(100, 110))],  # nine seconds of nothing
    ],
)
def test_what_is_no_jump(pairs: list[tuple[int, int]]) -> None:
    found, clock = places(pairs)
    assert set(found) == {"next"} and clock.jumps == 0
    assert clock.span_ns == (pairs[-1][0] - pairs[0][0]) * MS
