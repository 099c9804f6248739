"""How far a policy's answer to decoded pictures lies from its answer to the original ones. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.robot import Robot
from embodiedcomp_policy.trajectory import resample


@dataclass(frozen=True)
class ActionError:
    """Over the targets of one chunk. arm_rms, arm_max: rad, over time and arm joints. gripper: mean, its joint's unit."""

    arm_rms: float
    arm_max: float
    gripper: float


def action_error(original: Chunk, other: Chunk, robot: Robot) -> ActionError:
    """Compare at the original's instants, as far as the other chunk reaches."""
    shared = original.times_ns <= other.times_ns[-1]
    shared[0] = True
    times = original.times_ns[shared]
    difference = np.abs(original.positions[shared] - resample(other.times_ns, other.positions, times))
    arm = difference[:, robot.arm]
    gripper = 0.0 if robot.gripper is None else float(difference[:, robot.gripper].mean())
    return ActionError(float(np.sqrt(np.mean(arm**2))), float(arm.max()), gripper)
