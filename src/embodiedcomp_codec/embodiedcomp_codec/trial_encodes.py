"""The encoders of one camera's stream, and the ways to try a frame before it is sent.

A frame is coded in the open encoder, which it changes; in a replay of its group of pictures, as often as one likes, while that
is short; or once in a second encoder, which stands where the open one does. Which trial is sent, ``EncoderStream`` decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from embodiedcomp_codec.codec import Codec, CodecError, Coded, Encoder, Image, Mode
from embodiedcomp_codec.picture_group import PictureGroup
from embodiedcomp_codec.spare_encoder import Spare


@dataclass(frozen=True)
class Trial:
    """One way to code the frame at hand: the encoder as it stands afterwards, and what it gave."""

    encoder: Encoder
    coded: Coded
    level: int
    downsample: int

    @property
    def bits(self) -> int:
        """Of the bitstream, without our header."""
        return 8 * len(self.coded.data)


class TrialEncodes:
    """Of one stream of ``codec``. Pictures ``(H, W, 3) uint8`` are already downsampled; qualities are in 0 … 1."""

    def __init__(self, codec: Codec, mode: Mode) -> None:
        self._codec, self._mode = codec, mode
        self.group = PictureGroup(codec, mode)
        self.open: Encoder | None = None
        self.downsample = 8
        """Of the last frame, in eighths."""
        self._second: Spare | None = None

    def alone(self, small: Image, n: int, level: int, quality: float, anew: bool) -> Trial:
        """A frame that needs no other, downsampled to ``n`` eighths. anew: in an encoder of its own, whatever there is."""
        encoder = self.open
        if encoder is None or anew or n != self.downsample:
            encoder = self._codec.encoder(small.shape[1], small.shape[0], self._mode)
        return Trial(encoder, encoder.encode(small, quality, True), level, n)

    def predicted(self, small: Image, level: int, quality: float) -> Trial:
        """A predicted frame in the open encoder."""
        assert self.open is not None, "the first frame is a key frame"
        return Trial(self.open, self.open.encode(small, quality, False), level, self.downsample)

    def replayed(self, small: Image, level: int, quality: float) -> Trial | None:
        """The same in a replay of the group, only while ``group.replayable``; None where that can't be had."""
        encoder = self.group.replay()
        if encoder is None:
            return None
        return Trial(encoder, encoder.encode(small, quality, False), level, self.downsample)

    def aside(self, small: Image, level: int, quality: float) -> Trial | None:
        """The same in the second encoder, which is spoilt unless the trial is kept; None if there is none now."""
        encoder = self._second.take() if self._second is not None else None
        if encoder is None:
            return None
        try:
            return Trial(encoder, encoder.encode(small, quality, False), level, self.downsample)
        except CodecError:
            return None

    def keep(self, trial: Trial) -> Trial:
        """Send what ``aside`` made: the open encoder becomes the second."""
        assert self._second is not None and self.open is not None
        self._second.give(self.open)
        return trial

    @property
    def guarded(self) -> bool:
        """Whether ``aside`` can try the next frame."""
        return self._second is not None and self._second.ready

    def sent(self, trial: Trial) -> None:
        """Go on from ``trial``."""
        self.open, self.downsample = trial.encoder, trial.downsample

    def follow(self, small: Image, source_pixels: int, quality: float, data: bytes, key: bool) -> None:
        """Take the frame that was sent as ``data`` into the group, and into the second encoder."""
        if key:
            self._second = None
        second = self._second is not None and not self._second.lost
        frame = self.group.add(small, source_pixels, quality, data, key, long=second)
        if self._second is not None:
            self._second.add(frame)

    def drop_second(self) -> None:
        """Do without a second encoder."""
        self._second = None

    def get_second(self) -> bool:
        """See that there is a second encoder, if the group is short enough to bring one to where the open one stands."""
        if self._second is None and self.group.replayable:
            self._second = Spare(self.group)
        return self._second is not None
