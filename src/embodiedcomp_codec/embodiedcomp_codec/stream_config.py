"""What a stream is asked to do, and what each of its frames became."""

from __future__ import annotations

import math
from dataclasses import dataclass

from embodiedcomp_codec.codec import CodecError, Mode
from embodiedcomp_codec.rate_control import Target
from embodiedcomp_codec.registry import get_codec


@dataclass(frozen=True)
class StreamConfig:
    """How one camera is coded. At most one target is set; neither = the codec's finest quality.

    target_bpp: payload bits per source pixel of every frame. target_bitrate: payload bit/s of stamp time.
    budget_window: s. frame_period: s, a hint of the send schedule until two stamps are known.
    A codec that lacks ``mode`` (a still codec has no inter) uses the one that it has.
    """

    codec: str
    mode: Mode = "inter"
    target_bpp: float = math.nan
    target_bitrate: float = math.nan
    budget_window: float = 1.0
    frame_period: float = math.nan

    @property
    def target(self) -> Target:
        """Both targets as one value."""
        return Target(self.target_bpp, self.target_bitrate)

    def validate(self) -> None:
        """Raise CodecError with one line on anything impossible."""
        get_codec(self.codec)
        if self.mode not in ("intra", "inter"):
            raise CodecError(f"mode {self.mode!r} is unknown; choose one of: inter, intra")
        problem = self.target.problem()
        if problem:
            raise CodecError(problem)
        if not 0 < self.budget_window < math.inf:
            raise CodecError(f"budget_window {self.budget_window:g} is impossible; choose a finite number of s above 0")
        if not math.isnan(self.frame_period) and not 0 < self.frame_period < math.inf:
            raise CodecError(f"frame_period {self.frame_period:g} is impossible; choose a finite number of s above 0")


@dataclass(frozen=True)
class SentFrame:
    """What one frame became. ``packet`` is the whole payload; ``downsample`` n means n/8 of each side was coded."""

    packet: bytes
    key: bool
    sequence: int
    quality: float
    downsample: int
    at_floor: bool
    at_ceiling: bool
