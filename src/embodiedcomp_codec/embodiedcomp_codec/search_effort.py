"""How near the goal a search for the quality step must come, and how much coding it may cost: less where coding is slow.

Work is counted in encodes and pixels, time in stamps: the same frames always give the same decisions.
"""

from __future__ import annotations

import dataclasses
import math

from embodiedcomp_codec.quality_search import Tolerance

SLOW_PIXELS = 16 * 256 * 256  # from here on a key frame of camera pace is tried less often
REPLAYED = 1400 * 256 * 256  # pixels a second that one stream replays, of x264; its group once a frame at least
SPOKEN_FOR = 0.02  # s of each frame's time, half of it at most, for its own coding, its way, and the other cameras
MOST_TIME = 0.09  # s a frame, from where on more of it buys no more trials: of x264 three of the longest group
INTRA_TOLERANCE = Tolerance(low=0.97, high=1.02, trials=7)
KEY_TOLERANCE = Tolerance(low=0.8, high=1.0, trials=6)
SLOW_KEY_TOLERANCE = Tolerance(low=0.6, high=1.0, trials=3)  # each trial of a large one may cost several frames' time
RETREAT = 0.5
INTER_TOLERANCE = Tolerance(low=0.0, high=math.inf, trials=4, retreat=RETREAT)  # the goal's own limit holds
CATCH_UP_TOLERANCE = Tolerance(low=0.6, high=math.inf, trials=4, retreat=RETREAT)
SPARSE_TOLERANCE = Tolerance(low=0.9, high=1.05, trials=4)  # of few frames each must come close
CATCH_UP_FROM = 0.15  # windows of credit: from here on a cheap frame is tried again at a finer quality


def key_tolerance(intra: bool, sparse: bool, work: float) -> Tolerance:
    """For a frame coded alone. work: its pixels, times the codec's effort beside x264's."""
    if intra:
        return INTRA_TOLERANCE
    return SLOW_KEY_TOLERANCE if not sparse and work > SLOW_PIXELS else KEY_TOLERANCE


def inter_tolerance(sparse: bool, credit: float, effort: float, period: float, group_pixels: int) -> Tolerance:
    """For a predicted frame that can be tried again, each time with a replay of ``group_pixels``.

    credit: windows left over. effort: the codec's beside x264's. period: s from frame to frame.
    """
    if sparse:
        return SPARSE_TOLERANCE
    tolerance = CATCH_UP_TOLERANCE if credit > CATCH_UP_FROM else INTER_TOLERANCE
    time = min(period, MOST_TIME)
    most = REPLAYED * (time - min(SPOKEN_FOR, time / 2)) / effort
    again = min(max(int(most // group_pixels), 1), tolerance.trials - 1)
    return dataclasses.replace(tolerance, trials=1 + again)
