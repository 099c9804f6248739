"""The cheap metrics of one episode: PSNR and MS-SSIM of what was decoded, and the policy's action error because of it.

Action error: at each query a second copy of the policy answers the same instant from the source pictures; the two chunks'
arm joints are compared. It never drives the arm, so the episode is what it would have been without it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.distortion import ms_ssim, mse, psnr
from embodiedcomp_eval.subscriber import FrameReceived, FrameSent, Subscriber
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import Policy

Image = npt.NDArray[np.uint8]
PSNR_CAP = 100.0
"""dB given to a picture without any error, so that means stay finite."""


class QualityMeter(Subscriber):
    """Subscribe it to the loop, and put ``watch(policy)`` in the policy's place."""

    def __init__(self, shadow: Policy) -> None:
        """shadow: another instance of the very policy that drives the arm."""
        self._shadow = shadow
        self._clear()

    def _clear(self) -> None:
        self._sources: dict[str, tuple[int, Image]] = {}
        self._psnr: list[float] = []
        self._ms_ssim: list[float] = []
        self._errors: list[float] = []

    def reset(self, seed: int, scene: dict[str, Any], positions: npt.NDArray[np.float64], height: float) -> None:
        """Forget the last episode."""
        self._clear()
        self._shadow.reset(seed)

    def sent(self, event: FrameSent) -> None:
        if event.image is not None:
            self._sources[event.camera] = (event.stamp_ns, event.image)

    def received(self, event: FrameReceived) -> None:
        stamp_ns, source = self._sources.get(event.camera, (-1, None))
        if source is not None and event.image is not None and stamp_ns == event.stamp_ns:
            self._psnr.append(min(psnr(mse(event.image, source)), PSNR_CAP))
            self._ms_ssim.append(ms_ssim(event.image, source))

    def watch(self, policy: Policy) -> Policy:
        """The policy, with each answer compared to the shadow's."""
        return _Watched(policy, self)

    def compare(self, observation: Observation, chunk: Chunk) -> None:
        """Let the shadow answer the same instant from the source pictures."""
        sources = {name: self._sources[name][1] for name in observation.images}
        clean = self._shadow.act(Observation(sources, observation.state, observation.instruction, observation.stamp_ns))
        rows = min(len(clean.positions), len(chunk.positions))
        difference = np.abs(clean.positions[:rows, :-1] - chunk.positions[:rows, :-1])
        self._errors.append(float(difference.mean()))

    def result(self) -> dict[str, float | None]:
        """psnr: mean, dB. ms_ssim: mean. action_error: mean absolute difference of the arm's joint targets, rad."""
        return {"psnr": _mean(self._psnr), "ms_ssim": _mean(self._ms_ssim), "action_error": _mean(self._errors)}


class _Watched:
    def __init__(self, policy: Policy, meter: QualityMeter) -> None:
        self.cameras = policy.cameras
        self._policy, self._meter = policy, meter

    def reset(self, seed: int) -> None:
        self._policy.reset(seed)

    def act(self, observation: Observation) -> Chunk:
        chunk = self._policy.act(observation)
        self._meter.compare(observation, chunk)
        return chunk


def _mean(values: list[float]) -> float | None:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else None
