"""Brings together what several cameras gave for one instant: matched by stamp, in order, never waiting for a dead one."""

from __future__ import annotations

from typing import Generic, TypeVar

Item = TypeVar("Item")

PATIENCE = 3
"""Instants: a source missing from so many in a row is no longer waited for, until it is heard again."""
MAX_PENDING = 2
"""Instants that wait; a third lets the oldest go as it is."""


class Instants(Generic[Item]):
    """Each source gives its items in the order of their stamps; a step back is taken for a clock that was set anew."""

    def __init__(self, sources: int, tolerance_ns: int = 0) -> None:
        """tolerance_ns: stamps as near as this are one instant."""
        self._sources, self._tolerance_ns = sources, tolerance_ns
        self.clear()

    def clear(self) -> None:
        """Forget what waits."""
        self._pending: list[tuple[int, dict[int, Item]]] = []
        self._missed = [0] * self._sources
        self._latest = [-(1 << 63)] * self._sources
        self._done = -(1 << 63)

    def add(self, source: int, stamp_ns: int, item: Item) -> list[dict[int, Item]]:
        """Instants that are complete now, oldest first: items by source."""
        out: list[dict[int, Item]] = []
        if stamp_ns <= self._latest[source]:
            out = [items for _, items in self._pending]
            self._pending = []
            self._latest = [-(1 << 63)] * self._sources
            self._done = -(1 << 63)
        self._latest[source] = stamp_ns
        for stamp, items in self._pending:
            if abs(stamp - stamp_ns) <= self._tolerance_ns and source not in items:
                items[source] = item
                break
        else:
            self._pending.append((stamp_ns, {source: item}))
            self._pending.sort(key=lambda entry: entry[0])
        while self._pending and (len(self._pending) > MAX_PENDING or self._complete(*self._pending[0])):
            stamp, items = self._pending.pop(0)
            out.append(items)
            self._done = max(self._done, stamp)
        for items in out:
            self._missed = [0 if index in items else count + 1 for index, count in enumerate(self._missed)]
        return out

    def _complete(self, stamp_ns: int, items: dict[int, Item]) -> bool:
        """Nothing more can come for it: every source that still lives is there, or has gone on; or the others are gone."""
        return stamp_ns <= self._done + self._tolerance_ns or all(
            index in items or self._missed[index] >= PATIENCE or self._latest[index] > stamp_ns + self._tolerance_ns
            for index in range(self._sources)
        )
