"""Several judges as one: whoever is sure first ends the episode; at its end the first in order who knows. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from embodiedcomp_eval.evidence import Evidence
from embodiedcomp_eval.judging import UNDECIDED, Input, Judge, Verdict


class Panel(Judge):
    """Wraps one judge or more; ``object_pose,operator``: the pose decides, and where it can't, the operator is asked."""

    name = "panel"
    Options = object

    def __init__(self, judges: Sequence[Judge]) -> None:
        self.judges = tuple(judges)
        self.inputs = _merged(self.judges)
        self.asks = any(judge.asks for judge in self.judges)

    @property
    def required(self) -> list[str]:
        """Inputs without which no episode can be judged."""
        optional = {topic for judge in self.judges for topic in judge.optional}
        return [one.topic for one in self.inputs if one.topic not in optional]

    def prepare(self) -> None:
        for judge in self.judges:
            judge.prepare()

    def add(self, topic: str, seen: Evidence) -> None:
        for judge in self.judges:
            if any(one.topic == topic for one in judge.inputs):
                judge.add(topic, seen)

    def unready(self, now_ns: int) -> str | None:
        """The first thing that is missing to any of them."""
        return next((f"{judge.name}: {why}" for judge in self.judges if (why := judge.unready(now_ns))), None)

    def begin(self, start_ns: int, end_ns: int) -> None:
        for judge in self.judges:
            judge.begin(start_ns, end_ns)

    def decided(self) -> Verdict | None:
        return next((found for judge in self.judges if (found := judge.decided()) is not None), None)

    def verdict(self) -> Verdict:
        """The first that is not undecided; the reasons of all where nobody knows."""
        found = [judge.verdict() for judge in self.judges]
        sure = next((verdict for verdict in found if verdict.outcome != UNDECIDED), None)
        if sure is not None:
            return sure
        reasons = "; ".join(f"{one.decided_by}: {one.reason}" for one in found)
        return Verdict(UNDECIDED, ",".join(one.decided_by for one in found), reasons, None, found[0].facts)


def _merged(judges: Sequence[Judge]) -> tuple[Input, ...]:
    """Every topic once, with the types that all who hear it understand."""
    types: dict[str, tuple[str, ...]] = {}
    for one in (one for judge in judges for one in judge.inputs):
        known = types.get(one.topic, one.types)
        types[one.topic] = tuple(kind for kind in known if kind in one.types)
    return tuple(Input(topic, kinds) for topic, kinds in types.items())
