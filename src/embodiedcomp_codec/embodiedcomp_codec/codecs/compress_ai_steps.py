"""Quality steps of a learned codec: which weights, and how finely the latents are rounded.

Weights trained at one lambda also serve its neighbours: latents times a gain, rounded, and divided again are latents in
steps of 1/gain. A step asks for a lambda, the nearest weights serve it (in ratios), and the gain makes up the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

LEVELS = 64
COARSER, FINER = 3.0, 4.0
"""How far beyond its first and last lambda a codec reaches, as a ratio: gains down to 0.46 and up to 2.6. Farther down,
downsampling serves better."""
EXPONENT = 0.7
"""Gain over lambda, both as ratios. Theory says 0.5 at high rates; here bits grow with lambda to the 0.57 and with gain to
the 0.81 (measured on task frames), so that 0.7 makes two weights meet where they cost the same."""
PUBLISHED_LAMBDAS = (0.0018, 0.0035, 0.0067, 0.0130, 0.0250, 0.0483, 0.0932, 0.1800)
"""Of CompressAI's published weights, by quality 1 to 8, for the mean squared error."""


def step(level: int, lambdas: Sequence[float], levels: int = LEVELS) -> tuple[int, float]:
    """-> (index of the weights, gain) of quality step ``level`` of ``levels``. lambdas: of the weights, ascending."""
    low, high = math.log2(lambdas[0] / COARSER), math.log2(lambdas[-1] * FINER)
    wanted = low + (high - low) * level / (levels - 1)
    index = min(range(len(lambdas)), key=lambda number: abs(math.log2(lambdas[number]) - wanted))
    return index, 2 ** (EXPONENT * (wanted - math.log2(lambdas[index])))


def own_quality(lambdas: Sequence[float]) -> float:
    """The quality in [0, 1] at which the finest weights code without gain."""
    return math.log2(lambdas[-1] / lambdas[0] * COARSER) / math.log2(lambdas[-1] / lambdas[0] * COARSER * FINER)


def known_lambdas(read: Sequence[float | None]) -> tuple[float, ...]:
    """The lambdas of a codec's weights, coarsest first: those read from the files if they ascend, else CompressAI's own."""
    values = [value for value in read if value is not None and 0 < value < math.inf]
    if len(values) == len(read) and values == sorted(set(values)):
        return tuple(values)
    ratio = PUBLISHED_LAMBDAS[1] / PUBLISHED_LAMBDAS[0]
    return tuple(PUBLISHED_LAMBDAS[0] * ratio**number for number in range(len(read)))
