"""Lets a policy that needs ground truth (the scripted expert) see the simulator: in process only, never a benchmark."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.simulator import Pose, Simulator
from embodiedcomp_eval.subscriber import Subscriber
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation


class SeeingPolicy(Protocol):
    """A policy that is told what lies where before each ``act``."""

    def see(self, kind: str, pose: Pose) -> None: ...

    def reset(self, seed: int) -> None: ...

    def act(self, observation: Observation) -> Chunk: ...


class SceneNote(Subscriber):
    """Notes which object each episode drew."""

    kind = ""

    def reset(self, seed: int, scene: dict[str, Any], positions: npt.NDArray[np.float64], height: float) -> None:
        self.kind = str(scene["object"])


class Informed:
    """A ``Policy`` around one with ``see``; ``note`` must subscribe to the loop."""

    def __init__(self, policy: SeeingPolicy, simulator: Simulator) -> None:
        self.cameras = tuple(simulator.cameras)
        self.note = SceneNote()
        self._policy, self._simulator = policy, simulator

    def reset(self, seed: int) -> None:
        """Forget the last episode."""
        self._policy.reset(seed)

    def act(self, observation: Observation) -> Chunk:
        """Tell the truth, then ask."""
        self._policy.see(self.note.kind, self._simulator.object_pose())
        return self._policy.act(observation)
