"""What a policy answers: a chunk of timed joint targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Chunk:
    """Timed joint targets that carry the stamp of the observation they answer.

    stamp_ns: stamp of the observation, ns of the robot's clock.
    times_ns: ``(T,) int64``, strictly increasing, > 0: when each target is due, ns after ``stamp_ns`` (whole
        nanoseconds, as a message carries them, so that both transports compute with the same numbers).
    positions: ``(T, J) float64``, absolute joint positions, rad, in the robot's joint order; the gripper's joint is last.
    """

    stamp_ns: int
    times_ns: npt.NDArray[np.int64]
    positions: npt.NDArray[np.float64]
