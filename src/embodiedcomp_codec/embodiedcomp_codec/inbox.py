"""The frames that wait to be coded: all of them in order, or of each camera those that have not waited long, and the newest.

Several threads may code: those of one camera never at once, so that each stream's frames stay in order.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

Source = TypeVar("Source", bound=Hashable)
Item = TypeVar("Item")


class Inbox(Generic[Source, Item]):
    """Between the thread that receives and those that code.

    max_wait: s. The newest wins: it drops, and counts, what came before and has waited longer. So a frame that takes long to
    code costs none of the next ones as long as the encoder catches up. 0: only the newest waits; None: nothing is dropped.
    """

    def __init__(self, max_wait: float | None) -> None:
        self._max_wait = max_wait
        self._items: deque[tuple[Source, Item, float]] = deque()
        self._dropped: dict[Source, int] = {}
        self._busy: set[Source] = set()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, source: Source, item: Item, now: float) -> None:
        """Add an item of a source at the time ``now``, s."""
        with self._changed:
            if self._max_wait is not None:
                kept = [entry for entry in self._items if entry[0] != source or now - entry[2] < self._max_wait]
                self._dropped[source] = self._dropped.get(source, 0) + len(self._items) - len(kept)
                self._items = deque(kept)
            self._items.append((source, item, now))
            self._changed.notify()

    def get(self) -> tuple[Source, Item] | None:
        """Wait for the oldest item whose source nobody works on, and take it; ``done`` must follow. None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._free() is not None)
            at = self._free()
            if self._closed or at is None:
                return None
            source, item, _ = self._items[at]
            del self._items[at]
            self._busy.add(source)
            return source, item

    def done(self, source: Source) -> None:
        """The item taken last of this source has been worked on."""
        with self._changed:
            self._busy.discard(source)
            self._changed.notify()

    def _free(self) -> int | None:
        return next((at for at, (source, *_) in enumerate(self._items) if source not in self._busy), None)

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
