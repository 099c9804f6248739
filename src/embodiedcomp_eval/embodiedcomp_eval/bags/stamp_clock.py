"""What a stamp means after the ones before it: the next instant, disorder, or a clock that was set, forwards or back. Pure."""

from __future__ import annotations

from typing import Literal

JUMP_NS = 500_000_000
"""A clock that was set by less is not told from disorder or delay."""
STEPS = 10
"""A stamp that runs ahead of the recording is a jump if the step is longer than so many usual ones: a simulation faster than
real time runs ahead at every step."""
FIRST_JUMP_NS = 10_000_000_000
"""The same where no usual step is known yet."""

Place = Literal["next", "jump", "disorder"]


class StampClock:
    """One source's stamps, in the order of recording. ``jumps`` and ``span_ns`` count what came so far."""

    def __init__(self) -> None:
        self.jumps = self.span_ns = self.intervals = 0
        self._segment_ns = self._segment_intervals = 0
        self._last: tuple[int, int] | None = None
        self._ahead_ns = 0

    @property
    def duration(self) -> float:
        """s of stamp time without the jumps, the last frame of each recording included."""
        return self.span_ns * 1e-9 * (self.intervals + 1 + self.jumps) / self.intervals if self.intervals else 0.0

    def place(self, stamp_ns: int, log_ns: int) -> Place:
        """Where a stamp stands, recorded at ``log_ns``, after the last one. What is disorder leaves no trace."""
        ahead_ns = stamp_ns - log_ns
        if self._last is None:
            kind: Place = "next"
            self._ahead_ns = ahead_ns
        else:
            last_stamp_ns, last_log_ns = self._last
            step_ns = stamp_ns - last_stamp_ns
            if step_ns <= 0:
                if (log_ns - last_log_ns) - step_ns <= JUMP_NS:
                    return "disorder"
                kind = "jump"
            else:
                # Against the least delay so far: a message that came late and one in time after it are no jump.
                kind = "jump" if ahead_ns - self._ahead_ns > JUMP_NS and step_ns > self._long_ns else "next"
            if kind == "jump":
                self.jumps += 1
                self._segment_ns = self._segment_intervals = 0
                self._ahead_ns = ahead_ns
            else:
                self.span_ns, self.intervals = self.span_ns + step_ns, self.intervals + 1
                self._segment_ns, self._segment_intervals = self._segment_ns + step_ns, self._segment_intervals + 1
                self._ahead_ns = max(self._ahead_ns, ahead_ns)
        self._last = stamp_ns, log_ns
        return kind

    @property
    def _long_ns(self) -> int:
        if not self._segment_intervals:
            return FIRST_JUMP_NS
        return STEPS * self._segment_ns // self._segment_intervals
