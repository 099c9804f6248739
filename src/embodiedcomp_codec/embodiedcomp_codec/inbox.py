"""The frames that wait to be coded: all of them in order, or of each camera only the newest."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

Source = TypeVar("Source", bound=Hashable)
Item = TypeVar("Item")


class Inbox(Generic[Source, Item]):
    """Between the thread that receives and the one that codes. ``newest_wins`` drops, and counts, what came before."""

    def __init__(self, newest_wins: bool) -> None:
        self._newest_wins = newest_wins
        self._items: deque[tuple[Source, Item]] = deque()
        self._dropped: dict[Source, int] = {}
        self._changed = threading.Condition()
        self._closed = False

    def put(self, source: Source, item: Item) -> None:
        """Add an item of a source."""
        with self._changed:
            if self._newest_wins:
                kept = [entry for entry in self._items if entry[0] != source]
                self._dropped[source] = self._dropped.get(source, 0) + len(self._items) - len(kept)
                self._items = deque(kept)
            self._items.append((source, item))
            self._changed.notify()

    def get(self) -> tuple[Source, Item] | None:
        """Wait for the oldest item and take it; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed)
            return None if self._closed else self._items.popleft()

    def dropped(self, source: Source) -> int:
        """Items of this source that a newer one displaced."""
        with self._changed:
            return self._dropped.get(source, 0)

    def clear(self) -> None:
        """Forget items and counts."""
        with self._changed:
            self._items.clear()
            self._dropped.clear()

    def close(self) -> None:
        """Let ``get`` return None from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
