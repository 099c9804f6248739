"""Which quality step costs the bits that a frame may: found by trial encodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """Bits that a frame should cost, and bits that it must not exceed if the codec can help it."""

    bits: float
    limit: float

    def less(self, bits: float) -> Goal:
        """What is left of it after ``bits`` for a header."""
        return Goal(max(self.bits - bits, 1.0), max(self.limit - bits, 1.0))


@dataclass(frozen=True)
class Tolerance:
    """Where a search may stop: bits between ``low`` and ``high`` times the goal, or after ``trials`` encodes.

    Where all of those were too dear it tries the coarsest step; before that, where the cheapest was so by a halving at most, one
    that should lie ``retreat`` halvings below the limit.
    """

    low: float
    high: float
    trials: int
    retreat: float = math.inf


def search(
    bits_at: Callable[[int], int], levels: int, start: int, halving: float, goal: Goal, tolerance: Tolerance
) -> int:
    """Return the quality step in 0 … ``levels`` - 1 whose bits, of all that were tried within the limit, are nearest.

    Of equals it is the finest. ``bits_at`` encodes at a step and returns its bits, which grow with the step (nearly
    always). ``start`` is the first guess; ``halving`` how many steps halve the bits. Where nothing is within the limit
    it is the cheapest step tried, the coarsest among them.
    """
    tried: dict[int, int] = {}
    target, most = goal.bits, min(goal.limit, tolerance.high * goal.bits)
    low, high = -1, levels  # the last step known to be affordable, the first known to be too dear
    level = min(max(start, 0), levels - 1)
    while len(tried) < tolerance.trials and level not in tried:
        bits = tried[level] = bits_at(level)
        if tolerance.low * target <= bits <= most:
            return level
        if bits > most:
            high = min(high, level)
        else:
            low = max(low, level)
        if high - low <= 1:
            break
        level = _next_level(tried, low, high, levels, halving, target)
    cheapest = min(tried, key=lambda step: (tried[step], step))
    beyond = math.log2(max(tried[cheapest], 1) / most)
    if 0 < beyond <= 1 and tolerance.retreat < math.inf and cheapest > 0:
        level = max(cheapest - max(round(halving * (beyond + tolerance.retreat)), 1), 0)
        if level not in tried:
            tried[level] = bits_at(level)
    if min(tried.values()) > most and 0 not in tried:
        tried[0] = bits_at(0)
    affordable = [step for step, bits in tried.items() if bits <= most]
    if affordable:
        return min(affordable, key=lambda step: (abs(math.log2(max(tried[step], 1) / target)), -step))
    return min(tried, key=lambda step: (tried[step], step))


def _next_level(tried: dict[int, int], low: int, high: int, levels: int, halving: float, target: float) -> int:
    """Interpolate log bits between the bracket's ends, or extrapolate with the slope, strictly inside the bracket."""
    if low in tried and high in tried:
        span = math.log2(tried[high] / tried[low]) if tried[high] > tried[low] else 1.0
        share = math.log2(max(target / tried[low], 1.0)) / span
        # Never closer to an end than a quarter: bits over steps have flats and cliffs, and the bracket must shrink.
        guess = low + (high - low) * min(max(share, 0.25), 0.75)
    elif low in tried:
        guess = low + max(halving * math.log2(max(target / tried[low], 1.0)), 1.0) * len(tried)
    else:
        guess = high - max(halving * math.log2(max(tried[high] / target, 1.0)), 1.0) * len(tried)
    return min(max(round(guess), low + 1, 0), high - 1, levels - 1)
