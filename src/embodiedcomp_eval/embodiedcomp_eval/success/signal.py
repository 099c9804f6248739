"""By a number on a topic: a contact switch, a scale, a force sensor, any detector of the lab's own."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.evidence import VALUE_TYPES, Evidence, ValuesSeen
from embodiedcomp_eval.judging import Input, Judge, Setting, Verdict, WatchOptions, option
from embodiedcomp_eval.watch import Watch

TOPIC = "success_signal"
MIN_REST = 3
FIELDS = ("value", *(f"{kind}{axis}" for kind in ("force", "torque") for axis in ("", "_x", "_y", "_z")))


@dataclass(frozen=True)
class SignalOptions(WatchOptions):
    """One threshold at least. A switch is 0 or 1: above 0.5."""

    field: str = option("value", "value (numbers, switches); of a wrench force, force_x … or torque, torque_x …")
    above: float = option(math.nan, "it must be above this, in the topic's unit", -1e9)
    below: float = option(math.nan, "it must be below this, in the topic's unit", -1e9)
    relative: bool = option(False, "thresholds are of the change since the start: a scale that loses its load")
    rest: float = option(1.0, "time before the start whose median a change counts from, s", 0.1, 60.0)


class Signal(Judge):
    """The condition must be *seen* all the time: a topic that speaks only when it changes leaves it blind."""

    name = "signal"
    Options = SignalOptions
    inputs = (Input(TOPIC, VALUE_TYPES),)

    def __init__(self, options: SignalOptions, setting: Setting) -> None:
        if options.field not in FIELDS:
            raise ConfigError(f"unknown signal.field '{options.field}'; there are: {', '.join(FIELDS)}")
        if math.isnan(options.above) and math.isnan(options.below):
            raise ConfigError("signal.above or signal.below must be set (a switch: signal.above 0.5)")
        self._options = options
        self._rest_ns, self._max_age_ns = round(1e9 * options.rest), round(1e9 * options.max_age)
        self._watch = Watch(self.name, options)
        self.prepare()

    def prepare(self) -> None:
        """Forget the values."""
        self._resting: deque[tuple[int, float]] = deque()
        self._running, self._zero, self._wrong = False, 0.0, ""
        self._lowest, self._highest = math.inf, -math.inf

    def unready(self, now_ns: int) -> str | None:
        """No values, old ones, or another field."""
        if not self._resting:
            return self._wrong or "no value yet"
        age_ns = now_ns - self._resting[-1][0]
        if age_ns > self._max_age_ns:
            return f"the last value is {age_ns / 1e9:.2f} s old"
        return None if len(self._recent(now_ns)) >= MIN_REST else f"fewer than {MIN_REST} values"

    def begin(self, start_ns: int, end_ns: int) -> None:
        recent = self._recent(start_ns)
        self._known = len(recent) >= MIN_REST or not self._options.relative
        self._zero = float(np.median(recent)) if self._options.relative and recent else 0.0
        self._watch.begin(start_ns, end_ns)
        self._running, self._start_ns = True, start_ns

    def add(self, topic: str, seen: Evidence) -> None:
        if not isinstance(seen, ValuesSeen):
            return
        if self._options.field not in seen.values:
            self._wrong = f"its message has no '{self._options.field}', but {', '.join(seen.values)}"
            return
        value = seen.values[self._options.field]
        if not self._running:
            self._resting.append((seen.stamp_ns, value))
            while self._resting[0][0] < seen.stamp_ns - self._rest_ns:
                self._resting.popleft()
        elif self._known and seen.stamp_ns >= self._start_ns:
            change = value - self._zero
            self._lowest, self._highest = min(self._lowest, change), max(self._highest, change)
            low, high = self._options.above, self._options.below
            self._watch.see(seen.stamp_ns, not (change <= low or change >= high))

    def decided(self) -> Verdict | None:
        return self._watch.decided(self._reason(), self._facts())

    def verdict(self) -> Verdict:
        if not self._known:
            return Verdict("undecided", self.name, "no values before the start to count a change from", None, {})
        return self._watch.verdict("the signal", self._reason(), self._facts())

    def _recent(self, now_ns: int) -> list[float]:
        return [value for stamp_ns, value in self._resting if now_ns - self._rest_ns <= stamp_ns <= now_ns]

    def _reason(self) -> str:
        if math.isinf(self._highest):
            return self._wrong or "no value came"
        bounds = [
            f"{name} {bound:g}"
            for name, bound in (("above", self._options.above), ("below", self._options.below))
            if not math.isnan(bound)
        ]
        what = f"change of {self._options.field}" if self._options.relative else self._options.field
        return (
            f"{what} from {self._lowest:g} to {self._highest:g} "
            f"(asked for: {' and '.join(bounds)} for {self._options.hold:g} s)"
        )

    def _facts(self) -> dict[str, float | None]:
        return {} if math.isinf(self._highest) else {"lowest": self._lowest, "highest": self._highest}
