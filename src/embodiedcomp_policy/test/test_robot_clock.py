from __future__ import annotations

from embodiedcomp_policy.robot_clock import WINDOW_NS, RobotClock

S = 1_000_000_000


def test_nothing_is_known_before_a_message() -> None:
    clock = RobotClock()
    assert clock.now(5) is None
    clock.hear(100, 5)
    clock.reset()
    assert clock.now(5) is None


def test_the_quickest_message_tells_and_never_too_late() -> None:
    """The robot's clock is 30 s ahead; messages take 5 to 80 ms."""
    clock = RobotClock()
    for step, delay_ms in enumerate((80, 20, 5, 60, 40)):
        sent = step * S
        clock.hear(sent + 30 * S, sent + delay_ms * 1_000_000)
    assert clock.now(10 * S) == 40 * S - 5_000_000


def test_a_clock_that_is_set_or_drifts_is_believed_within_two_windows() -> None:
    clock = RobotClock()
    clock.hear(100 * S, 0)
    step = WINDOW_NS // 4
    for count in range(1, 13):  # this host's clock was set forward by 2 s: the same stamps now come "later"
        local = count * step
        clock.hear(98 * S + local, local)
    assert clock.now(20 * S) == 118 * S


def test_a_jump_back_starts_anew_and_a_late_message_does_not() -> None:
    clock = RobotClock()
    clock.hear(100 * S, 0)
    clock.hear(100 * S - S // 2, 1)
    assert clock.now(1) == 100 * S + 1
    clock.hear(3 * S, S)
    assert clock.now(2 * S) == 4 * S
    clock.hear(3 * S, S // 2)  # and this host's own went back
    assert clock.now(S) == 3 * S + S // 2
