import threading

from embodiedcomp_codec.inbox import Inbox


def test_newest_wins_for_each_source_and_drops_are_counted() -> None:
    inbox: Inbox[str, int] = Inbox(newest_wins=True)
    for item in range(3):
        inbox.put("a", item)
        inbox.put("b", item + 10)
    assert [inbox.get(), inbox.get()] == [("a", 2), ("b", 12)]
    assert (inbox.dropped("a"), inbox.dropped("b"), inbox.dropped("c")) == (2, 2, 0)
    inbox.clear()
    assert inbox.dropped("a") == 0


def test_a_reliable_inbox_keeps_everything_in_order() -> None:
    inbox: Inbox[str, int] = Inbox(newest_wins=False)
    for item in range(5):
        inbox.put("ab"[item % 2], item)
    assert [inbox.get() for _ in range(5)] == [("a", 0), ("b", 1), ("a", 2), ("b", 3), ("a", 4)]
    assert inbox.dropped("a") == 0


def test_close_wakes_the_waiting_thread() -> None:
    inbox: Inbox[str, int] = Inbox(newest_wins=True)
    got: list[object] = []
    thread = threading.Thread(target=lambda: got.append(inbox.get()))
    thread.start()
    inbox.close()
    thread.join(timeout=5.0)
    assert got == [None] and not thread.is_alive()
