"""When a stream owes a key frame because the last one lies too far back: for bags that are cut, and viewers that can't ask."""

from __future__ import annotations

import math


class KeyClock:
    """Runs on source stamps. period: s between key frames at most; NaN: never due."""

    def __init__(self, period: float) -> None:
        self._period_ns = period * 1e9
        self.reset()

    def reset(self) -> None:
        """Return to exactly the state after construction."""
        self._last_ns: int | None = None

    def due(self, stamp_ns: int) -> bool:
        """Whether the frame of this stamp must be a key frame. A clock that jumped back makes it one: all starts anew."""
        if self._last_ns is None or math.isnan(self._period_ns):
            return False
        return not 0 <= stamp_ns - self._last_ns < self._period_ns

    def sent(self, stamp_ns: int, key: bool) -> None:
        """Count a frame that was sent."""
        if key:
            self._last_ns = stamp_ns
