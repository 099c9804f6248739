"""What the cameras of the benchmark see: frames of whole episodes of the scripted expert, at every step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.assembly import make_loop
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.subscriber import FrameSent, Subscriber
from embodiedcomp_eval.trial_config import TrialConfig

Image = npt.NDArray[np.uint8]
DEVELOPMENT = range(10_000, 11_000)


class _Keeper(Subscriber):
    def __init__(self) -> None:
        self.frames: dict[str, list[Image]] = defaultdict(list)

    def reset(self, seed: int, scene: dict[str, Any], positions: npt.NDArray[np.float64], height: float) -> None:
        self.frames.clear()

    def sent(self, event: FrameSent) -> None:
        if event.image is not None:
            self.frames[event.camera].append(event.image.copy())


def record_episodes(seeds: Sequence[int]) -> list[dict[str, list[Image]]]:
    """Run each seed once, uncompressed, and return its frames ``(H, W, 3)`` by camera, one a control step.

    Raises ConfigError for a seed outside the development seeds. A codec that needs torch must have been made before: torch is
    imported before the first renderer.
    """
    outside = [seed for seed in seeds if seed not in DEVELOPMENT]
    if outside or not seeds:
        raise ConfigError(
            f"seeds {list(seeds)} are no development seeds; choose from {DEVELOPMENT[0]} to {DEVELOPMENT[-1]}"
        )
    config = TrialConfig(policy="expert", codec="none", send="every_step", transport="inprocess", seed=seeds[0])
    task = config.validate()
    keeper = _Keeper()
    loop, _ = make_loop(config, task, [keeper])
    episodes = []
    try:
        for seed in seeds:
            loop.run(seed)
            episodes.append(dict(keeper.frames))
    finally:
        loop.close()
    return episodes
