"""A stream's time where its stamps stand: some drivers leave them at zero."""

from __future__ import annotations


class StampClock:
    """Of one stream. Stamps that change are its time; while they stand, time goes on as frames arrive."""

    def __init__(self) -> None:
        self._stamp_ns: int | None = None
        self._arrival_ns = 0
        self._time_ns = 0

    def time(self, stamp_ns: int, arrival_ns: int) -> int:
        """The stream's time in ns of the frame with this stamp. arrival_ns: of a clock that never jumps, any origin."""
        if stamp_ns == self._stamp_ns:
            self._time_ns += max(arrival_ns - self._arrival_ns, 0)
        else:
            self._stamp_ns = self._time_ns = stamp_ns
        self._arrival_ns = arrival_ns
        return self._time_ns
