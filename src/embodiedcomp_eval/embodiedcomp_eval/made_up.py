"""Made-up policies whose threshold is known: what an interval and a search are tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.threshold import FRACTION

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Shape = Callable[[Floats], Floats]
"""Log of rate over threshold -> success rate over the uncompressed one; reaches FRACTION at 0."""


def logistic(spread: float, lapse: float = 0.0) -> Shape:
    """A sigmoid in log rate that ends ``lapse`` short of the uncompressed success rate."""
    top = 1 - lapse
    return lambda x: top / (1 + np.exp(-(x / spread + np.log(FRACTION / (top - FRACTION)))))


def kink(slope: float) -> Shape:
    """Flat, then falling in a straight line below a kink, as the paper's curves do. slope: per unit of log rate."""
    return lambda x: np.clip(FRACTION + slope * x, 0.0, 1.0)


def step(below: float) -> Shape:
    """A cliff: ``below`` under the threshold, everything above it."""
    return lambda x: np.where(x < 0, below, 1.0)


def plateau() -> Shape:
    """A long shelf at 0.92 to 0.93, just not good enough, before the last rise."""
    return lambda x: np.interp(x, [-2.0, -1.3, -0.17, 0.42], [0.3, 0.92, 0.9356, 0.9856])


SHAPES: dict[str, Shape] = {
    "logistic, spread 0.15": logistic(0.15),
    "logistic, spread 0.30": logistic(0.30),
    "logistic 0.20, lapse 0.02": logistic(0.20, 0.02),
    "kink, slope 0.5": kink(0.5),
    "kink, slope 1.5": kink(1.5),
    "step from 0.4": step(0.4),
    "plateau at 0.93": plateau(),
}


@dataclass(frozen=True)
class World:
    """Policy and scenes. top: uncompressed success rate. luck: how much of an episode's luck its seed has at all rates (0:
    none, seeds are not paired at all; 1: all, an uncompressed failure is then a failure everywhere)."""

    shape: Shape
    threshold: float
    top: float
    luck: float

    def outcomes(self, rates: Floats, seeds: int, generator: np.random.Generator) -> tuple[Bools, Bools]:
        """Success at each rate ``(P, N)`` and uncompressed ``(N,)``."""
        chance = self.top * np.append(self.shape(np.log(rates / self.threshold)), 1.0)
        own = generator.random((len(chance), seeds))
        shared = generator.random((len(chance), seeds)) < self.luck
        success = np.where(shared, generator.random(seeds), own) < chance[:, None]
        return success[:-1], success[-1]
