"""Known distortions at rising levels, put between the decoder and a policy: does less picture ever help it? Pure.

A policy that gains from distortion is no instrument for codecs. Levels run from the gentlest to the strongest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from embodiedcomp_codec.frame import downsample, upsample
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import Policy

Image = npt.NDArray[np.uint8]
Kind = Literal["blur", "jpeg", "downsample"]

LEVELS: dict[Kind, tuple[float, ...]] = {
    "blur": (1.0, 2.0, 4.0, 8.0, 16.0),
    "jpeg": (0.3, 0.15, 0.08, 0.03, 0.0),
    "downsample": (6.0, 4.0, 3.0, 2.0, 1.0),
}
"""blur: standard deviation of a Gaussian, px. jpeg: the codec's quality in [0, 1], pictures at full size. downsample: n
of n/8, by area and back by linear interpolation."""
CLEAN = "clean"
"""Name of the condition without any."""
UNITS: dict[Kind, str] = {"blur": "sigma, px", "jpeg": "quality of 0 to 1", "downsample": "n of n/8"}


@dataclass(frozen=True)
class Distortion:
    """One kind at one level of ``LEVELS``."""

    kind: Kind
    level: float

    @property
    def name(self) -> str:
        """For folders and tables, such as ``blur-2``."""
        return f"{self.kind}-{self.level:g}"

    def apply(self, image: Image) -> Image:
        """``(H, W, 3) uint8`` -> the same shape."""
        height, width = image.shape[:2]
        if self.kind == "blur":
            blurred = gaussian_filter1d(image.astype(np.float32), self.level, axis=0, mode="nearest")
            blurred = gaussian_filter1d(blurred, self.level, axis=1, mode="nearest")
            return np.clip(np.rint(blurred), 0, 255).astype(np.uint8)
        if self.kind == "jpeg":
            codec = get_codec("jpeg")
            coded = codec.encoder(width, height, "intra").encode(image, self.level, True)
            return codec.decoder("intra").decode(coded.data, True, width, height)
        return upsample(downsample(image, int(self.level)), int(self.level), width, height)


def conditions(names: Sequence[str] = ()) -> dict[str, Distortion | None]:
    """Name -> distortion (None: clean), from the weakest to the strongest of each kind; those named, or all.

    Raises ValueError for a name that there is not.
    """
    every: dict[str, Distortion | None] = {CLEAN: None}
    for kind, levels in LEVELS.items():
        every |= {found.name: found for found in (Distortion(kind, level) for level in levels)}
    for name in names:
        if name not in every:
            raise ValueError(f"unknown level '{name}'; there are: {', '.join(every)}")
    return {name: found for name, found in every.items() if name in names or not names}


class DistortedView:
    """A ``Policy`` around one that sees distorted pictures; ``seen`` keeps those of the episode, for looking at."""

    def __init__(self, inner: Policy, distortion: Distortion | None) -> None:
        """distortion: None leaves the pictures as they are."""
        self.cameras = inner.cameras
        self._inner, self._distortion = inner, distortion
        self.seen: list[tuple[int, dict[str, Image]]] = []

    def reset(self, seed: int) -> None:
        """Forget the last episode."""
        self.seen = []
        self._inner.reset(seed)

    def act(self, observation: Observation) -> Chunk:
        """What the policy inside answers to the distorted pictures."""
        images = {
            name: image if self._distortion is None else self._distortion.apply(image)
            for name, image in observation.images.items()
        }
        self.seen.append((observation.stamp_ns, images))
        return self._inner.act(Observation(images, observation.state, observation.instruction, observation.stamp_ns))
