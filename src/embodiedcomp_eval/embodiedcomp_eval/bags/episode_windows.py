"""When the episodes of a recorded trial ran, and what was said of them: from the evaluator's own topics in the bag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.reader import BagReader
from embodiedcomp_eval.bags.topics import EPISODE_TYPE

RESULT_TYPE = "embodiedcomp_msgs/msg/TrialResult"
RUN, DONE = 0, 1


@dataclass(frozen=True)
class Window:
    """When an episode ran, on the clock of the recording. told: its number on the topics. prepared_ns: from when on what
    was seen shows its scene, None where nobody said so. result: what was said of it at last, None where the bag ends before.
    """

    told: int
    seed: int
    start_ns: int
    end_ns: int
    prepared_ns: int | None = None
    result: Any = None

    @property
    def scene_ns(self) -> int:
        """When nothing of the episode before can come any more."""
        return self.start_ns if self.prepared_ns is None else self.prepared_ns

    @property
    def episode(self) -> int:
        """Its number in the results."""
        return self.told if self.result is None else int(self.result.episode)

    @property
    def void(self) -> bool:
        """Whether the infrastructure voided the attempt."""
        return self.result is not None and bool(self.result.error)


def episode_windows(reader: BagReader) -> list[Window]:
    """The episodes in their order, voided attempts left out. Raises BagError where the bag doesn't say when they ran."""
    of_type = {kind: [t.name for t in reader.topics if t.msgtype == kind] for kind in (EPISODE_TYPE, RESULT_TYPE)}
    if len(of_type[EPISODE_TYPE]) != 1:
        names = ", ".join(of_type[EPISODE_TYPE]) or "none"
        raise BagError(f"{reader.path}: one topic of {EPISODE_TYPE} must say when episodes ran; found {names}")
    found: list[Window] = []
    open_one: Window | None = None
    quiet: dict[int, int] = {}
    last_ns = 0
    for record in reader.records([*of_type[EPISODE_TYPE], *of_type[RESULT_TYPE]]):
        message, last_ns = reader.deserialize(record), record.log_ns
        if record.msgtype == RESULT_TYPE:
            # The topic is latched: a recorder that came late hears the results of episodes that it did not see.
            if open_one is not None and open_one.seed == message.seed:
                found.append(_closed(open_one, record.log_ns))
                open_one = None
            if found and found[-1].result is None and found[-1].seed == message.seed:
                found[-1] = Window(**{**found[-1].__dict__, "result": message})
        elif message.phase == RUN and (open_one is None or open_one.told != message.episode):
            if open_one is not None:
                found.append(_closed(open_one, record.log_ns))
            told = int(message.episode)
            open_one = Window(told, int(message.seed), record.log_ns, -1, quiet.get(told))
        elif message.phase == DONE and open_one is not None and open_one.told == message.episode:
            found.append(_closed(open_one, record.log_ns))
            open_one = None
        elif message.phase == DONE and open_one is None:
            quiet[int(message.episode)] = record.log_ns
    if open_one is not None:
        found.append(_closed(open_one, last_ns))
    return [window for window in found if not window.void]


def _closed(window: Window, end_ns: int) -> Window:
    return Window(**{**window.__dict__, "end_ns": end_ns})
