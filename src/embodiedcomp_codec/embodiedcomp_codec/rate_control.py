"""Rate control: how many bits each frame may cost. Which quality step costs that many, ``quality_search.py`` finds out.

Time is the frames' own stamps and bits are the packets' own sizes, so that the same frames always give the same decisions.
``Budget`` is a token bucket: it grants each frame an allowance, remembers what was spent, and turns both into a goal. Why
this design: see ``docs/decisions/0021-rate-control.md``.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median_low

from embodiedcomp_codec.quality_search import Goal

MAX_BPP = 24.0
DEFAULT_PERIOD = 0.1  # s, until two stamps are known
PACE_GAPS = 9  # between stamps, whose median is the pace: a pause or a frame that is missing is not another pace
MAX_GAP = 2.0  # periods that a frame's allowance is worth, at most; what a longer gap is worth is left over
MIN_WINDOW_FRAMES = 4  # a key frame can't be repaid within less
KEY_SHARE = 0.4  # of one window's bits, at most, for a key frame beyond its own allowance
THRIFTY_KEY_SHARE = 0.2  # the same near a codec's floor: frames can hardly become cheaper to repay it
PAIR_EXCESS = 0.07  # of two windows, at most, for a second key frame in them beyond its own allowance
STILL_KEY_SHARE = 0.4  # the same for a picture that stands: the frames that repay it have little to say
SPARSE_KEY_SHARE = 0.19  # the same with one frame a query: then frames after it cost nearly as much as it does
MAX_CATCH_UP = 1.4  # a frame's goal, at most, in allowances
MIN_GOAL = 0.35  # a frame's goal, at least, in allowances
MIN_ROOM = 0.15  # the same where its window is spent already
GAIN, SPARSE_GAIN = 0.35, 0.8  # share of what is left over, or owed, that the next inter frame makes up for
WINDOW_LIMIT = 1.06  # of a window's bits may be spent in any window; the promise is 1.1
OWING_WINDOW_LIMIT = 1.02  # the same while a key frame is repaid, whose own excess comes on top
FRAME_LIMIT = 1.8  # of its goal may be spent by any one frame
CREDIT_LIMIT = 0.5  # of what is left over may be spent by any one frame beyond its allowance
BURST_LEAVES = 0.25  # of a window, untouched by a frame that refines a still picture: the next may begin to move
CREDIT_WINDOWS, SPARSE_CREDIT_WINDOWS = 0.6, 0.5  # unspent bits that may be kept, in windows


@dataclass(frozen=True)
class Target:
    """What is asked of a stream: bits per source pixel of each frame, or bit/s; both NaN = the codec's finest quality."""

    bpp: float = math.nan
    bitrate: float = math.nan

    @property
    def unlimited(self) -> bool:
        """Whether neither is set."""
        return math.isnan(self.bpp) and math.isnan(self.bitrate)

    def problem(self) -> str | None:
        """One line on what is impossible about it, or None."""
        if not math.isnan(self.bpp) and not math.isnan(self.bitrate):
            return f"target_bpp {self.bpp:g} and target_bitrate {self.bitrate:g} are both set; set one"
        if not math.isnan(self.bpp) and not 0 < self.bpp <= MAX_BPP:
            return f"target_bpp {self.bpp:g} is impossible; choose more than 0 and at most {MAX_BPP:g} bits per pixel"
        if not math.isnan(self.bitrate) and not 0 < self.bitrate < math.inf:
            return f"target_bitrate {self.bitrate:g} is impossible; choose a finite number of bit/s above 0"
        return None


class Budget:
    """A token bucket over one stream's stamps.

    Where frames come unevenly, a bit rate is kept over stamp time, and bits per pixel over frames.
    A key frame of an inter stream may cost more than its allowance; the excess is repaid in equal instalments over the
    frames of two windows, or of one where frames are sparse; that of a second one, within a window, together with the first's.
    Everything else over or under the allowance is carried to the next frames.
    """

    def __init__(self, target: Target, window: float, frame_period: float, intra: bool) -> None:
        self._target = target
        self._window = window
        self._intra = intra
        self._last_stamp: int | None = None
        self._period = frame_period if frame_period > 0 else DEFAULT_PERIOD
        self._gaps: deque[float] = deque(maxlen=PACE_GAPS)
        self._balance = 0.0
        self._debts: list[tuple[float, float]] = []
        self._key_windows = 0.0  # frames that are left of the two windows from a key frame
        self._recent: list[tuple[float, float]] = []
        self._allowance = self._usual = 0.0
        self.expired = 0.0
        """Windows of bits that the last frame left over, that may not be kept, and that nothing had to be repaid with."""
        self._span = self._usual_span = 1.0  # s where a bit rate is asked for, else frames

    def retarget(self, target: Target) -> None:
        """Follow another target from the next frame on; what an old target left over is forgotten."""
        self._target = target
        self._balance = self._key_windows = 0.0
        self._debts, self._recent = [], []

    def share(self, target: Target) -> None:
        """Follow another share of a common budget: what was left over or owed under the old one stays so."""
        self._target = target

    def grant(self, stamp_ns: int, pixels: int) -> float:
        """Open the account of the frame at ``stamp_ns`` with ``pixels`` source pixels; return its allowance in bits."""
        elapsed = self._period if self._last_stamp is None else (stamp_ns - self._last_stamp) * 1e-9
        if self._last_stamp is not None and elapsed > 0:
            self._gaps.append(elapsed)
            self._period = median_low(self._gaps)
        self._last_stamp = stamp_ns
        # A clock that stands or jumps back (a bag that loops) says nothing about time: use the usual period.
        credited = min(elapsed if elapsed > 0 else self._period, self._window)
        if math.isnan(self._target.bitrate):
            self._allowance = self._usual = self._target.bpp * pixels
            self._span = self._usual_span = 1.0
        else:
            usual = min(self._period, self._window)
            self._usual = self._target.bitrate * usual
            self._span, self._usual_span = credited, usual
            self._allowance = self._target.bitrate * min(credited, MAX_GAP * usual)
            self._balance += self._target.bitrate * max(credited - MAX_GAP * usual, 0.0)
        return self._allowance

    def bitrate(self, pixels: int) -> float:
        """The target in bit/s for frames of ``pixels`` at the present pace; NaN without a target."""
        return self._target.bpp * pixels / self._period if math.isnan(self._target.bitrate) else self._target.bitrate

    @property
    def period(self) -> float:
        """s from frame to frame at the present pace."""
        return self._period

    @property
    def window_frames(self) -> int:
        """Frames in one window at the present pace."""
        return max(MIN_WINDOW_FRAMES, round(self._window / self._period))

    @property
    def sparse(self) -> bool:
        """Whether frames come so seldom that no window can be judged alone, as with one frame per query."""
        return self._window / self._period < MIN_WINDOW_FRAMES

    def goal(self, most: float = MAX_CATCH_UP) -> Goal:
        """What the open frame should cost, unless it is a key frame of an inter stream. most: allowances, at most."""
        allowance = self._allowance
        if self._intra:
            return Goal(max(MIN_GOAL * allowance, allowance + self._balance), math.inf)
        balance = min(self._balance, 0.0) if self._squeezed else self._balance
        wanted = allowance - self._instalment + (SPARSE_GAIN if self.sparse else GAIN) * balance
        bits = min(max(wanted, MIN_GOAL * allowance), most * allowance)
        bits = max(bits + self._planned, MIN_GOAL * allowance)
        if self.sparse:
            return Goal(bits, FRAME_LIMIT * bits)
        room = max(self.room, MIN_ROOM * self._usual)
        credit = CREDIT_LIMIT * max(balance, 0.0) if most >= MAX_CATCH_UP else 0.0
        return Goal(min(bits, room), min(room, max(FRAME_LIMIT * bits, allowance + self._planned + credit)))

    def burst(self) -> Goal:
        """What the open frame may cost at once of all that is left over, where the next ones will have nothing to say."""
        room = max(self.room - BURST_LEAVES * self._window_bits, 1.0)
        return Goal(min(room, max(self._allowance + self._balance, 1.0)), room)

    def key_goal(self, thrifty: bool = False, second: bool = False) -> Goal:
        """What the open frame may cost as a key frame of an inter stream. thrifty: where little can be saved after it.

        second: where it comes late in the two windows of another, what these can bear, as they see little of it repaid.
        """
        if self._intra:
            return self.goal()
        owed = sum(amount * left for amount, left in self._debts) - min(self._balance, 0.0)
        share = SPARSE_KEY_SHARE if self.sparse else THRIFTY_KEY_SHARE if thrifty else KEY_SHARE
        gap = self._allowance - self._usual
        bits = max(self._allowance, self._usual * (1 + share * self.window_frames) + gap - owed)
        if second and not self.sparse and 0 < self._key_windows < self.window_frames:
            unseen = 1 - max(self._key_windows - 1, 0.0) / (2 * self.window_frames - 1)
            bits = min(bits, self._allowance + PAIR_EXCESS * 2 * self._window_bits / unseen)
        return Goal(bits, bits)

    def still_key_goal(self, standing: float) -> Goal:
        """The same for a picture that stands, where the frames after it cost ``standing`` bits each."""
        free = 1 - standing / self._usual if self._usual else 0.0
        share = min(STILL_KEY_SHARE, 2 * free - 0.2)
        bits = self._usual * (1 + share * self.window_frames) + min(self._balance, 0.0)
        return Goal(max(bits, self.key_goal().bits), max(bits, self.key_goal().bits))

    def spend(self, bits: float, key: bool) -> None:
        """Close the open frame's account with what it really cost."""
        planned = 0.0 if key else self._planned
        excess = bits - (self._allowance + planned - self._instalment)
        self._debts = [(amount, left - self._frames) for amount, left in self._debts if left > self._frames]
        self._key_windows = max(self._key_windows - self._frames, 0.0)
        if key and not self._intra and excess > 0:
            # An episode of a few queries ends before two windows of four do: it shall not end in debt.
            frames: float = (1 if self.sparse else 2) * self.window_frames - 1
            if not self.sparse and self._key_windows >= self.window_frames:
                frames = self._key_windows  # one that comes soon falls into the first one's two windows too
            else:
                self._key_windows = frames
            self._debts.append((excess / frames, frames))
            excess = 0.0
        self._balance -= excess
        # Key frames count with their allowance: what they cost beyond it is paid by the frames that follow.
        self._recent = [*self._recent, (self._span, self._allowance + planned + excess)][-2 * self.window_frames :]
        # Neither a frozen picture nor a target below the floor may pile up what later frames would have to settle.
        window, repaid = self._window_bits, 0.0
        if not self.sparse:
            repaid = self._repay(self._balance - self._credit * window)
            self._recent[-1] = (
                self._span,
                self._recent[-1][1] + repaid,
            )  # as instalments are: no window gets them twice
        kept = min(max(self._balance, -window), self._credit * window)
        self.expired = max(self._balance - kept - repaid, 0.0) / window if window else 0.0
        self._balance = kept

    def _repay(self, surplus: float) -> float:
        """Use bits that would expire to repay key frames before their time; return how many."""
        repaid, debts = 0.0, []
        for amount, left in self._debts:
            frames = min(max(surplus - repaid, 0.0) / amount, left)
            repaid += frames * amount
            if frames < left:
                debts.append((amount, left - frames))
        self._debts = debts
        return repaid

    @property
    def allowance(self) -> float:
        """Bits granted to the open frame."""
        return self._allowance

    @property
    def usual(self) -> float:
        """Bits that a frame is granted at the present pace, where none is missing."""
        return self._usual

    @property
    def balance(self) -> float:
        """Bits left over (or, negative, owed beyond the debts of key frames), in windows."""
        return self._balance / self._window_bits if self._usual else 0.0

    @property
    def credit(self) -> float:
        """What the next frames may catch up with, in windows."""
        return 0.0 if self._squeezed else max(self.balance, 0.0)

    @property
    def _squeezed(self) -> bool:
        """Whether two key frames in a row may take their windows over the promise: nothing is caught up with meanwhile."""
        return not self.sparse and len(self._debts) > 1

    @property
    def full(self) -> bool:
        """Whether as much is left over as may be kept: what more is left expires."""
        return self.balance >= 0.999 * self._credit

    @property
    def _credit(self) -> float:
        return SPARSE_CREDIT_WINDOWS if self.sparse or self._intra else CREDIT_WINDOWS

    @property
    def owing(self) -> bool:
        """Whether a key frame is still being repaid."""
        return bool(self._debts)

    @property
    def _planned(self) -> float:
        """Bits that the open frame is meant to cost beyond its allowance; over the frames of a stream they cancel out."""
        return 0.0

    @property
    def room(self) -> float:
        """What the window that ends with the open frame has left."""
        limit = OWING_WINDOW_LIMIT if self.owing else WINDOW_LIMIT
        return limit * self._window_bits - self._spent_lately - self._instalment

    @property
    def _window_length(self) -> float:
        """Frames of the usual gap in one window; parts of one too where it is judged by time."""
        return self._window / self._usual_span if self._by_time else self.window_frames

    @property
    def _by_time(self) -> bool:
        """Whether windows are of stamp time: with a bit rate, and a pace that can be judged."""
        return not self.sparse and not math.isnan(self._target.bitrate)

    @property
    def _window_bits(self) -> float:
        return self._window_length * self._usual

    @property
    def _spent_lately(self) -> float:
        """Bits of the frames before the open one that are in its window."""
        age, bits = self._span, 0.0
        # Where a window is cut is not to the nanosecond: half a gap, of the shorter ones where frames are missing.
        shorter = sorted(self._gaps)[len(self._gaps) // 4] if self._gaps else self._usual_span
        cut = min(shorter, self._usual_span) if self._by_time else self._usual_span
        for span, spent in reversed(self._recent):
            if age > self._window_length * self._usual_span - 0.5 * cut:
                break
            bits += spent
            age += span
        return bits

    @property
    def _instalment(self) -> float:
        return sum(amount * min(self._frames, left) for amount, left in self._debts)

    @property
    def _frames(self) -> float:
        """Frames that the gap before the open one is worth."""
        return self._span / self._usual_span
