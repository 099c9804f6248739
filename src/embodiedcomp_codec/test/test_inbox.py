import threading

from embodiedcomp_codec.inbox import Inbox


def test_newest_wins_for_each_source_and_drops_are_counted() -> None:
    inbox: Inbox[str, int] = Inbox(max_wait=0.0)
    for item in range(3):
        inbox.put("a", item, 0.0)
        inbox.put("b", item + 10, 0.0)
    assert [inbox.get(), inbox.get()] == [("a", 2), ("b", 12)]
    assert (inbox.dropped("a"), inbox.dropped("b"), inbox.dropped("c")) == (2, 2, 0)
    inbox.clear()
    assert inbox.dropped("a") == 0


def test_what_has_not_waited_long_is_kept_while_the_encoder_catches_up() -> None:
    inbox: Inbox[str, int] = Inbox(max_wait=0.1)
    for item, now in enumerate((0.0, 0.03, 0.07)):
        inbox.put("a", item, now)
    assert inbox.dropped("a") == 0
    inbox.put("b", 10, 0.12)
    assert inbox.dropped("a") == 0, "only its own source displaces an item"
    inbox.put("a", 3, 0.12)
    assert inbox.dropped("a") == 1
    got = []
    for _ in range(4):
        got.append(entry := inbox.get())
        assert entry is not None
        inbox.done(entry[0])
    assert got == [("a", 1), ("a", 2), ("b", 10), ("a", 3)]


def test_a_reliable_inbox_keeps_everything_in_order() -> None:
    inbox: Inbox[str, int] = Inbox(max_wait=None)
    for item in range(5):
        inbox.put("ab"[item % 2], item, 0.0)
    got = []
    for _ in range(5):
        got.append(entry := inbox.get())
        assert entry is not None
        inbox.done(entry[0])
    assert got == [("a", 0), ("b", 1), ("a", 2), ("b", 3), ("a", 4)]
    assert inbox.dropped("a") == 0


def test_a_source_that_is_worked_on_is_passed_over_and_its_newest_still_wins() -> None:
    inbox: Inbox[str, int] = Inbox(max_wait=0.0)
    inbox.put("a", 0, 0.0)
    assert inbox.get() == ("a", 0)
    inbox.put("a", 1, 0.0)
    inbox.put("b", 10, 0.0)
    inbox.put("a", 2, 0.0)
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
    inbox: Inbox[str, int] = Inbox(max_wait=0.0)
    got: list[object] = []
    thread = threading.Thread(target=lambda: got.append(inbox.get()))
    thread.start()
    inbox.close()
    thread.join(timeout=5.0)
    assert got == [None] and not thread.is_alive()
