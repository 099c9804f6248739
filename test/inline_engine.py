"""An engine of a sweep that needs no other process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from embodiedcomp_eval.sweep import Done, Work


class InlineEngine:
    """Runs work where it is waited for, last submitted first: results come in another order than they were asked."""

    slots = 2

    def __init__(self, run: Callable[[Work], Done]) -> None:
        self._run, self._queue = run, deque[Work]()
        self.most_in_flight = 0

    @property
    def in_flight(self) -> int:
        return len(self._queue)

    def submit(self, work: Work) -> None:
        self._queue.append(work)
        self.most_in_flight = max(self.most_in_flight, len(self._queue))

    def wait(self) -> tuple[Work, Done | str]:
        work = self._queue.pop()
        try:
            return work, self._run(work)
        except RuntimeError as error:
            return work, str(error)

    def close(self) -> None: ...
