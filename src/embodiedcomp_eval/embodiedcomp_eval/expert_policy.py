"""The expert as a policy: it reads the object's pose from the simulator, so it is for tests and demonstrations only."""

from __future__ import annotations

import numpy as np

from embodiedcomp_eval.expert import GRASPS, plan
from embodiedcomp_eval.simulator import Pose
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import PolicyError
from embodiedcomp_policy.registry import make_arm
from embodiedcomp_policy.robot import load_robot
from embodiedcomp_policy.vertical import joints_of, tool_of

HORIZON = 12
"""Poses in a chunk, 100 ms apart."""
PERIOD_NS = 100_000_000


def rotation_of(quaternion: np.ndarray) -> np.ndarray:
    """Quaternion ``(4,)`` (w, x, y, z) -> rotation matrix ``(3, 3)``."""
    w, x, y, z = (float(v) for v in quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


class ExpertPolicy:
    """``Policy`` on ground truth: call ``see`` before each ``act``."""

    cameras: tuple[str, ...] = ()
    privileged = True

    def __init__(self, robot: str = "ur5e") -> None:
        self._arm = make_arm(load_robot(robot))
        self._kind: str | None = None
        self._pose: Pose | None = None

    def reset(self, seed: int) -> None:
        self._kind = self._pose = None

    def see(self, kind: str, pose: Pose) -> None:
        """Ground truth: the kind of object and where it is now, base frame. Raises PolicyError for an unknown kind."""
        if kind not in GRASPS:
            raise PolicyError(f"the expert knows no object '{kind}'; it knows: {', '.join(GRASPS)}")
        self._kind, self._pose = kind, pose

    def act(self, observation: Observation) -> Chunk:
        if self._kind is None or self._pose is None:
            raise PolicyError("the expert acts on ground truth: tell it where the object is with see() first")
        arm_state = observation.state[:-1]
        poses = plan(
            self._kind,
            self._pose.position,
            rotation_of(self._pose.orientation),
            tool_of(self._arm, arm_state),
            float(observation.state[-1]),
            HORIZON,
        )
        times = np.arange(1, HORIZON + 1, dtype=np.int64) * PERIOD_NS
        return Chunk(observation.stamp_ns, times, joints_of(self._arm, arm_state, poses))


def make(checkpoint: str | None = None, server: str | None = None) -> ExpertPolicy:
    """The entry point's factory. Raises PolicyError: the expert has neither weights nor a server."""
    if checkpoint or server:
        raise PolicyError("the expert policy takes neither a checkpoint nor a server: it reads ground truth")
    return ExpertPolicy()
