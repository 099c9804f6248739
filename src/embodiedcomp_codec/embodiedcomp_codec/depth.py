"""16-bit depth: a lossless path of its own, beside the rate control of colour streams. Depth is never cut to 8 bit.

A depth frame is ``(H, W) uint16``, most often mm, 0 where nothing was measured. Every packet decodes alone, in the
packet format of all streams: decoders, recorders and bags need to know nothing more.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.packet import SEQUENCE_MODULUS, Header, KeyInfo, pack
from embodiedcomp_codec.rate_control import Target
from embodiedcomp_codec.registry import get_depth_codec
from embodiedcomp_codec.statistics import RateMeter
from embodiedcomp_codec.stream import FLOOR_MARGIN, SentFrame

Depth = npt.NDArray[np.uint16]
"""One frame of depth, ``(H, W) uint16``."""

DEPTH_CODEC = "jpegxl16"


def check_depth(depth: Depth) -> None:
    """Raise CodecError unless ``depth`` is ``(H, W) uint16`` with at least one pixel."""
    if depth.ndim != 2 or depth.dtype != np.uint16 or 0 in depth.shape:
        raise CodecError(f"a depth frame is (H, W) uint16, not {depth.shape} {depth.dtype}")


class DepthStream:
    """Codes one camera's depth. What it costs is what it costs: a target below that is reported as below the floor."""

    mode = "intra"

    def __init__(self, window: float) -> None:
        self._window = window
        self._codec = get_depth_codec(DEPTH_CODEC)
        self.reset()

    @property
    def codec(self) -> str:
        """The codec's name."""
        return DEPTH_CODEC

    def reset(self) -> None:
        """Return to exactly the state after construction."""
        self._sequence = 0
        self._meter = RateMeter(self._window)
        self._pixels_per_second = math.nan
        self._stamp_ns: int | None = None

    def bitrate(self, target: Target) -> float:
        """A target in bit/s at the present pace; NaN if there is none or the pace isn't known yet."""
        return target.bpp * self._pixels_per_second if math.isnan(target.bitrate) else target.bitrate

    def encode(self, depth: Depth, stamp_ns: int, target: Target) -> SentFrame:
        """Code one frame ``(H, W) uint16``. ``at_floor``: it takes more than ``target``, at once or over the window."""
        check_depth(depth)
        height, width = depth.shape
        data = self._codec.encode(np.ascontiguousarray(depth))
        packet = pack(Header(self._sequence, 8, KeyInfo(DEPTH_CODEC, "intra", width, height))) + data
        if self._stamp_ns is not None and stamp_ns > self._stamp_ns:
            self._pixels_per_second = width * height * 1e9 / (stamp_ns - self._stamp_ns)
        self._stamp_ns = stamp_ns
        achieved = self._meter.add(stamp_ns, len(packet))
        over_bpp = 8 * len(packet) > FLOOR_MARGIN * target.bpp * width * height  # False where the target is NaN
        sent = SentFrame(
            packet=packet,
            key=True,
            sequence=self._sequence,
            quality=1.0,
            downsample=8,
            at_floor=over_bpp or (not math.isnan(target.bitrate) and achieved > FLOOR_MARGIN * target.bitrate),
            at_ceiling=False,
        )
        self._sequence = (self._sequence + 1) % SEQUENCE_MODULUS
        return sent
