"""What one stream did over its last window of stamps: the numbers of CodecStats and diagnostics."""

from __future__ import annotations

from collections import deque


class RateMeter:
    """Payload over a sliding window of source stamps."""

    def __init__(self, window: float) -> None:
        self._window_ns = round(window * 1e9)
        self._frames: deque[tuple[int, int]] = deque()

    def add(self, stamp_ns: int, payload_bytes: int) -> float:
        """Count a packet; return the payload rate in bit/s over the window that ends with this frame."""
        if self._frames and stamp_ns <= self._frames[-1][0]:
            self._frames.clear()  # the clock jumped back
        self._frames.append((stamp_ns, payload_bytes))
        while stamp_ns - self._frames[0][0] > self._window_ns and len(self._frames) > 2:
            self._frames.popleft()
        seconds = (stamp_ns - self._frames[0][0]) * 1e-9
        if seconds <= 0:
            return 0.0
        # The first frame's bits were spent before the span that its stamp opens.
        return 8 * sum(size for _, size in list(self._frames)[1:]) / seconds


class Tally:
    """Counts since the last report."""

    def __init__(self) -> None:
        self.frames = self.keys = self.floor = self.ceiling = self.corrupt = 0
        self.seconds = self.worst_seconds = 0.0

    def add(self, seconds: float, key: bool, at_floor: bool = False, at_ceiling: bool = False) -> None:
        """Count one frame that took ``seconds`` of wall time."""
        self.frames += 1
        self.keys += key
        self.floor += at_floor
        self.ceiling += at_ceiling
        self.seconds += seconds
        self.worst_seconds = max(self.worst_seconds, seconds)
