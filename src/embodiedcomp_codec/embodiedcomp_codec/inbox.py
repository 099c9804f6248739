"""The frames that wait to be coded: all of them in order, or of each camera those that have not waited long, and the newest.

Several threads may code: those of one camera never at once, so that each stream's frames stay in order.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Source = TypeVar("Source", bound=Hashable)
Item = TypeVar("Item")
FALL = 0.75  # a queue that is being worked off: within twice max_wait the waits fall below this share of what they were


@dataclass
class _Backlog:
    """Of one source: no item was taken without another one waiting. ``least``: s that any waited; ``since`` when it fell last."""

    since: float
    least: float = math.inf


class Inbox(Generic[Source, Item]):
    """Between the thread that receives and those that code.

    max_wait: s. The newest wins: it drops, and counts, what came before and has waited longer. So a frame that takes long to
    code costs none of the next ones as long as the encoder catches up. Where for twice ``max_wait`` it does not, only the newest
    waits until it has: else a codec that is a little too slow would make every frame old. 0: only the newest waits;
    None: nothing is dropped. clock: s, monotonic.
    """

    def __init__(self, max_wait: float | None, clock: Callable[[], float]) -> None:
        self._max_wait = max_wait
        self._clock = clock
        self._items: deque[tuple[Source, Item, float]] = deque()
        self._dropped: dict[Source, int] = {}
        self._busy: set[Source] = set()
        self._behind: dict[Source, _Backlog] = {}
        self._changed = threading.Condition()
        self._closed = False

    def put(self, source: Source, item: Item) -> None:
        """Add an item of a source, now."""
        with self._changed:
            now = self._clock()
            if self._max_wait is not None:
                self._drop(source, now - self._max_wait)
            self._items.append((source, item, now))
            self._changed.notify()

    def get(self) -> tuple[Source, Item] | None:
        """Wait for the oldest item whose source nobody works on, and take it; ``done`` must follow. None once closed.

        Of a source whose frames have grown too old it is the newest.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._free() is not None)
            at = self._free()
            if self._closed or at is None:
                return None
            source = self._items[at][0]
            if self._max_wait is not None:
                now = self._clock()
                newest = max(entry[2] for entry in self._items if entry[0] == source)
                oldest = newest if self._stands(source, now) else now - self._max_wait
                self._drop(source, min(oldest, newest), keep=newest)
                at = self._free(source)
                assert at is not None, "the newest is kept"
                self._took(source, now - self._items[at][2], now)
            _, item, _ = self._items[at]
            del self._items[at]
            self._busy.add(source)
            return source, item

    def waiting(self) -> bool:
        """Whether ``get`` would return at once."""
        with self._changed:
            return self._closed or self._free() is not None

    def done(self, source: Source) -> None:
        """The item taken last of this source has been worked on."""
        with self._changed:
            self._busy.discard(source)
            if self._free(source) is None:
                self._behind.pop(source, None)
            else:
                self._behind.setdefault(source, _Backlog(self._clock()))
            self._changed.notify()

    def _took(self, source: Source, waited: float, now: float) -> None:
        """Remember that an item of a source that is behind had waited so long."""
        backlog = self._behind.get(source)
        if backlog is not None and not self._stands(source, now) and waited <= FALL * backlog.least:
            backlog.least, backlog.since = waited, now

    def _stands(self, source: Source, now: float) -> bool:
        """Whether the source's queue is a standing one, which nobody works off."""
        backlog = self._behind.get(source)
        return backlog is not None and self._max_wait is not None and now - backlog.since >= 2 * self._max_wait

    def _drop(self, source: Source, until: float, keep: float = math.inf) -> None:
        """Drop and count the source's items that came until then, but for the one of the time ``keep``."""
        kept = [entry for entry in self._items if entry[0] != source or entry[2] > until or entry[2] == keep]
        self._dropped[source] = self._dropped.get(source, 0) + len(self._items) - len(kept)
        self._items = deque(kept)

    def _free(self, source: Source | None = None) -> int | None:
        """Where the oldest item waits whose source nobody works on: of any source, or of this one."""
        return next(
            (at for at, (each, *_) in enumerate(self._items) if each not in self._busy and source in (None, each)),
            None,
        )

    def dropped(self, source: Source) -> int:
        """Items of this source that a newer one displaced."""
        with self._changed:
            return self._dropped.get(source, 0)

    def clear(self) -> None:
        """Forget items and counts."""
        with self._changed:
            self._items.clear()
            self._dropped.clear()
            self._behind.clear()

    def close(self) -> None:
        """Let ``get`` return None from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
