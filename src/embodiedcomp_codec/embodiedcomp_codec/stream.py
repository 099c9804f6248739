"""One camera's stream: frames in, packets out, and back. Nodes, trials, replay and training all run exactly this.

``EncoderStream`` puts a codec under a rate target; ``DecoderStream`` turns packets into pictures and never shows one that
was built on a missing reference. Both are pure: stamps and bytes come in as arguments.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from embodiedcomp_codec.codec import Codec, CodecError, Image, Mode
from embodiedcomp_codec.config import Ladder, ladder
from embodiedcomp_codec.decoder_stream import DecoderStream, ReceivedFrame
from embodiedcomp_codec.frame import check_image, downsample
from embodiedcomp_codec.key_frames import KeySearch, choose
from embodiedcomp_codec.level_forecast import LevelForecast
from embodiedcomp_codec.motion import Motion
from embodiedcomp_codec.packet import SEQUENCE_MODULUS, Header, KeyInfo, pack
from embodiedcomp_codec.picture_group import REPLAY_PIXELS
from embodiedcomp_codec.quality_search import Goal, search
from embodiedcomp_codec.rate_control import Budget, Target
from embodiedcomp_codec.rate_points import RatePoints
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.search_effort import inter_tolerance, key_tolerance
from embodiedcomp_codec.still_picture import StillPicture
from embodiedcomp_codec.stream_config import SentFrame, StreamConfig
from embodiedcomp_codec.surprise import MOST_BACK, SURPRISE, another_scene, too_dear
from embodiedcomp_codec.trial_encodes import Trial, TrialEncodes

__all__ = ["DecoderStream", "EncoderStream", "ReceivedFrame", "SentFrame", "StreamConfig"]

DEFAULT_LEVELS = 64
DAMPED_GAIN = 0.6  # of a codec that is seldom tried again: full steps swing between too little and too much
DAMPED_FROM = 0.3  # allowances: less than that is asked for where a window is spent, and must be met
BLIND_AIM = 0.8  # of the limit, at most, where a frame can't be tried again
GUARDED_PIXELS = 1 << 17  # of a picture, at most, that gets a second encoder in a long group: it doubles the work
GUARDED_RISE = 2.0  # halvings, at most, from one frame to the next finer one: a step too far costs nothing there
UNKNOWN = 1 << 40  # bits
FLOOR_MARGIN = 1.05  # at the coarsest setting, more than this times the target counts as the codec's floor
CEILING_MARGIN = 0.95
BLIND_STILL = 0.35  # allowances that a frame of a picture that stands aims at, where it can't be tried aside
CLIMB_AIM = 0.9  # of what is left over, for one step of a still picture
CLIMB_STRIDE = 1.0  # halvings, at most, for one step of it
HALVING_LEVELS = {"key": 10.0, "inter": 4.0}  # quality steps that halve the bits, of 64: what a search first assumes


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
        self._rhythm: int = getattr(self._codec, "rhythm", 1)
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
        self._size, self._sequence = (0, 0), 0
        self._encodes = TrialEncodes(self._codec, self._mode)
        self._rate_points = RatePoints(self._codec, self._mode, self._levels)
        self._motion = Motion()
        self._key_level = self._levels // 3
        self._forecast = LevelForecast(self._levels, self._halving("inter"), self._rhythm)
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
        if target.unlimited:
            self._encodes.drop_second()
        self._rate_points.forget()
        self._forecast.renew()
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
            self._forecast.renew()
            self._key_wanted = True
        # Nothing else asks, and a large picture takes half a ms.
        if self._mode == "inter" and not self._target.unlimited:
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

    def _choose_key(self, image: Image, goal: Goal, bpp: float, rungs: Ladder | None = None) -> Trial:
        """A key frame: the rate point that serves the target, or a coarser one where its floor is too high."""
        intra, sparse = self._mode == "intra", self._budget.sparse
        sizes = [(n, goal) for n in self._rate_points.serving(self._rungs if rungs is None else rungs, bpp)]
        if rungs is None and not intra and not sparse and sizes[-1][0] < 8:
            sizes[-1] = sizes[-1][0], Goal(min(goal.bits, self._budget.key_goal(thrifty=True).bits), goal.limit)
        how = KeySearch(
            self._try_key,
            self._levels,
            self._forecast.level if intra else self._key_level,
            self._halving("key"),
            key_tolerance(intra, sparse, self._pixels * self._effort),
            cliffs=intra and not sparse,  # one frame a query goes on as it did when its results were published
        )
        return choose(image, sizes, how)

    def _try_key(self, small: Image, n: int, level: int) -> Trial:
        """Code an already downsampled frame alone: intra in the open encoder, inter in a fresh one."""
        anew = self._mode == "inter" or self._key_wanted
        return self._encodes.alone(small, n, level, self._quality(level), anew)

    def _choose_inter(self, image: Image, goal: Goal) -> Trial:
        """A frame predicted from the last: tried again with other qualities while its group is short enough to replay."""
        if self._standing or not self._encodes.group.replayable or (self._still and self._budget.full):
            return self._choose_blind(image, goal)
        small = self._small(image)
        trials: dict[int, Trial] = {}

        def bits_at(level: int) -> int:
            code = self._encodes.replayed if trials else self._encodes.predicted
            trial = code(small, level, self._quality(level))
            if trial is None:
                return UNKNOWN  # too dear for any choice: the first trial, in the open encoder, always stands
            trials[level] = trial
            return trial.bits

        budget = self._budget
        pixels = self._encodes.group.pixels
        tolerance = inter_tolerance(budget.sparse, budget.credit, self._effort, budget.period, pixels)
        start = self._predict_level(goal.bits)
        if self._stands:
            # Coarser than the picture stands already, encoders code it anew; at its own step they have nothing to say.
            start = max(start, round(self._encodes.group.finest * (self._levels - 1)))
            # A finer step often costs more than a frame of a moving picture may; the next frames will cost next to nothing.
            most = budget.burst().less(8 * len(self._header(False, self._encodes.downsample)))
            goal = Goal(goal.bits, max(goal.limit, most.limit))
        level = search(bits_at, self._levels, start, self._forecast.halving, goal, tolerance)
        self._compare(trials.values(), goal)
        first = next(iter(trials.values()))
        new = another_scene(first.bits, goal, budget, self._motion.leap, level == 0)
        return self._or_key(image, first if new else trials[level], goal)

    def _choose_blind(self, image: Image, goal: Goal) -> Trial:
        """A frame of a group too long to replay: one prediction."""
        if self._standing:
            return self._stand(image)
        level = self._predict_level(min(goal.bits, BLIND_AIM * goal.limit))
        return self._or_key(image, self._guarded(image, level, goal), goal)

    def _guarded(self, image: Image, level: int, goal: Goal) -> Trial:
        """Code the frame at ``level``, or coarser if a second encoder that is at hand shows that to be too dear."""
        trial = self._encodes.aside(self._small(image), level, self._quality(level))
        if trial is None:
            return self._continue(image, level)
        if trial.bits <= goal.limit:
            return self._encodes.keep(trial)
        if level > 0 and another_scene(trial.bits, goal, self._budget, self._motion.leap):
            return trial
        back = math.log2(trial.bits / goal.bits)
        if self._motion.growth < SURPRISE:
            back = min(back, MOST_BACK)
        coarser = self._continue(image, max(level - max(round(self._forecast.halving * back), 1), 0))
        self._compare((coarser, trial), goal)
        return coarser

    def _compare(self, trials: Iterable[Trial], goal: Goal) -> None:
        """Learn from one frame's trials how steep the steps are: at camera pace, and where bits buy no picture for later.

        Not of a codec that is seldom tried: it would keep to what it once learned, and is damped instead.
        """
        if self._motion.moving and not self._budget.sparse and self._effort <= 1:
            self._forecast.compare({trial.level: trial.bits for trial in trials if not trial.coded.key}, goal.bits)

    def _most(self) -> float:
        """Allowances that the frame at hand may be meant to cost."""
        return self._still_picture.most(self._budget)

    def _stand(self, image: Image) -> Trial:
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
        goal = budget.goal().less(8 * len(self._header(False, self._encodes.downsample)))
        coarse = min(self._forecast.follow(goal.bits, 0.0), picture.sent)
        if level <= coarse and not picture.unsteady(budget):
            return self._continue(image, level)
        trial = self._try_aside(image, level, limit) if picture.climbs else None
        if trial is None and not self._encodes.guarded:
            coarse = min(self._forecast.follow(min(goal.bits, BLIND_STILL * budget.allowance), 0.0), coarse)
        return trial or self._guarded(image, coarse, goal)

    def _try_aside(self, image: Image, level: int, limit: float) -> Trial | None:
        """The picture that stands at ``level``; None where that costs more than ``limit``, or there is no second encoder now."""
        trial = self._encodes.aside(self._small(image), level, self._quality(level))
        if trial is None:
            return None
        bits = trial.bits + 8 * len(self._header(False, self._encodes.downsample))
        return self._encodes.keep(trial) if self._still_picture.tried(level, bits, limit) else None

    def _or_key(self, image: Image, trial: Trial, goal: Goal) -> Trial:
        """The trial, or a key frame where it is far too dear: after a cut, or after a prediction that failed."""
        if self._motion.still:
            return trial  # what it cost buys a finer picture for all frames to come: no key frame is cheaper
        if not too_dear(trial.bits, goal, self._budget):
            return trial
        at_coarsest = trial.level == 0
        if at_coarsest and self._encodes.downsample == self._rungs[0][1]:
            return trial
        # At the coarsest step, and nothing new: the rate point is too large for this motion.
        falls = at_coarsest and self._motion.growth < SURPRISE and not self._budget.sparse
        if falls:
            self._rate_points.fall(self._encodes.downsample, False)
        goal = self._budget.key_goal(thrifty=falls, second=self._motion.leap >= SURPRISE)
        return self._choose_key(image, goal, self._budget.usual / self._pixels)

    def _continue(self, image: Image, level: int) -> Trial:
        """Code the frame once, at ``level``, in the open encoder."""
        return self._encodes.predicted(self._small(image), level, self._quality(level))

    def _small(self, image: Image) -> Image:
        """The picture at the group's rate point."""
        return downsample(image, self._encodes.downsample)

    def _predict_level(self, goal: float) -> int:
        """The step at which this frame should cost ``goal`` bits, if it is like the last one."""
        if self._still:
            return self._forecast.refine(goal, self._budget.full)
        damped = self._effort > 1 and not self._budget.sparse and goal >= DAMPED_FROM * self._budget.allowance
        rise = GUARDED_RISE if self._encodes.guarded and self._budget.full else 1.0
        return self._forecast.follow(goal, self._motion.growth, DAMPED_GAIN if damped else 1.0, rise)

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
        return self._stands and (not self._encodes.group.replayable or picture.climbs or picture.restarting)

    @property
    def _may_guard(self) -> bool:
        """Whether a picture that moves may have a second encoder, for when the group is too long to replay."""
        return not self._budget.sparse and self._pixels <= GUARDED_PIXELS

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

    def _commit(self, image: Image, trial: Trial, goal: Goal, key: bool) -> SentFrame:
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
        if trial.downsample != self._encodes.downsample or (coded_key and not key and self._motion.leap >= SURPRISE):
            self._forecast.renew()  # another scene has another slope, as another size has
        self._encodes.sent(trial)
        self._key_wanted = False
        # What a picture costs that stands says nothing about how to go on once something moves.
        goes_on = coded_key or not self._standing
        if self._mode == "inter":
            self._forecast.beat(trial.level, bits, coded_key, learn=goes_on and not self._budget.sparse)
        if goes_on:
            expected = (trial.level, bits) if not coded_key or self._mode == "intra" else self._after_key(trial)
            self._forecast.see(*expected)
        if self._mode == "inter":
            small, quality = self._small(image), self._quality(trial.level)
            self._encodes.follow(small, self._pixels, quality, trial.coded.data, coded_key)
            if not self._target.unlimited:
                self._see_still(trial, bits, coded_key)
        if not self._target.unlimited:
            self._budget.spend(bits, coded_key)
            if self._mode == "inter":
                self._key_wanted |= self._rate_points.see(
                    trial.downsample, trial.level, coded_key, not self._motion.still, self._budget, self._pixels
                )
        self._sequence = (self._sequence + 1) % SEQUENCE_MODULUS
        return sent

    def _at_ceiling(self, trial: Trial, key: bool) -> bool:
        """Whether what the frame leaves has no use: at the best quality, or while a picture stands and credit expires."""
        if self._target.unlimited:
            return False
        best = trial.level == self._levels - 1 and trial.downsample == self._rungs[-1][1]
        return best or (self._stands and not key and self._still_picture.rests(self._budget, trial.level))

    def _see_still(self, trial: Trial, bits: int, key: bool) -> None:
        """Get a second encoder where one will be of use: for a picture that stands, or before the group is too long to replay."""
        picture, group = self._still_picture, self._encodes.group
        largest = self._stands and self._effort <= 1 and trial.downsample == self._rungs[-1][1]
        climbs = picture.restarting or largest
        if not self._may_guard and (self._motion.moving or self._budget.sparse):
            self._encodes.drop_second()
        soon = 2 * group.pixels > REPLAY_PIXELS
        second = (climbs or (self._may_guard and soon)) and self._encodes.get_second()
        picture.see(self._motion, trial.level, bits, key, climbs and second and group.replayable)

    def _after_key(self, trial: Trial) -> tuple[int, int]:
        """Where to start the first inter frame: at the key frame's own step, expecting a quarter of its bits."""
        self._key_level = trial.level
        return trial.level, 2 * len(trial.coded.data)

    def _header(self, key: bool, n: int) -> bytes:
        info = KeyInfo(self._codec.name, self._mode, *self._size) if key else None
        return pack(Header(self._sequence, n, info))

    def _quality(self, level: int) -> float:
        return level / (self._levels - 1) if self._levels > 1 else 1.0
