"""What a policy sees: decoded images, joint and gripper state, the instruction, and when they were true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Observation:
    """One instant, as the policy node assembled it.

    images: camera name -> ``(H, W, 3) uint8`` RGB, all of the same stamp.
    state: ``(J,) float64``, measured joint positions in the robot's joint order, rad; the gripper's joint is last.
    instruction: plain text, e.g. "Pick up the object".
    stamp_ns: the source stamp of the images, ns of the robot's clock.
    """

    images: Mapping[str, npt.NDArray[np.uint8]]
    state: npt.NDArray[np.float64]
    instruction: str
    stamp_ns: int
