"""The task's own rule on seen poses: the object is lifted when it is ``lift_height`` above where it lay in this episode."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.evidence import TransformSeen
from embodiedcomp_eval.judging import Judge, Setting, Verdict, WatchOptions, option
from embodiedcomp_eval.scoring import is_lifted
from embodiedcomp_eval.transforms import NotYetError, TransformError, TransformTree
from embodiedcomp_eval.watch import Watch

Vector = npt.NDArray[np.float64]
MIN_REST = 3
"""Poses that say where the object lies."""


@dataclass(frozen=True)
class LiftOptions(WatchOptions):
    """What the judges by pose share."""

    base_frame: str = option("base_link", "frame that heights are measured in, its z upwards")
    lift_height: float = option(math.nan, "rise that is a success, m; not set: the task's", 0.001, 10.0)
    rest: float = option(1.0, "time before the start in which the object lies still, s", 0.1, 60.0)
    repeats: bool = option(False, "a pose equal to the one before to the last bit is news, as in a simulator")
    rest_spread: float = option(0.02, "range of heights in that time up to which it counts as still, m", 0.0, 1.0)


class LiftJudge(Judge):
    """Heights in; rest, rise, verdict. A subclass says which evidence shows the object."""

    def __init__(self, options: LiftOptions, setting: Setting) -> None:
        self._options = options
        self._lift = setting.lift_height if math.isnan(options.lift_height) else options.lift_height
        self._rest_ns, self._max_age_ns = round(1e9 * options.rest), round(1e9 * options.max_age)
        self._tree = TransformTree()
        self._watch = Watch(self.name, options)
        self.prepare()

    def prepare(self) -> None:
        """Forget the heights; transforms are kept."""
        self._running = False
        self._resting: deque[tuple[int, float]] = deque()
        self._waiting: deque[tuple[int, str, Vector]] = deque()
        self._rest_height: float | None = None
        self._why_no_rest = "no pose of the object before the start"
        self._trouble, self._repeated = "", 0
        self._measured: tuple[str, Vector] | None = None
        self._highest = -math.inf

    def unready(self, now_ns: int) -> str | None:
        """Missing, old or moving poses."""
        height = self._rest(now_ns)
        if height is None:
            return self._why_no_rest + self._doubts()
        return None

    def begin(self, start_ns: int, end_ns: int) -> None:
        """Where the object lies is settled now."""
        self._rest_height = self._rest(start_ns)
        self._watch.begin(start_ns, end_ns)
        self._running, self._start_ns = True, start_ns

    def decided(self) -> Verdict | None:
        return self._watch.decided(self._rise(), self._facts()) if self._rest_height is not None else None

    def verdict(self) -> Verdict:
        if self._rest_height is None:
            return Verdict("undecided", self.name, self._why_no_rest + self._doubts(), None, {"lift": None})
        return self._watch.verdict("the object", self._rise() + self._doubts(), self._facts())

    def transform(self, seen: TransformSeen) -> None:
        """Evidence of the frames; poses that waited for it are looked at again."""
        self._tree.add(seen)
        self._work_off()

    def place(self, stamp_ns: int, frame: str, point: Vector, measured: Vector) -> None:
        """The object was at ``point`` ``(3,)`` m of ``frame``.

        measured: the sensor's own numbers. Where they are those of the last time to the bit, no sensor has looked again:
        some motion capture systems repeat the last pose of a body that they have lost, under new stamps.
        """
        same = self._measured is not None and self._measured[0] == frame and np.array_equal(self._measured[1], measured)
        self._measured = (frame, measured)
        if same and not self._options.repeats:
            self._repeated += 1
            return
        self._waiting.append((stamp_ns, frame, point))
        self._work_off()

    def _work_off(self) -> None:
        """Every pose whose transforms are there, in order; one that waits for longer than ``max_age`` is given up."""
        while self._waiting:
            stamp_ns, frame, point = self._waiting[0]
            try:
                height = float(self._tree.locate(point, frame, self._options.base_frame, stamp_ns)[2])
            except NotYetError as error:
                if self._waiting[-1][0] - stamp_ns <= self._max_age_ns:
                    return
                self._trouble = str(error)
            except TransformError as error:
                self._trouble = str(error)
            else:
                self._trouble = ""
                self._see(stamp_ns, height)
            self._waiting.popleft()

    def _see(self, stamp_ns: int, height: float) -> None:
        if not self._running:
            self._resting.append((stamp_ns, height))
            while self._resting[0][0] < stamp_ns - self._rest_ns:
                self._resting.popleft()
        elif self._rest_height is not None and stamp_ns >= self._start_ns:
            self._highest = max(self._highest, height)
            self._watch.see(stamp_ns, is_lifted(height, self._rest_height, self._lift))

    def _rest(self, now_ns: int) -> float | None:
        """Median height in the time before now, m; None where it was not seen, or not lying still."""
        heights = [height for stamp_ns, height in self._resting if now_ns - self._rest_ns <= stamp_ns <= now_ns]
        if len(heights) < MIN_REST:
            self._why_no_rest = f"{len(heights)} poses of the object in the {self._options.rest:g} s before the start"
            return None
        if (spread := max(heights) - min(heights)) > self._options.rest_spread:
            self._why_no_rest = f"the object moved before the start: heights {spread:.3f} m apart"
            return None
        return float(np.median(heights))

    def _doubts(self) -> str:
        """What stood in the way of seeing more, in brackets; empty if nothing did."""
        repeated = f"{self._repeated} poses repeat the one before to the bit: no news" if self._repeated else ""
        doubts = [doubt for doubt in (self._trouble, repeated) if doubt]
        return f" ({'; '.join(doubts)})" if doubts else ""

    def _rise(self) -> str:
        assert self._rest_height is not None, "asked for where there is one"
        if math.isinf(self._highest):
            return f"no pose of the object, which lay at {self._rest_height:.3f} m"
        risen = self._highest - self._rest_height
        return f"the object rose {risen:.3f} m at most (asked for: {self._lift:g} m for {self._options.hold:g} s)"

    def _facts(self) -> dict[str, float | None]:
        risen = None if math.isinf(self._highest) or self._rest_height is None else self._highest - self._rest_height
        return {"lift": risen, "rest_height": self._rest_height}
