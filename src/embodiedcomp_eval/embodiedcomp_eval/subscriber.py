"""Who wants to know what happens in an episode: recorders subscribe, the loop does not record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class FrameSent:
    """One frame of one camera left its encoder. seconds: wall time of encoding. image: the frame, where it is at hand."""

    camera: str
    stamp_ns: int
    packet: bytes
    key: bool
    at_floor: bool
    at_ceiling: bool
    seconds: float
    image: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class FrameReceived:
    """A frame came out of its decoder, or was lost on the way. seconds: wall time of decoding. age: s since its stamp."""

    camera: str
    stamp_ns: int
    lost: bool
    seconds: float
    image: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Answered:
    """The policy answered the observation of that stamp. seconds: wall time. frame_age: s from the source to the policy."""

    stamp_ns: int
    seconds: float
    frame_age: float


@dataclass(frozen=True)
class ChunkRefused:
    """The guard let nothing of the chunk for the observation of that stamp through; the arm holds. reason: one line."""

    stamp_ns: int
    reason: str


@dataclass(frozen=True)
class Stepped:
    """One control step ended. step: steps done so far, from 1. target, positions: ``(J,)`` rad. height: m, the object's."""

    step: int
    target: npt.NDArray[np.float64]
    positions: npt.NDArray[np.float64]
    height: float


class Subscriber:
    """Does nothing; override what interests you. Called in the order in which things happen."""

    def reset(self, seed: int, scene: dict[str, Any], positions: npt.NDArray[np.float64], height: float) -> None:
        """A new episode: scene as drawn, joint positions ``(J,)`` rad and object height (m) at step 0."""

    def sent(self, event: FrameSent) -> None: ...

    def received(self, event: FrameReceived) -> None: ...

    def answered(self, event: Answered) -> None: ...

    def refused(self, event: ChunkRefused) -> None: ...

    def stepped(self, event: Stepped) -> None: ...
