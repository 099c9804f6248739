"""One camera's stream: frames in, packets out, and back. Nodes, trials, replay and training all run exactly this.

``EncoderStream`` puts a codec under a rate target; ``DecoderStream`` turns packets into pictures and never shows one that
was built on a missing reference. Both are pure: stamps and bytes come in as arguments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from embodiedcomp_codec.codec import Codec, CodecError, Coded, Encoder, Image, Mode
from embodiedcomp_codec.config import Ladder, ladder
from embodiedcomp_codec.decoder_stream import DecoderStream, ReceivedFrame
from embodiedcomp_codec.frame import check_image, downsample
from embodiedcomp_codec.level_forecast import LevelForecast
from embodiedcomp_codec.motion import Motion
from embodiedcomp_codec.packet import SEQUENCE_MODULUS, Header, KeyInfo, pack
from embodiedcomp_codec.picture_group import PictureGroup
from embodiedcomp_codec.rate_control import Budget, Goal, Target, Tolerance, search
from embodiedcomp_codec.rate_points import RatePoints
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.search_effort import inter_tolerance, key_tolerance
from embodiedcomp_codec.spare_encoder import Spare
from embodiedcomp_codec.still_picture import StillPicture
from embodiedcomp_codec.stream_config import SentFrame, StreamConfig

__all__ = ["DecoderStream", "EncoderStream", "ReceivedFrame", "SentFrame", "StreamConfig"]

DEFAULT_LEVELS = 64
DAMPED_GAIN = 0.6  # of a codec that is seldom tried again: full steps swing between too little and too much
BLIND_AIM = 0.8  # of the limit, at most, where a frame can't be tried again
BLIND_MARGIN = 0.35  # allowances over the limit that are borne rather than paying for a key frame
OWING_MARGIN = 1.0  # the same while an earlier key frame is being repaid: two in a row would break the promise
CLIFF = 1.25  # times the bits of the next coarser step: frames can't be averaged over it, so a smaller picture is tried
FLOOR_MARGIN = 1.05  # at the coarsest setting, more than this times the target counts as the codec's floor
CEILING_MARGIN = 0.95
CLIMB_AIM = 0.9  # of what is left over, for one step of a still picture
CLIMB_STRIDE = 1.0  # halvings, at most, for one step of it
HALVING_LEVELS = {"key": 10.0, "inter": 4.0}  # quality steps that halve the bits, of 64: what a search first assumes


@dataclass(frozen=True)
class _Trial:
    """One way to code the frame at hand: the encoder as it stands afterwards, and what it gave."""

    encoder: Encoder
    coded: Coded
    level: int
    downsample: int


class EncoderStream:
    """Codes one camera's frames under its target."""

    def __init__(self, config: StreamConfig) -> None:
        config.validate()
        self._codec: Codec = get_codec(config.codec)
        self._config = config
        self._mode: Mode = config.mode if config.mode in self._codec.modes else self._codec.modes[0]
        self._codec.encoder(16, 16, self._mode)  # a library that is missing is found out now, not at the first frame
        self._levels: int = getattr(self._codec, "levels", DEFAULT_LEVELS)
        self._effort: float = getattr(self._codec, "effort", 1.0)
        self._target = config.target
        self._initial = config.target
        self.reset()

    @property
    def config(self) -> StreamConfig:
        """As constructed."""
        return self._config

    @property
    def mode(self) -> Mode:
        """The mode in force: the configured one, or the codec's only one."""
        return self._mode

    @property
    def target(self) -> Target:
        """The target in force."""
        return self._target

    @property
    def target_bitrate(self) -> float:
        """The target in force in bit/s at the present pace; NaN if there is none."""
        return self._budget.bitrate(self._size[0] * self._size[1])

    def reset(self) -> None:
        """Return to exactly the state after construction."""
        self._target = self._initial
        self._budget = Budget(
            self._target, self._config.budget_window, self._config.frame_period, self._mode == "intra"
        )
        self._size = (0, 0)
        self._sequence = 0
        self._encoder: Encoder | None = None
        self._group = PictureGroup(self._codec, self._mode)
        self._downsample = 8
        self._rate_points = RatePoints(self._codec, self._mode, self._levels)
        self._motion = Motion()
        self._key_level = self._levels // 3
        self._forecast = LevelForecast(self._levels, self._halving("inter"))
        self._still_picture = StillPicture(self._levels)
        self._key_wanted = True

    def request_key(self) -> None:
        """Make the next frame a key frame."""
        self._key_wanted = True

    def set_target(self, *, target_bpp: float = math.nan, target_bitrate: float = math.nan) -> None:
        """Follow another target from the next frame on. Raises CodecError and changes nothing if it is impossible."""
        target = Target(target_bpp, target_bitrate)
        problem = target.problem()
        if problem:
            raise CodecError(problem)
        self._target = target
        self._rate_points.forget()
        self._still_picture.renew()
        self._budget.retarget(target)

    def set_share(self, target_bitrate: float) -> None:
        """Follow another share of a common bit rate, in bit/s: like a new target, but the books stay open."""
        self._target = Target(bitrate=target_bitrate)
        self._budget.share(self._target)
        self._still_picture.shares = True

    def encode(self, image: Image, stamp_ns: int) -> SentFrame:
        """Code one frame ``(H, W, 3) uint8`` of the source stamp ``stamp_ns``."""
        check_image(image)
        height, width = image.shape[:2]
        if (width, height) != self._size:
            self._size = (width, height)
            self._key_wanted = True
        if (
            self._mode == "inter" and not self._target.unlimited
        ):  # nothing else asks, and a large picture takes half a ms
            self._motion.see(image)
        key = self._key_wanted or self._mode == "intra"
        self._budget.grant(stamp_ns, width * height)
        self._still_picture.begin(self._budget, self._stands and not key)
        header_bits = 8 * len(self._header(key, 8))
        if self._target.unlimited:
            goal = Goal(math.inf, math.inf)
            trial = self._try_key(image, 8, self._levels - 1) if key else self._continue(image, self._levels - 1)
        elif key:
            goal = self._budget.key_goal()
            trial = self._choose_key(image, goal.less(header_bits), self._budget.usual / (width * height))
        else:
            goal = self._budget.goal(self._most())
            trial = self._choose_inter(image, goal.less(header_bits))
        return self._commit(image, trial, goal, key)

    def _choose_key(self, image: Image, goal: Goal, bpp: float, rungs: Ladder | None = None) -> _Trial:
        """A key frame: the rate point that serves the target, or a coarser one where its floor is too high."""
        rungs = self._rungs if rungs is None else rungs
        intra = self._mode == "intra"
        tolerance = key_tolerance(intra, self._budget.sparse, self._pixels * self._effort)
        affordable: list[_Trial] = []
        for n in self._rate_points.serving(rungs, bpp):
            trial, step = self._search_key(downsample(image, n), n, goal, tolerance)
            bits = 8 * len(trial.coded.data)
            if bits > tolerance.high * goal.bits:
                continue
            affordable.append(trial)
            # Frames alone at camera pace; one a query goes on as it did when its results were published.
            fits = not intra or self._budget.sparse or bits >= tolerance.low * goal.bits
            if fits or step < CLIFF:
                break
        return max(affordable, key=lambda each: len(each.coded.data), default=trial)

    def _search_key(self, small: Image, n: int, goal: Goal, tolerance: Tolerance) -> tuple[_Trial, float]:
        """A key frame of an already downsampled picture, and what the next finer step costs, times its bits; 1 if unknown."""
        trials: dict[int, _Trial] = {}

        def bits_at(level: int) -> int:
            trials[level] = self._try_key(small, n, level)
            return 8 * len(trials[level].coded.data)

        start = self._forecast.level if self._mode == "intra" else self._key_level
        level = search(bits_at, self._levels, start, self._halving("key"), goal, tolerance)
        finer = min((each for each in trials if each > level), default=level)
        ratio = len(trials[finer].coded.data) / len(trials[level].coded.data)
        return trials[level], ratio ** (1 / max(finer - level, 1))

    def _try_key(self, small: Image, n: int, level: int) -> _Trial:
        """Code an already downsampled frame alone: intra in the open encoder, inter in a fresh one."""
        encoder = self._encoder
        if encoder is None or self._mode == "inter" or n != self._downsample or self._key_wanted:
            encoder = self._codec.encoder(small.shape[1], small.shape[0], self._mode)
        coded = encoder.encode(small, self._quality(level), True)
        return _Trial(encoder, coded, level, n)

    def _choose_inter(self, image: Image, goal: Goal) -> _Trial:
        """A frame predicted from the last: tried again with other qualities while its group is short enough to replay."""
        if self._standing or not self._group.replayable or (self._still and self._budget.full):
            return self._choose_blind(image, goal)
        small = downsample(image, self._downsample)
        trials: dict[int, _Trial] = {}

        def bits_at(level: int) -> int:
            encoder = self._encoder if not trials else self._group.replay()
            assert encoder is not None, "the first frame is a key frame"
            trials[level] = _Trial(encoder, encoder.encode(small, self._quality(level), False), level, self._downsample)
            return 8 * len(trials[level].coded.data)

        budget = self._budget
        tolerance = inter_tolerance(budget.sparse, budget.balance, self._effort > 1, self._group.pixels)
        start = self._predict_level(goal.bits)
        if self._stands:
            # Coarser than the picture stands already, encoders code it anew; at its own step they have nothing to say.
            start = max(start, round(self._group.finest * (self._levels - 1)))
            # A finer step often costs more than a frame of a moving picture may; the next frames will cost next to nothing.
            most = budget.burst().less(8 * len(self._header(False, self._downsample)))
            goal = Goal(goal.bits, max(goal.limit, most.limit))
        level = search(bits_at, self._levels, start, self._halving("inter"), goal, tolerance)
        return self._or_key(image, trials[level], goal)

    def _choose_blind(self, image: Image, goal: Goal) -> _Trial:
        """A frame of a group too long to replay: one prediction."""
        if self._standing:
            return self._stand(image)
        level = self._predict_level(min(goal.bits, BLIND_AIM * goal.limit))
        return self._or_key(image, self._continue(image, level), goal)

    def _most(self) -> float:
        """Allowances that the frame at hand may be meant to cost."""
        return self._still_picture.most(self._budget)

    def _stand(self, image: Image) -> _Trial:
        """A picture that stands, at camera pace: what a finer step costs is found by trying it in a second encoder."""
        budget, picture = self._budget, self._still_picture
        if picture.restarting:
            # x265 makes a still picture finer by itself, and pays for it while a dear key frame is repaid.
            goal = budget.key_goal() if self._effort > 1 else budget.still_key_goal(picture.standing)
            return self._choose_key(image, goal, goal.bits / self._pixels, ladder(self._codec.name, "intra"))
        limit, level = budget.burst().limit, picture.level
        if picture.may_climb(budget):
            level = picture.next_level(self._forecast.refine(CLIMB_AIM * limit, True, CLIMB_STRIDE))
        # What was made finer often has as much to add, at once or frames later; what can't be tried or had: a coarse frame.
        coarse = min(self._forecast.follow(budget.goal().bits, 0.0), picture.sent)
        if level > coarse or picture.unsteady(budget):
            return self._try_aside(image, level, limit) or self._continue(image, coarse)
        return self._continue(image, level)

    def _try_aside(self, image: Image, level: int, limit: float) -> _Trial | None:
        """The picture that stands at ``level``; None where that costs more than ``limit``, or there is no second encoder now."""
        picture, open_encoder = self._still_picture, self._encoder
        assert open_encoder is not None, "the first frame is a key frame"
        encoder = picture.spare.take() if picture.spare is not None else None
        if picture.spare is None or encoder is None:
            return None
        coded = encoder.encode(downsample(image, self._downsample), self._quality(level), False)
        bits = 8 * (len(coded.data) + len(self._header(False, self._downsample)))
        if not picture.tried(level, bits, limit):
            return None
        picture.spare.give(open_encoder)
        return _Trial(encoder, coded, level, self._downsample)

    def _or_key(self, image: Image, trial: _Trial, goal: Goal) -> _Trial:
        """The trial, or a key frame where it is far too dear: after a cut, or after a prediction that failed."""
        if self._motion.still:
            return trial  # what it cost buys a finer picture for all frames to come: no key frame is cheaper
        margin = OWING_MARGIN if self._budget.owing else BLIND_MARGIN
        if 8 * len(trial.coded.data) <= goal.limit + margin * self._budget.allowance:
            return trial
        if trial.level == 0 and self._downsample == self._rungs[0][1]:
            return trial
        return self._choose_key(image, self._budget.key_goal(), self._budget.usual / self._pixels)

    def _continue(self, image: Image, level: int) -> _Trial:
        """Code the frame once, at ``level``, in the open encoder."""
        assert self._encoder is not None, "the first frame is a key frame"
        small = downsample(image, self._downsample)
        return _Trial(self._encoder, self._encoder.encode(small, self._quality(level), False), level, self._downsample)

    def _predict_level(self, goal: float) -> int:
        """The step at which this frame should cost ``goal`` bits, if it is like the last one."""
        if self._still:
            return self._forecast.refine(goal, self._budget.full)
        damped = self._effort > 1 and not self._budget.sparse
        return self._forecast.follow(goal, self._motion.growth, DAMPED_GAIN if damped else 1.0)

    @property
    def _pixels(self) -> int:
        return self._size[0] * self._size[1]

    @property
    def _stands(self) -> bool:
        """Whether the picture is still, at camera pace."""
        return self._motion.still and not self._budget.sparse and self._mode == "inter"

    @property
    def _standing(self) -> bool:
        """Whether a still picture is coded blindly: in a long group, beside a second encoder, or begun anew."""
        picture = self._still_picture
        return self._stands and (not self._group.replayable or picture.spare is not None or picture.restarting)

    @property
    def _still(self) -> bool:
        """Whether a still picture is to be refined: with one frame a query, where what a step costs can be borne."""
        return self._motion.still and self._budget.sparse

    @property
    def _rungs(self) -> Ladder:
        """The ladder for the pace at which frames come."""
        return self._rate_points.ladder(self._budget.sparse)

    def _halving(self, kind: str) -> float:
        return HALVING_LEVELS[kind] * self._levels / 64

    def _commit(self, image: Image, trial: _Trial, goal: Goal, key: bool) -> SentFrame:
        """Make ``trial`` the frame's coding: advance the group, the sequence and the budget."""
        coded_key = key or trial.coded.key
        if coded_key and not key:
            goal = self._budget.key_goal()  # a key frame that the surprise of this frame brought
        header = self._header(coded_key, trial.downsample)
        packet = header + trial.coded.data
        bits = 8 * len(packet)
        sent = SentFrame(
            packet=packet,
            key=coded_key,
            sequence=self._sequence,
            quality=self._quality(trial.level),
            downsample=trial.downsample,
            at_floor=bits > FLOOR_MARGIN * goal.bits and trial.level == 0,
            at_ceiling=bits < CEILING_MARGIN * goal.bits and self._at_ceiling(trial, coded_key),
        )
        self._forecast.climb(trial.level, bits, anew=coded_key or not self._motion.still)
        self._encoder, self._downsample, self._key_wanted = trial.encoder, trial.downsample, False
        # What a picture costs that stands says nothing about how to go on once something moves.
        if coded_key or not self._standing:
            expected = (trial.level, bits) if not coded_key or self._mode == "intra" else self._after_key(trial)
            self._forecast.see(*expected)
        if self._mode == "inter":
            small = downsample(image, trial.downsample)
            self._group.add(small, self._pixels, self._quality(trial.level), coded_key)
            if not self._target.unlimited:
                self._see_still(trial, small, bits, coded_key)
        if not self._target.unlimited:
            self._budget.spend(bits, coded_key)
            if self._mode == "inter":
                self._key_wanted |= self._rate_points.see(trial.downsample, trial.level, self._budget, self._pixels)
        self._sequence = (self._sequence + 1) % SEQUENCE_MODULUS
        return sent

    def _at_ceiling(self, trial: _Trial, key: bool) -> bool:
        """Whether what the frame leaves has no use: at the best quality, or while a picture stands and credit expires."""
        if self._target.unlimited:
            return False
        best = trial.level == self._levels - 1 and trial.downsample == self._rungs[-1][1]
        return best or (self._stands and not key and self._still_picture.rests(self._budget, trial.level))

    def _see_still(self, trial: _Trial, small: Image, bits: int, key: bool) -> None:
        """Follow with the second encoder, or get one: with the key frame that begins a still picture, or in a short group."""
        picture, group, still = self._still_picture, self._group, self._stands
        if key:
            picture.spare = None
        if picture.spare is not None:
            picture.spare.add(small, self._quality(trial.level))
        largest = still and self._effort <= 1 and trial.downsample == self._rungs[-1][1]
        wanted = picture.restarting or (picture.spare is None and largest)
        spare = Spare(self._codec, self._mode, group.frames) if wanted and group.replayable else None
        picture.see(self._motion, trial.level, bits, key, spare)

    def _after_key(self, trial: _Trial) -> tuple[int, int]:
        """Where to start the first inter frame: at the key frame's own step, expecting a quarter of its bits."""
        self._key_level = trial.level
        return trial.level, 2 * len(trial.coded.data)

    def _header(self, key: bool, n: int) -> bytes:
        info = KeyInfo(self._codec.name, self._mode, *self._size) if key else None
        return pack(Header(self._sequence, n, info))

    def _quality(self, level: int) -> float:
        return level / (self._levels - 1) if self._levels > 1 else 1.0
