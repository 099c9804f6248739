"""Who says whether a trial without ground truth succeeded: judges look at evidence, and say so where it doesn't reach. Pure.

A judge is a plug-in (entry point group ``embodiedcomp.success``): a subclass of ``Judge`` with a dataclass of options. It
sees the same evidence, in the order of its arrival, on a live robot and from a bag, and so comes to the same verdict.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from embodiedcomp_eval.evidence import Evidence
from embodiedcomp_policy.robot import Robot

Outcome = Literal["success", "failure", "undecided"]
SUCCESS: Outcome = "success"
FAILURE: Outcome = "failure"
UNDECIDED: Outcome = "undecided"
GROUND_TRUTH = "ground_truth"
"""No judge: the simulator's own object pose and joints, step by step."""


@dataclass(frozen=True)
class Verdict:
    """reason: one line, with the numbers. at_ns: when success or failure was established, None at the episode's end.
    facts: what was measured, JSON-able."""

    outcome: Outcome
    decided_by: str
    reason: str
    at_ns: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Input:
    """A topic that a judge listens to: relative (remappable) or absolute name, and the message types it understands."""

    topic: str
    types: tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """What a judge is told of the trial. lift_height: m, the task's."""

    robot: Robot
    lift_height: float


class Judge:
    """The life of one: ``prepare`` (a new scene), ``begin``, ``decided`` again and again, ``verdict``; then anew."""

    name: ClassVar[str]
    Options: ClassVar[type]
    inputs: tuple[Input, ...] = ()
    optional: tuple[str, ...] = ()
    """Topics among them that need not be there."""
    asks = False
    """Whether it waits for a word of the operator."""

    def prepare(self) -> None:
        """A new scene: what comes from now on shows the object at rest. Static transforms are kept."""
        raise NotImplementedError

    def add(self, topic: str, seen: Evidence) -> None:
        """Evidence from the input ``topic``, at any time, episode or not."""
        raise NotImplementedError

    def unready(self, now_ns: int) -> str | None:
        """Why no episode can be judged if it began now; None if one can."""
        raise NotImplementedError

    def begin(self, start_ns: int, end_ns: int) -> None:
        """The episode begins. Evidence stamped after ``end_ns`` is not of it."""
        raise NotImplementedError

    def decided(self) -> Verdict | None:
        """What is certain already, before the end: the episode may stop."""
        raise NotImplementedError

    def verdict(self) -> Verdict:
        """At the end, all evidence in: success only where it was seen; failure only where a success would have been seen."""
        raise NotImplementedError


def option(default: Any, what: str, low: float | None = None, high: float = 1e9) -> Any:
    """A field of a judge's options. what: description with its unit. low, high: range of a number."""
    return field(default=default, metadata={"what": what, "low": low, "high": high})


@dataclass(frozen=True)
class WatchOptions:
    """Options of every judge that watches a condition."""

    hold: float = option(0.5, "time that it must be seen to hold without a break, s", 0.0, 60.0)
    max_age: float = option(0.5, "without news for longer nothing is known, s", 0.01, 60.0)
    max_blind: float = option(1.0, "unknown for longer in all, no failure is certain, s", 0.0, 3600.0)


def bad_options(options: Any) -> str | None:
    """What is wrong with a judge's options, for people, by the ranges of their fields; None if nothing is."""
    for one in dataclasses.fields(options):
        value, low, high = getattr(options, one.name), one.metadata.get("low"), one.metadata.get("high")
        unset = isinstance(value, float) and math.isnan(value) and str(one.default) == "nan"
        if low is not None and not unset and not low <= value <= high:
            return f"{one.name} must be from {low:g} to {high:g} ({one.metadata['what']}), not {value:g}"
    return None
