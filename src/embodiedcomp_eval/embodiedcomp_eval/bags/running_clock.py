"""Times of recording that never fall back, whatever the clock does: readers put a bag's messages in the order of them. Pure."""

from __future__ import annotations


class RunningClock:
    """The clock's time, plus as much as it has fallen back by so far."""

    def __init__(self) -> None:
        self._offset_ns, self._last_ns = 0, -(1 << 63)

    def place(self, now_ns: int) -> tuple[int, int]:
        """The time to record at, and how far the clock fell back just now; both ns."""
        fell_ns = max(0, self._last_ns - (now_ns + self._offset_ns))
        self._offset_ns += fell_ns
        self._last_ns = now_ns + self._offset_ns
        return self._last_ns, fell_ns
