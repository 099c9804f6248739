"""Which rate point and which quality step a frame coded alone gets: found by trial encodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from embodiedcomp_codec.codec import Image
from embodiedcomp_codec.frame import downsample
from embodiedcomp_codec.quality_search import Goal, Tolerance, search
from embodiedcomp_codec.trial_encodes import Trial

CLIFF = 1.25  # times the bits of the next coarser step: frames can't be averaged over it, so a smaller picture is tried


@dataclass(frozen=True)
class KeySearch:
    """How a quality step is looked for: among ``levels``, from ``start``, where ``halving`` of them halve the bits.

    code: codes a downsampled picture ``(H, W, 3) uint8`` at n eighths and a step. cliffs: whether a picture that falls short
    of its goal, because the next step is far dearer, is also tried smaller.
    """

    code: Callable[[Image, int, int], Trial]
    levels: int
    start: int
    halving: float
    tolerance: Tolerance
    cliffs: bool


def choose(image: Image, sizes: Iterable[tuple[int, Goal]], how: KeySearch) -> Trial:
    """The largest of ``sizes`` (in eighths, with what each may cost) whose floor is not too dear, or else the smallest."""
    affordable: list[Trial] = []
    for n, goal in sizes:
        trial, step = _at(downsample(image, n), n, goal, how)
        if trial.bits > how.tolerance.high * goal.bits:
            continue
        affordable.append(trial)
        fits = not how.cliffs or trial.bits >= how.tolerance.low * goal.bits
        if fits or step < CLIFF:
            break
    return max(affordable, key=lambda each: each.bits, default=trial)


def _at(small: Image, n: int, goal: Goal, how: KeySearch) -> tuple[Trial, float]:
    """One size, and what the next finer step costs, times its bits; 1 if unknown."""
    trials: dict[int, Trial] = {}

    def bits_at(level: int) -> int:
        trials[level] = how.code(small, n, level)
        return trials[level].bits

    level = search(bits_at, how.levels, how.start, how.halving, goal, how.tolerance)
    finer = min((each for each in trials if each > level), default=level)
    ratio = trials[finer].bits / trials[level].bits
    return trials[level], ratio ** (1 / max(finer - level, 1))
