"""Policies for tests of the nodes: one moves joint 0 by the brightness of its pictures, one has lost its server, one has bugs."""

from __future__ import annotations

import numpy as np

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import PolicyError


class StillPolicy:
    """Holds every joint but the first, which goes to (base brightness + 2 x wrist brightness) / 1000 rad."""

    cameras = ("base_camera", "wrist_camera")

    def reset(self, seed: int) -> None:
        self.seed = seed

    def act(self, observation: Observation) -> Chunk:
        base, wrist = (float(observation.images[camera].mean()) for camera in self.cameras)
        target = observation.state.copy()
        target[0] = (base + 2 * wrist) / 1000
        times = 100_000_000 * np.arange(1, 13, dtype=np.int64)
        return Chunk(observation.stamp_ns, times, np.tile(target, (12, 1)))


class DownPolicy(StillPolicy):
    def act(self, observation: Observation) -> Chunk:
        raise PolicyError("server ws://nowhere:8000 does not answer")


class BuggyPolicy(StillPolicy):
    def act(self, observation: Observation) -> Chunk:
        brightness = int(observation.images["base_camera"].mean())
        if brightness == 13:
            raise KeyError("data")
        chunk = super().act(observation)
        return Chunk(chunk.stamp_ns, chunk.times_ns, chunk.positions[:, :6]) if brightness == 14 else chunk


def buggy(checkpoint: str | None, server: str | None) -> BuggyPolicy:
    return BuggyPolicy()


def still(checkpoint: str | None, server: str | None) -> StillPolicy:
    return StillPolicy()


def down(checkpoint: str | None, server: str | None) -> DownPolicy:
    return DownPolicy()
