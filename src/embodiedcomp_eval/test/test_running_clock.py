"""Times of recording go on when the clock falls back."""

from __future__ import annotations

from embodiedcomp_eval.bags.running_clock import RunningClock


def test_a_clock_that_falls_back_goes_on_from_the_last_time() -> None:
    clock = RunningClock()
    assert [clock.place(now) for now in (100, 150, 150, 20, 30, 25, 200)] == [
        (100, 0), (150, 0), (150, 0), (150, 130), (160, 0), (160, 5), (335, 0),
    ]  # fmt: skip
