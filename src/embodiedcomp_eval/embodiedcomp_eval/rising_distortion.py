"""Does a policy ever do better with a stronger distortion? Paired seeds, exact tests, corrected for their number. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from embodiedcomp_eval.statistics import holm

Outcomes = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Step:
    """A stronger level against a weaker one. gained, lost: seeds that only the stronger, only the weaker level lifted.

    p: of the one-sided exact McNemar test that the stronger level succeeds more often. p_holm: corrected for all steps
    of its kind.
    """

    weaker: str
    stronger: str
    gained: int
    lost: int
    p: float
    p_holm: float


def steps_up(names: Sequence[str], outcomes: Sequence[Outcomes]) -> list[Step]:
    """Every pair of levels, which come from the weakest (no distortion) to the strongest, each over the same seeds.

    Raises ValueError where they are not.
    """
    if len(names) != len(outcomes) or len({found.shape for found in outcomes}) > 1:
        raise ValueError("every level needs a name and the same seeds")
    pairs = [(weak, strong) for strong in range(len(names)) for weak in range(strong)]
    counts = [(int((outcomes[s] & ~outcomes[w]).sum()), int((outcomes[w] & ~outcomes[s]).sum())) for w, s in pairs]
    raw = [
        float(binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue) if gained + lost else 1.0
        for gained, lost in counts
    ]
    return [
        Step(names[w], names[s], *count, p, corrected)
        for (w, s), count, p, corrected in zip(pairs, counts, raw, holm(raw), strict=True)
    ]
