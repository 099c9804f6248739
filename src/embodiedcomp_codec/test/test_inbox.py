import heapq
import threading

import pytest

from embodiedcomp_codec.inbox import Inbox


class Clock:
    """Stands until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def run(max_wait: float, period: float, encode: float, slow: dict[int, float] | None = None, seconds: float = 20.0):
    """One camera and one coding thread in simulated time: every frame's age when it is coded, and how many were dropped.

    encode: s for a frame; ``slow``: of some frames, by number.
    """
    clock = Clock()
    inbox: Inbox[str, int] = Inbox(max_wait, clock)
    events = [(round(index * period, 6), 0, index) for index in range(round(seconds / period))]
    ages, working = {}, None
    while events:
        clock.now, kind, index = heapq.heappop(events)
        if kind == 0:
            inbox.put("a", index)
        else:
            ages[index] = clock.now - index * period
            inbox.done("a")
            working = None
        if working is None and inbox.waiting():
            _, working = inbox.get() or ("", -1)
            heapq.heappush(events, (clock.now + (slow or {}).get(working, encode), 1, working))
    return ages, inbox.dropped("a")


@pytest.mark.parametrize("encode", [0.11, 0.13, 0.2, 0.35, 1.0])
@pytest.mark.parametrize("max_wait", [0.0, 0.1, 0.2])
def test_a_codec_too_slow_for_the_camera_makes_frames_little_older_than_it_must(max_wait: float, encode: float) -> None:
    ages, dropped = run(max_wait, 0.1, encode)
    later = [age for index, age in ages.items() if 10 < index < 190]  # the last ones have no newer one
    assert sum(later) / len(later) <= 0.1 + 1.5 * encode
    assert max(later) <= 0.1 + encode + 1e-6
    assert len(ages) + dropped == 200 and dropped >= 200 * (1 - 0.1 / encode) - 5


@pytest.mark.parametrize(
    ("period", "encode", "stall"), [(0.1, 0.03, 0.25), (1 / 30, 0.02, 0.19), (1 / 30, 0.025, 0.15)]
)
def test_one_slow_picture_drops_none(period: float, encode: float, stall: float) -> None:
    ages, dropped = run(0.2, period, encode, {0: stall, 100: stall})
    assert dropped == 0 and max(ages.values()) <= stall + encode


def test_after_an_overload_a_slow_picture_drops_none_again() -> None:
    slow = dict.fromkeys(range(50), 0.15)
    _, during = run(0.2, 0.1, 0.03, slow)
    _, after = run(0.2, 0.1, 0.03, {**slow, 120: 0.25})
    assert during > 5 and after == during


def test_newest_wins_for_each_source_and_drops_are_counted() -> None:
    inbox: Inbox[str, int] = Inbox(0.0, Clock())
    for item in range(3):
        inbox.put("a", item)
        inbox.put("b", item + 10)
    assert [inbox.get(), inbox.get()] == [("a", 2), ("b", 12)]
    assert (inbox.dropped("a"), inbox.dropped("b"), inbox.dropped("c")) == (2, 2, 0)
    inbox.clear()
    assert inbox.dropped("a") == 0


def test_what_has_not_waited_long_is_kept_while_the_encoder_catches_up() -> None:
    clock = Clock()
    inbox: Inbox[str, int] = Inbox(0.1, clock)
    for item, clock.now in enumerate((0.0, 0.03, 0.07)):
        inbox.put("a", item)
    assert inbox.dropped("a") == 0
    clock.now = 0.12
    inbox.put("b", 10)
    assert inbox.dropped("a") == 0, "only its own source displaces an item"
    inbox.put("a", 3)
    assert inbox.dropped("a") == 1
    got = []
    for _ in range(4):
        got.append(entry := inbox.get())
        assert entry is not None
        inbox.done(entry[0])
    assert got == [("a", 1), ("a", 2), ("b", 10), ("a", 3)]


def test_a_reliable_inbox_keeps_everything_in_order() -> None:
    inbox: Inbox[str, int] = Inbox(None, Clock())
    for item in range(5):
        inbox.put("ab"[item % 2], item)
    got = []
    for _ in range(5):
        got.append(entry := inbox.get())
        assert entry is not None
        inbox.done(entry[0])
    assert got == [("a", 0), ("b", 1), ("a", 2), ("b", 3), ("a", 4)]
    assert inbox.dropped("a") == 0


def test_a_source_that_is_worked_on_is_passed_over_and_its_newest_still_wins() -> None:
    inbox: Inbox[str, int] = Inbox(0.0, Clock())
    inbox.put("a", 0)
    assert inbox.get() == ("a", 0)
    inbox.put("a", 1)
    inbox.put("b", 10)
    inbox.put("a", 2)
    assert inbox.get() == ("b", 10), "nobody works on b"
    got: list[object] = []
    thread = threading.Thread(target=lambda: got.append(inbox.get()))
    thread.start()
    inbox.done("b")
    assert got == []
    inbox.done("a")
    thread.join(timeout=5.0)
    assert got == [("a", 2)]
    assert (inbox.dropped("a"), inbox.dropped("b")) == (1, 0)


def test_close_wakes_the_waiting_thread() -> None:
    inbox: Inbox[str, int] = Inbox(0.0, Clock())
    got: list[object] = []
    thread = threading.Thread(target=lambda: got.append(inbox.get()))
    thread.start()
    inbox.close()
    thread.join(timeout=5.0)
    assert got == [None] and not thread.is_alive()
