"""Which quality step the next predicted frame needs: from what the last ones cost, before any is tried."""

from __future__ import annotations

import math

MOTION_WEIGHT = 0.6  # how much of a change in motion, in halvings, is expected to show in the bits
LEARNING, MOST_BEYOND = 0.15, 2.0  # share of an error that either frame's place takes; halvings, at most
SLOPE_LEARNING = 0.5  # share of the old slope that one frame's trials replace
STEEPEST = 0.3  # of the first guess of the steps of a halving, at least
LEAST_RISE = 0.2  # halvings from one trial to another, seen or first guessed, that tell a slope
STILL_AIM = 0.7  # of its goal, for a frame that refines a still picture


class LevelForecast:
    """Of one stream. levels: quality steps of the codec. halving: how many of them halve an inter frame's bits, as a first guess.

    rhythm: frames after which the codec repeats a pattern of finer and coarser frames of its own (1: it has none).
    """

    def __init__(self, levels: int, halving: float, rhythm: int = 1) -> None:
        self._levels, self._guess = levels, halving
        self.halving = halving
        """Steps that halve the bits, as far as trials of one frame at several steps have shown; never more than first guessed."""
        self._tones = [0.0] * rhythm
        self._since_key = self._seen_at = 0  # the last frame, and the last one that taught something
        self.level = levels // 2
        """The last frame's step."""
        self.bits = 0
        """What the next frame is expected to cost at this step."""
        self._climbed = self._climb_bits = self._reached = 0

    def see(self, level: int, bits: int) -> None:
        """The next frame is expected to be like one of ``bits`` at ``level``."""
        self.level, self.bits = level, bits

    def beat(self, level: int, bits: int, key: bool, learn: bool) -> None:
        """Take in a frame's place in the pattern, before ``see``: what it cost beyond what the last one let expect.

        learn: whether it shows a picture that goes on like the last one; every frame counts as a beat.
        """
        self._since_key = 0 if key else self._since_key + 1
        if key:
            self._seen_at = 0
        if key or not learn:
            return
        before, self._seen_at = self._seen_at, self._since_key
        if before == 0 or self.bits <= 0:
            return  # after a key frame there was only a guess
        last, this = (number % len(self._tones) for number in (before, self._since_key))
        beyond = math.log2(bits / self.bits) - (level - self.level) / self.halving
        error = min(max(beyond, -MOST_BEYOND), MOST_BEYOND) - (self._tones[this] - self._tones[last])
        self._tones[this] += LEARNING * error
        self._tones[last] -= LEARNING * error

    def compare(self, tried: dict[int, int], goal: float) -> None:
        """Take in what one frame cost at several steps, in bits: the two nearest to ``goal`` tell the slope.

        A slope taken for too flat makes a forecast swing between too dear and too cheap, a trial or a key frame each time.
        """
        if len(tried) < 2:
            return
        nearest = sorted(tried, key=lambda step: abs(math.log2(max(tried[step], 1) / goal)))[:2]
        coarser, finer = min(nearest), max(nearest)
        rise = math.log2(max(tried[finer], 1) / max(tried[coarser], 1))
        if max(rise, (finer - coarser) / self._guess) > LEAST_RISE:
            seen = (finer - coarser) / rise if rise > 0 else self._guess
            self.halving += SLOPE_LEARNING * (min(max(seen, STEEPEST * self._guess), self._guess) - self.halving)

    def renew(self) -> None:
        """Forget the slope: at another size or target it is another."""
        self.halving = self._guess

    def climb(self, level: int, bits: int, anew: bool) -> None:
        """What refining a still picture cost; ``anew``: this frame was no refinement."""
        if anew:
            self._climbed, self._reached = 0, level
        elif level > self._reached:
            self._climbed, self._climb_bits, self._reached = level - self._reached, bits, level

    def follow(self, goal: float, growth: float, gain: float = 1.0, rise: float = 1.0) -> int:
        """The step for ``goal`` bits where motion grew by ``growth`` halvings.

        gain: of what the last frame missed by. rise: halvings, at most, that it is finer than the last one, by the first guess.
        """
        if self.bits <= 0:
            return self.level
        step = gain * self.halving * math.log2(goal / self.bits)
        step -= self.halving * (MOTION_WEIGHT * growth + self._change_of_tone)
        step = min(max(step, -4 * self._guess), rise * self._guess)
        return min(max(round(self.level + step), 0), self._levels - 1)

    @property
    def _change_of_tone(self) -> float:
        """Halvings by which the next frame is dearer than the last that was seen, at the same step, by the pattern alone."""
        if self._seen_at == 0:
            return 0.0
        last, this = (number % len(self._tones) for number in (self._seen_at, self._since_key + 1))
        return self._tones[this] - self._tones[last]

    def refine(self, goal: float, full: bool, stride: float = 0.25) -> int:
        """The step for a still picture: bits buy a finer one once, and the next steps cost what the last ones did, or more.

        full: as much is left over as may be kept. stride: halvings, at most.
        """
        if self.bits <= 0:
            return self.level
        steps = int(STILL_AIM * goal * self._climbed / self._climb_bits) if self._climbed > 0 else 1
        steps = max(steps, int(full))
        most = max(1, round(self._guess * stride))
        if stride >= 1 and steps > 8 * most:
            most *= 2  # the last step cost next to nothing
        return min(self._reached + min(steps, most), self._levels - 1)
