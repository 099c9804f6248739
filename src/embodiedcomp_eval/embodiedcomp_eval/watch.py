"""A condition seen now and then: has it held long enough, and was enough of the episode seen to say that it did not? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embodiedcomp_eval.judging import FAILURE, SUCCESS, UNDECIDED, Verdict, WatchOptions

MIN_SEEN = 3
"""Observations that a hold needs: one outlier, and one more, are no success."""


class Watch:
    """Fed with observations in the order of their stamps; one that is not newer than the last is left out.

    Between two observations more than ``max_age`` apart nothing is known: what lies beyond ``max_age`` after the first
    is *blind* time, and no hold goes across it.
    """

    def __init__(self, name: str, options: WatchOptions) -> None:
        self._name = name
        self._hold_ns, self._max_age_ns, self._max_blind_ns = (
            round(1e9 * seconds) for seconds in (options.hold, options.max_age, options.max_blind)
        )
        self.begin(0, 0)

    def begin(self, start_ns: int, end_ns: int) -> None:
        """A new episode, of which nothing is known yet."""
        self._start_ns, self._end_ns, self._last_ns = start_ns, end_ns, start_ns
        self._since_ns: int | None = None
        self._run, self._seen, self._blind_ns = 0, 0, 0
        self._held_ns: int | None = None

    @property
    def held_ns(self) -> int | None:
        """Stamp at which the condition had held for the time asked for; None while it has not."""
        return self._held_ns

    def see(self, stamp_ns: int, holds: bool) -> None:
        """Whether the condition held at an instant."""
        if stamp_ns > self._end_ns or stamp_ns < self._start_ns or (self._seen and stamp_ns <= self._last_ns):
            return
        gap_ns = stamp_ns - self._last_ns
        if gap_ns > self._max_age_ns:
            self._blind_ns += gap_ns - self._max_age_ns
            self._since_ns = None
        self._last_ns = stamp_ns
        self._seen += 1
        if not holds:
            self._since_ns = None
            return
        if self._since_ns is None:
            self._since_ns, self._run = stamp_ns, 0
        self._run += 1
        if self._held_ns is None and self._run >= MIN_SEEN and stamp_ns - self._since_ns >= self._hold_ns:
            self._held_ns = stamp_ns

    def blind_seconds(self) -> float:
        """Of the whole episode, its end included."""
        return (self._blind_ns + max(0, self._end_ns - self._last_ns - self._max_age_ns)) / 1e9

    def decided(self, reason: str, facts: Mapping[str, Any]) -> Verdict | None:
        """Success as soon as it is seen."""
        if self._held_ns is None:
            return None
        return Verdict(SUCCESS, self._name, reason, self._held_ns, {**facts, "observations": self._seen})

    def verdict(self, what: str, reason: str, facts: Mapping[str, Any]) -> Verdict:
        """At the end. what: that is observed ("the object"). reason: of a failure."""
        blind = self.blind_seconds()
        facts = {**facts, "observations": self._seen, "blind_seconds": round(blind, 3)}
        if self._held_ns is not None:
            return Verdict(SUCCESS, self._name, reason, self._held_ns, facts)
        if round(1e9 * blind) > self._max_blind_ns:
            length = (self._end_ns - self._start_ns) / 1e9
            seen = f"saw nothing of {what} for {blind:.2f} of {length:.2f} s; {reason}"
            return Verdict(UNDECIDED, self._name, seen, None, facts)
        return Verdict(FAILURE, self._name, reason, None, facts)
