"""Which quality step the next predicted frame needs: from what the last ones cost, before any is tried."""

from __future__ import annotations

import math

MOTION_WEIGHT = 0.6  # how much of a change in motion, in halvings, is expected to show in the bits
STILL_AIM = 0.7  # of its goal, for a frame that refines a still picture


class LevelForecast:
    """Of one stream. levels: quality steps of the codec. halving: how many of them halve the bits of an inter frame."""

    def __init__(self, levels: int, halving: float) -> None:
        self._levels, self._halving = levels, halving
        self.level = levels // 2
        """The last frame's step."""
        self.bits = 0
        """What the next frame is expected to cost at this step."""
        self._climbed = self._climb_bits = self._reached = 0

    def see(self, level: int, bits: int) -> None:
        """The next frame is expected to be like one of ``bits`` at ``level``."""
        self.level, self.bits = level, bits

    def climb(self, level: int, bits: int, anew: bool) -> None:
        """What refining a still picture cost; ``anew``: this frame was no refinement."""
        if anew:
            self._climbed, self._reached = 0, level
        elif level > self._reached:
            self._climbed, self._climb_bits, self._reached = level - self._reached, bits, level

    def follow(self, goal: float, growth: float, gain: float = 1.0) -> int:
        """The step for ``goal`` bits where motion grew by ``growth`` halvings. gain: of what the last frame missed by."""
        if self.bits <= 0:
            return self.level
        step = gain * self._halving * math.log2(goal / self.bits)
        step -= self._halving * MOTION_WEIGHT * growth
        return min(max(round(self.level + min(max(step, -4 * self._halving), self._halving)), 0), self._levels - 1)

    def refine(self, goal: float, full: bool, stride: float = 0.25) -> int:
        """The step for a still picture: bits buy a finer one once, and the next steps cost what the last ones did, or more.

        full: as much is left over as may be kept. stride: halvings, at most.
        """
        if self.bits <= 0:
            return self.level
        steps = int(STILL_AIM * goal * self._climbed / self._climb_bits) if self._climbed > 0 else 1
        steps = max(steps, int(full))
        return min(self._reached + min(steps, max(1, round(self._halving * stride))), self._levels - 1)
