"""A stream with rolling intra refresh under a rate target: what ``EncoderStream`` does otherwise where a band is coded anew.

A frame with such a band gets more bits, and the frames between so much less. What the band costs is measured, in an encoder
of its own, before the frame is coded: no surprise, and no key frame after it.
"""

from __future__ import annotations

from embodiedcomp_codec.codec import CodecError, Image
from embodiedcomp_codec.frame import coded_side
from embodiedcomp_codec.level_forecast import MOTION_WEIGHT
from embodiedcomp_codec.packet import Header, KeyInfo, Wave, pack
from embodiedcomp_codec.quality_search import Goal, Tolerance, search
from embodiedcomp_codec.rate_control import MAX_CATCH_UP, Budget
from embodiedcomp_codec.rolling import Held, RollingCodec, RollingEncoder
from embodiedcomp_codec.stream import EncoderStream, SentFrame, StreamConfig
from embodiedcomp_codec.trial_encodes import Trial

MOST = 2.0  # allowances that a frame with a band anew is meant to cost, at most
USUAL = 2.0  # what such a frame costs beside one without at the same quality, until some were seen
STILL = 100.0  # the same of a still picture: the other frames have nothing to say
FOLLOW = 0.3  # how much of that is taken from the last such frame
TOLERANCE = Tolerance(low=0.85, high=1.15, trials=4)
SLOW_TOLERANCE = Tolerance(low=0.75, high=1.25, trials=3)


class RollingBudget(Budget):
    """Grants a frame ``weight`` allowances; over a stream these are 1 in the mean."""

    weight = 1.0

    @property
    def _planned(self) -> float:
        return (self.weight - 1) * self._allowance


class RollingEncoderStream(EncoderStream):
    """Codes every band of the picture anew once in ``cycle`` frames."""

    def __init__(self, config: StreamConfig, cycle: int) -> None:
        self._cycle = cycle
        super().__init__(config)
        if self.mode != "inter":
            raise CodecError(
                f"rolling refresh is for streams of mode inter, not for {config.codec} in mode {self.mode}"
            )

    def reset(self) -> None:
        """Return to exactly the state after construction."""
        if not isinstance(self._codec, RollingCodec):
            self._codec = RollingCodec(self._codec, self._cycle)
            self._rhythm = 1  # every band has its own beat
        super().reset()
        config = self._config
        self._rolling_budget = RollingBudget(self._target, config.budget_window, config.frame_period, False)
        self._budget = self._rolling_budget
        self._due: int | None = None
        self._held = False
        self._ratio = USUAL

    def encode(self, image: Image, stamp_ns: int) -> SentFrame:
        """Code one frame ``(H, W, 3) uint8`` of the source stamp ``stamp_ns``."""
        encoder = self._encodes.open
        self._due, self._held, self._rolling_budget.weight = None, False, 1.0
        if isinstance(encoder, RollingEncoder) and not self._key_wanted and image.shape[1::-1] == self._size:
            self._due = encoder.due
            ratio = STILL if self._motion.still else self._ratio
            self._rolling_budget.weight = weight(self._cycle / encoder.bands, ratio, self._due is not None)
        return super().encode(image, stamp_ns)

    def _choose_inter(self, image: Image, goal: Goal) -> Trial:
        if self._due is None:
            return super()._choose_inter(image, goal)
        encoder, small = self._open(), self._small(image)
        self._held = self._motion.still
        start, halving, usual = self._forecast.level, self._forecast.halving, encoder.usual_bytes
        others = 0.0
        if not self._held:
            others = self._forecast.bits * (1 - usual[self._due] / max(sum(usual), 1))
            others *= 2 ** (MOTION_WEIGHT * self._motion.growth)

        def bits_at(level: int) -> int:
            fresh = 8 * encoder.try_fresh(small, self._quality(level))
            return fresh + round(others * 2 ** ((level - start) / halving))

        slow = self._effort > 1 and not self._budget.sparse
        tolerance = SLOW_TOLERANCE if slow else TOLERANCE
        level = search(bits_at, self._levels, start, self._halving("key"), goal, tolerance)
        return self._or_key(image, self._continue(image, level), goal)

    def _most(self) -> float:
        # While it stands, bands come anew, which may catch up.
        return MAX_CATCH_UP if self._motion.still else super()._most()

    @property
    def _may_guard(self) -> bool:
        return False  # the group has no end, nor would what a second encoder must be given

    def _stand(self, image: Image) -> Trial:
        # No key frame: the bands get finer as they are coded anew.
        self._held = True
        return self._continue(image, round(self._open().standing * (self._levels - 1)))

    def _commit(self, image: Image, trial: Trial, goal: Goal, key: bool) -> SentFrame:
        self._held = self._held and not trial.coded.key
        level, bits = self._forecast.level, self._forecast.bits
        sent = super()._commit(image, trial, goal, key)
        if self._due is not None and not sent.key:
            if not self._motion.still:
                # The next frame will be like this one, had the band been predicted.
                usual = self._open().usual_bytes
                scaled = usual[self._due] * 2 ** ((trial.level - level) / self._forecast.halving)
                level, bits = trial.level, round(8 * (sum(usual) - usual[self._due] + scaled))
                self._ratio += FOLLOW * (8 * len(trial.coded.data) / max(bits, 1) - self._ratio)
            self._forecast.see(level, bits)
        return sent

    def _header(self, key: bool, n: int) -> bytes:
        assert isinstance(self._codec, RollingCodec)
        if not key and self._due is None:
            return pack(Header(self._sequence, n, None, True))
        wave = Wave(self._codec.bands(coded_side(self._size[1], n)), None if key else self._due)
        return pack(Header(self._sequence, n, KeyInfo(self._codec.name, self._mode, *self._size), True, wave))

    def _quality(self, level: int) -> float:
        quality = super()._quality(level)
        return Held(quality) if self._held else quality

    def _open(self) -> RollingEncoder:
        assert isinstance(self._encodes.open, RollingEncoder), "the first frame is a key frame"
        return self._encodes.open


def weight(spacing: float, ratio: float, due: bool) -> float:
    """Allowances that a frame is meant to cost where every ``spacing``-th one codes a band anew; 1 in the mean.

    ratio: of what such a frame costs to what another does, at the same quality.
    """
    if spacing <= 1:
        return 1.0
    most = min(MOST, ratio * spacing / (spacing - 1 + ratio))
    return most if due else (spacing - most) / (spacing - 1)
