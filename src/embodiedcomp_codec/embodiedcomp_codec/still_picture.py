"""A picture that stands, at camera pace: when it is begun anew, and when it may become finer.

Bits buy a finer picture once and nothing afterwards. So once a picture stands, and there is credit for it, one dear key frame
at the size that its bits serve begins a group; from there it climbs to the codec's ceiling, a step at a time, as credit allows.
"""

from __future__ import annotations

from embodiedcomp_codec.motion import Motion
from embodiedcomp_codec.rate_control import MAX_CATCH_UP, Budget

SHARE = 0.6  # of the allowance: where a frame that changes nothing costs more, there is nothing to climb with
WINDOWS = 2  # for so long a picture stands before it is begun anew, larger, though all its bits are used
MARGIN = 1.5  # a step is tried when there is room for so many of the dearest of late
FADE = 0.7  # how fast that is forgotten
ENOUGH = 0.4  # windows, or when there is that much room: hardly more can be had
STOOD, RESUMED = 3, 0.95  # frames: then it has stood; what a frame of the window after that should cost, in allowances
AGAIN = (1, 2, 4, 8)  # least steps, tried in turn where one was too dear: what a step costs hardly grows with it


class StillPicture:
    """Of one inter stream with ``levels`` quality steps."""

    def __init__(self, levels: int) -> None:
        self._levels = levels
        self._moved = True
        self.shares = False
        """Whether what it leaves serves other cameras: then nothing is bought with it."""
        self.restarting = False
        """Whether the frame at hand begins it anew."""
        self._stood = 0
        self._resumed: int | None = None
        self._failures = 0
        self._since_key = 0
        self._dearest = 0.0
        self.level = levels // 3
        """The finest step since it came to stand."""
        self.sent = self.level
        """The last frame's step: coarser where a finer one could be neither tried nor had."""
        self._changed = False
        self._unchanged = [0]
        self.climbs = False
        """Whether finer steps are tried in a second encoder that it got while its group was short."""

    def most(self, budget: Budget) -> float:
        """Allowances that a frame may be meant to cost: in the first window of motion no catching up, or its end is starved."""
        resumed = not budget.sparse and self._resumed is not None and self._resumed < budget.window_frames
        return RESUMED if resumed else MAX_CATCH_UP

    def begin(self, budget: Budget, stands: bool) -> None:
        """Open a frame. stands: whether it shows a picture that does, and may be coded as it likes.

        A picture is begun anew once each time that it comes to stand, and no key frame lies in the two windows before.
        """
        due = budget.full or self._stood > WINDOWS * budget.window_frames
        rested = self._since_key >= WINDOWS * budget.window_frames - 1 and not budget.owing
        self.restarting = stands and self._moved and due and rested and not self.shares

    def renew(self) -> None:
        """Begin anew what stands when that is next possible: the target is another one."""
        self._moved, self._failures, self._dearest = True, 0, 0.0

    def may_climb(self, budget: Budget) -> bool:
        """Whether it may become finer with this frame."""
        rested = budget.full and not budget.owing and self.standing <= SHARE * budget.allowance
        room = budget.burst().limit >= min(MARGIN * self._dearest, ENOUGH * budget.window_frames * budget.usual)
        return rested and room and not self.shares and self._failures <= len(AGAIN) and self.level < self._levels - 1

    def rests(self, budget: Budget, level: int) -> bool:
        """Whether a frame coded at ``level`` makes it no finer, though all that may be kept is left over."""
        return budget.full and not budget.owing and level <= self.level

    def next_level(self, expected: int) -> int:
        """The step to try, where ``expected`` is what the last steps' costs suggest."""
        least = max(self._levels // 64, 1)
        steps = least * AGAIN[self._failures - 1] if self._failures else max(expected - self.level, least)
        return min(self.level + steps, self._levels - 1)

    def tried(self, level: int, bits: int, limit: float) -> bool:
        """Whether ``level`` can be had for ``bits``."""
        succeeded = bits <= limit
        if level > self.level:
            self._failures = 0 if succeeded else self._failures + 1
        self._dearest = max(bits, FADE * self._dearest)
        return succeeded

    def unsteady(self, budget: Budget) -> bool:
        """Whether it can't be known what a frame at its own step costs now."""
        return self._changed or self.level > self.sent or max(self._unchanged) > SHARE * budget.allowance

    def see(self, motion: Motion, level: int, bits: int, key: bool, climbs: bool) -> None:
        """Take in the frame as it was coded. climbs: whether finer steps may be tried from now on, in a second encoder."""
        self._since_key = 0 if key else self._since_key + 1
        if self.restarting or (climbs and not self.climbs):
            self._moved, self._failures = False, 0
        elif key or motion.moving:
            self._moved = True
        self.climbs = climbs or (self.climbs and not key and not motion.moving)
        self._resumed = 0 if self._stood >= STOOD else None if self._resumed is None else self._resumed + 1
        self._stood = self._stood + 1 if motion.still else 0
        # What was made finer may have something to add in the next frame; some codecs pay for standing again and again.
        anew = key or self._stood < 2
        self._changed = level != self.level if anew else level > self.level
        if self._stood < 2:
            self._unchanged = [bits]
        elif self._changed:
            self._unchanged = [self.standing]
        else:
            self._unchanged = [*self._unchanged[-1:], bits]
        # A coarser frame takes nothing away.
        self.sent = level
        self.level = level if anew else max(level, self.level)

    @property
    def standing(self) -> int:
        """bits of a frame that changes nothing: the lesser of the last two."""
        return min(self._unchanged)
