"""The cameras of one encoder: each a stream of its own, and one ``target_bitrate`` among them all."""

from __future__ import annotations

import dataclasses
import math
import threading

from embodiedcomp_codec.codec import CodecError, Image
from embodiedcomp_codec.rate_control import Target
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.rolling import cycle_problem
from embodiedcomp_codec.rolling_stream import RollingEncoderStream
from embodiedcomp_codec.shared_budget import SharedBudget
from embodiedcomp_codec.stream import EncoderStream, SentFrame, StreamConfig


class EncoderGroup:
    """Streams of one configuration. ``target_bitrate`` is what all cameras get together; ``target_bpp`` is each one's.
    refresh_frames: frames in which an inter stream codes every part of the picture anew, band by band; 0: it doesn't.

    Frames of different cameras may be coded at once, by a thread each; all else only while none is.
    """

    def __init__(self, config: StreamConfig, cameras: int, refresh_frames: int = 0) -> None:
        config.validate()
        problem = cycle_problem(refresh_frames)
        if problem:
            raise CodecError(problem)
        self._window = config.budget_window
        self._target = config.target
        alone = dataclasses.replace(config, target_bitrate=config.target_bitrate / cameras)
        self._splitting = threading.Lock()
        # In an intra stream every frame decodes alone: nothing to refresh.
        rolling = refresh_frames > 0 and config.mode == "inter" and "inter" in get_codec(config.codec).modes
        self.streams = [
            RollingEncoderStream(alone, refresh_frames) if rolling else EncoderStream(alone) for _ in range(cameras)
        ]
        self._budget = self._make_budget()

    def encode(self, camera: int, image: Image, stamp_ns: int) -> SentFrame:
        """Code one frame ``(H, W, 3) uint8`` of a camera."""
        stream = self.streams[camera]
        if self._budget is None:
            return stream.encode(image, stamp_ns)
        with self._splitting:
            stream.set_share(self._budget.share(camera, stamp_ns))
        sent = stream.encode(image, stamp_ns)
        # A key frame of an inter stream says little about what the frames after it need.
        if not sent.key or stream.mode == "intra":
            with self._splitting:
                self._budget.report(camera, 8 * len(sent.packet), sent.quality, sent.downsample, sent.at_floor)
        return sent

    def set_target(self, *, target_bpp: float = math.nan, target_bitrate: float = math.nan) -> None:
        """Follow another target from the next frames on. Raises CodecError and changes nothing if it is impossible."""
        for stream in self.streams:
            stream.set_target(target_bpp=target_bpp, target_bitrate=target_bitrate / len(self.streams))
        self._target = Target(target_bpp, target_bitrate)
        self._budget = self._make_budget()

    def reset(self) -> None:
        """Return to the state after construction, a target set since then aside."""
        for stream in self.streams:
            stream.reset()
        self.set_target(target_bpp=self._target.bpp, target_bitrate=self._target.bitrate)

    def _make_budget(self) -> SharedBudget | None:
        if len(self.streams) < 2 or math.isnan(self._target.bitrate):
            return None
        return SharedBudget(self._target.bitrate, len(self.streams), self._window)
