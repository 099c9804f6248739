"""Why an episode failed: the first thing that went wrong, told from where tool, fingers and object were. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.expert import finger_angle, goal_of
from embodiedcomp_eval.expert_policy import rotation_of
from embodiedcomp_eval.simulator import Pose
from embodiedcomp_eval.subscriber import Stepped, Subscriber

Vector = npt.NDArray[np.float64]
Kind = Literal[
    "lifted", "still rising", "slipped", "closed without hold", "reached, not closed", "pushed away", "closed beside it",
    "never reached",
]  # fmt: skip
KINDS: dict[Kind, str] = {
    "lifted": "no failure",
    "still rising": "held at the end of the horizon, not yet high enough",
    "slipped": "rose 1 cm or more in the closed fingers, and fell",
    "closed without hold": "fingers closed at the grasp, the object never rose",
    "reached, not closed": "the tool was at the grasp, the fingers never closed there",
    "pushed away": "moved 5 cm or more, or off the table, without the tool ever being at the grasp",
    "closed beside it": "fingers closed, but never at the grasp",
    "never reached": "none of these: the tool was never at the grasp, the fingers stayed open",
}
"""In the order in which they are looked for: a later stage of the task first."""

ACROSS, ABOVE = 0.02, 0.045
"""m: how far from the grasp, horizontally and vertically, the tool is *at* it: the expert closes within these."""
HELD = 0.01
"""m of rise that only a hold gives."""
TOUCH = 0.06
"""rad short of the angle at which the fingers touch the object: closed on it."""
CLOSING = 0.2
"""rad: fingers that are closing, on nothing."""
PUSHED = 0.05
"""m."""


@dataclass(frozen=True)
class Signals:
    """One episode at the end of each control step, all ``(T,)``.

    across, above: m, tool from the object's grasp, horizontally and vertically. finger: rad, measured. touch: rad, the
    finger angle at which the object is touched there. rise: m above where the object lay. moved: m, horizontally from there.
    """

    across: Vector
    above: Vector
    finger: Vector
    touch: Vector
    rise: Vector
    moved: Vector


def failure_kind(signals: Signals, lift_height: float) -> Kind:
    """The kind of the episode; ``lift_height``: m that counts as success. Of no steps: ``never reached``."""
    if not len(signals.rise):
        return "never reached"
    if signals.rise[-1] >= lift_height:
        return "lifted"
    at = (signals.across <= ACROSS) & (np.abs(signals.above) <= ABOVE)
    closed = signals.finger >= signals.touch - TOUCH
    held = at & closed & (signals.rise >= HELD)
    if held.any():
        return "still rising" if held[-1] else "slipped"
    if (at & closed).any():
        return "closed without hold"
    if at.any():
        return "reached, not closed"
    if signals.moved.max() >= PUSHED or signals.rise.min() <= -PUSHED:
        return "pushed away"
    return "closed beside it" if (signals.finger >= CLOSING).any() else "never reached"


class SignalRecorder(Subscriber):
    """Collects ``Signals`` of the running episode, in the simulator's process."""

    def __init__(self, object_pose: Callable[[], Pose], tool_of: Callable[[Vector], Vector]) -> None:
        """tool_of: joint positions ``(J,)`` rad -> tool ``(4,)``: x, y, z m, yaw rad."""
        self._object_pose, self._tool_of = object_pose, tool_of
        self.reset(0, {}, np.zeros(0), 0.0)

    def reset(self, seed: int, scene: dict[str, Any], positions: Vector, height: float) -> None:
        """A new episode."""
        self._kind = str(scene.get("object", ""))
        self._start: Vector | None = self._object_pose().position.copy() if scene else None
        self._rows: list[tuple[float, ...]] = []

    def stepped(self, event: Stepped) -> None:
        assert self._start is not None, "reset comes first"
        pose, tool = self._object_pose(), self._tool_of(event.positions)
        goal = goal_of(self._kind, pose.position, rotation_of(pose.orientation), tool)
        offset, moved = tool[:3] - goal.position, pose.position - self._start
        self._rows.append(
            (
                float(np.hypot(*offset[:2])), float(offset[2]), float(event.positions[-1]),
                finger_angle(goal.half_width), float(moved[2]), float(np.hypot(*moved[:2])),
            )
        )  # fmt: skip

    def signals(self) -> Signals:
        """What happened so far."""
        table = np.array(self._rows, dtype=np.float64).reshape(-1, 6)
        return Signals(*(table[:, column] for column in range(6)))
