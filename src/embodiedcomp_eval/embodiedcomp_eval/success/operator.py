"""By the word of whoever stands beside the robot: a service call, or one key in the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from embodiedcomp_eval.evidence import WORD_TYPES, Evidence, WordSeen
from embodiedcomp_eval.judging import FAILURE, SUCCESS, UNDECIDED, Input, Judge, Outcome, Setting, Verdict
from embodiedcomp_eval.operator_words import TOPIC

OUTCOMES: dict[str, Outcome] = {word: word for word in (SUCCESS, FAILURE, UNDECIDED)}


@dataclass(frozen=True)
class OperatorOptions:
    """None: the operator has eyes."""


class Operator(Judge):
    """Success or failure ends the episode; at its end the last word counts, also one said after it."""

    name = "operator"
    Options = OperatorOptions
    inputs = (Input(TOPIC, WORD_TYPES),)
    asks = True

    def __init__(self, options: OperatorOptions, setting: Setting) -> None:
        self.prepare()

    def prepare(self) -> None:
        """Forget what was said."""
        self._said: tuple[int, Outcome] | None = None
        self._start_ns: int | None = None

    def unready(self, now_ns: int) -> str | None:
        """Nothing is needed before the start."""
        return None

    def begin(self, start_ns: int, end_ns: int) -> None:
        self._start_ns, self._end_ns = start_ns, end_ns

    def add(self, topic: str, seen: Evidence) -> None:
        if not isinstance(seen, WordSeen) or seen.word not in OUTCOMES:
            return
        if self._start_ns is not None and seen.stamp_ns >= self._start_ns:
            self._said = (seen.stamp_ns, OUTCOMES[seen.word])

    def decided(self) -> Verdict | None:
        return self.verdict() if self._said is not None and self._said[1] != UNDECIDED else None

    def verdict(self) -> Verdict:
        if self._said is None:
            return Verdict(UNDECIDED, self.name, "no word of the operator")
        stamp_ns, outcome = self._said
        late = stamp_ns > self._end_ns
        when = "after the end" if late else f"at {(stamp_ns - (self._start_ns or 0)) / 1e9:.1f} s"
        return Verdict(outcome, self.name, f"the operator said so {when}", None if late else stamp_ns)
