"""Judges the episodes of a bag again: by the judges that decided then, by others, or by an operator who has looked since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embodiedcomp_eval.bags.episode_windows import Window, episode_windows
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.reader import BagReader, Record
from embodiedcomp_eval.bags.recorder import CONFIGURATION
from embodiedcomp_eval.config import parse_yaml
from embodiedcomp_eval.evidence import READERS, Intake, WordSeen
from embodiedcomp_eval.judging import FAILURE, UNDECIDED, Input, Verdict
from embodiedcomp_eval.judging_panel import Panel
from embodiedcomp_eval.operator_words import TOPIC as WORD_TOPIC
from embodiedcomp_eval.success.operator import Operator

GRACE_NS = 500_000_000
"""Evidence stamped before the end may come that much after it."""
SLACK_NS = 200_000_000
"""How far messages about an episode's begin and end may lie from them."""
OTHER_CLOCK_NS = 60_000_000_000


@dataclass(frozen=True)
class Rescored:
    """One episode, and the verdict on it now. was: outcome, decided_by and reason then; empty where nothing was said."""

    window: Window
    verdict: Verdict
    was: Mapping[str, str] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether the outcome is another than that of the time."""
        return self.verdict.outcome != self.was.get("outcome", UNDECIDED)

    def to_mapping(self) -> dict[str, Any]:
        """For JSON."""
        verdict = self.verdict
        return {
            "episode": self.window.episode,
            "seed": self.window.seed,
            "outcome": verdict.outcome,
            "decided_by": verdict.decided_by,
            "reason": verdict.reason,
            "evidence": dict(verdict.facts),
            "seconds": None if verdict.at_ns is None else (verdict.at_ns - self.window.start_ns) / 1e9,
            "was": dict(self.was),
        }


def configuration(bag: Path) -> dict[str, Any]:
    """The configuration of the trial that the bag is of; empty where its recorder knew none. Raises BagError, ConfigError."""
    with BagReader(bag) as reader:
        text = reader.custom.get(CONFIGURATION)
    if text is None:
        return {}
    found = parse_yaml(text, f"{bag}: its metadata")
    inner = found.get("configuration", found)
    return dict(inner) if isinstance(inner, Mapping) else {}


def rescore(
    bag: Path,
    panel: Panel,
    *,
    topics: Mapping[str, str] | None = None,
    words: Mapping[int, str] | None = None,
    by_header: bool = True,
    horizon_ns: int = 0,
) -> list[Rescored]:
    """Every episode of the bag that was not voided. Raises BagError.

    horizon_ns: of the task. Of an episode that was stopped before, as it had succeeded by the judges of the time, a failure
    by other judges is not certain.

    topics: input of a judge -> its topic in the bag, where it bears another name. words: episode -> what the operator says
    of it now. by_header: evidence is as old as its stamps say, not its time of recording.
    """
    with BagReader(bag) as reader:
        windows = episode_windows(reader)
        heard = _inputs(reader, panel, topics or {})
        said = {window.told: word for window in windows if (word := (words or {}).get(window.episode)) is not None}
        strangers = sorted(set(words or {}) - {window.episode for window in windows})
        if strangers:
            there = ", ".join(str(window.episode) for window in windows) or "none"
            raise BagError(f"{bag} has no episode {strangers[0]}; it has: {there}")
        return list(_judge(reader, panel, windows, heard, said, by_header, horizon_ns))


def _inputs(reader: BagReader, panel: Panel, topics: Mapping[str, str]) -> dict[str, Input]:
    """Topic in the bag -> the input that it serves. Raises BagError where a needed one is missing or of another type."""
    types: dict[str, list[str]] = {}
    for topic in reader.topics:
        types.setdefault(topic.name, []).append(topic.msgtype)
    stranger = next((name for name in topics if name not in {one.topic for one in panel.inputs}), None)
    if stranger is not None:
        raise BagError(f"no judge listens to {stranger}; they do to {', '.join(one.topic for one in panel.inputs)}")
    heard: dict[str, Input] = {}
    for one in panel.inputs:
        wanted = topics.get(one.topic) or _named(one.topic, types)
        kinds = types.get(wanted or "", [])
        if wanted is not None and any(kind in one.types for kind in kinds):
            heard[wanted] = one
        elif one.topic in panel.required and one.topic != WORD_TOPIC:
            what = f"{wanted} is {', '.join(kinds)}" if kinds else f"no topic {wanted or one.topic}"
            raise BagError(
                f"{reader.path}: {what}; wanted {' or '.join(one.types)} (say which: --topic {one.topic}=/NAME)"
            )
    return heard


def _named(topic: str, types: Mapping[str, list[str]]) -> str | None:
    """The topic of the bag that bears the input's name, in whatever namespace, if it is the only one."""
    if topic.startswith("/"):
        return topic if topic in types else None
    found = [name for name in types if name == f"/{topic}" or name.endswith(f"/{topic}")]
    return found[0] if len(found) == 1 else None


def _judge(
    reader: BagReader,
    panel: Panel,
    windows: list[Window],
    heard: Mapping[str, Input],
    said: Mapping[int, str],
    by_header: bool,
    horizon_ns: int,
) -> Iterator[Rescored]:
    """One pass over the evidence, in the order of its arrival."""
    intake, waiting = Intake(by_header), list(windows)
    running: Window | None = None
    prepared: Window | None = None
    panel.prepare()

    def conclude(window: Window) -> Rescored:
        if window.told in said:
            panel.add(WORD_TOPIC, WordSeen(window.end_ns + 1, said[window.told]))
        verdict = panel.decided() if window.told not in said else None
        verdict = _if_stopped(verdict or panel.verdict(), window, horizon_ns)
        if verdict.outcome == UNDECIDED and (dropped := intake.complaint()):
            verdict = Verdict(UNDECIDED, verdict.decided_by, f"{verdict.reason}; {dropped}", None, verdict.facts)
        panel.prepare()
        intake.reset()
        return Rescored(window, verdict, _was(window))

    for record in reader.records(list(heard)):
        while running is not None or waiting:
            if running is None and prepared is not waiting[0] and waiting[0].scene_ns <= record.log_ns:
                prepared = waiting[0]
                if prepared.prepared_ns is not None:
                    panel.prepare()
            elif running is None and waiting[0].start_ns <= record.log_ns:
                running = waiting.pop(0)
                panel.begin(running.start_ns, running.end_ns)
            elif running is not None and _over(running, waiting, record.log_ns):
                yield conclude(running)
                running = None
            else:
                break
        for seen in _read(reader, intake, record, heard[record.topic], by_header):
            panel.add(heard[record.topic].topic, seen)
    if running is not None:
        yield conclude(running)
    for window in waiting:  # no evidence came after their start
        panel.begin(window.start_ns, window.end_ns)
        yield conclude(window)


def _if_stopped(verdict: Verdict, window: Window, horizon_ns: int) -> Verdict:
    """A failure, unless it is the operator's word, needs the whole horizon."""
    length_ns = window.end_ns - window.start_ns
    if verdict.outcome != FAILURE or verdict.decided_by == Operator.name or length_ns + SLACK_NS >= horizon_ns:
        return verdict
    stopped = f"the episode was stopped after {length_ns / 1e9:.1f} of {horizon_ns / 1e9:.1f} s"
    return Verdict(UNDECIDED, verdict.decided_by, f"{stopped}: {verdict.reason}", None, verdict.facts)


def _over(running: Window, waiting: list[Window], log_ns: int) -> bool:
    """Whether nothing more of an episode can come: the grace is over, or the operator was waited for and the result said."""
    if waiting and log_ns >= waiting[0].scene_ns:
        return True
    return running.result is not None and log_ns > running.end_ns + GRACE_NS and log_ns > _result_ns(running)


def _result_ns(window: Window) -> int:
    stamp = window.result.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def _read(reader: BagReader, intake: Intake, record: Record, one: Input, by_header: bool) -> list[Any]:
    if record.msgtype not in one.types or record.msgtype not in READERS:
        return []
    message = reader.deserialize(record)
    stamp = getattr(getattr(message, "header", None), "stamp", None)
    if by_header and stamp is not None and (stamp.sec or stamp.nanosec):
        off_ns = int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec) - record.log_ns
        if abs(off_ns) > OTHER_CLOCK_NS:
            raise BagError(
                f"{reader.path}: stamps on {record.topic} are {off_ns / 1e9:.0f} s off the time of recording; "
                "give --clock log"
            )
    return intake.read(record.topic, record.msgtype, message, record.log_ns)


def _was(window: Window) -> dict[str, str]:
    """What was said at the time; a bag from before outcomes were told has only success."""
    result = window.result
    if result is None:
        return {}
    outcome = getattr(result, "outcome", "") or ("success" if result.success else "failure")
    return {
        "outcome": outcome,
        "decided_by": getattr(result, "decided_by", ""),
        "reason": getattr(result, "reason", ""),
    }
