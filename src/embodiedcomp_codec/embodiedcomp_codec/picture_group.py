"""The frames since the last key frame: what it takes to bring a fresh encoder to where the open one stands."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from embodiedcomp_codec.codec import Codec, CodecError, Encoder, Image, Mode

ATTEMPTS = 2  # an encoder that stalled seldom does again
REPLAY_PIXELS = 32 * 256 * 256  # an inter frame is tried again only while its group of pictures is this small
KEPT_BYTES, KEPT_FRAMES = 1 << 25, 1024  # of pictures that differ, of all: beyond that a longer group is not kept


@dataclass(frozen=True)
class GroupFrame:
    """One frame as it was sent: the picture that was coded, ``(H, W, 3) uint8``, its quality, a check sum of the bitstream."""

    small: Image
    quality: float
    check: int

    def repeat(self, encoder: Encoder, key: bool) -> bool:
        """Give it to another encoder; whether that one made of it what was sent.

        SVT-AV1 stalls now and then and is begun anew, with a key frame: an encoder that went another way must not go on for one
        whose packets a decoder has.
        """
        try:
            coded = encoder.encode(self.small, self.quality, key)
        except CodecError:
            return False
        return zlib.crc32(coded.data) == self.check


class PictureGroup:
    """Of one inter stream. Encoders here are deterministic: the same frames at the same qualities give the same state."""

    def __init__(self, codec: Codec, mode: Mode) -> None:
        self._codec, self._mode = codec, mode
        self.frames: list[GroupFrame] = []
        """All of them, in order, the first a key frame; or none, where they are not kept."""
        self._bytes = 0
        self.pixels = 0
        """Source pixels of all its frames."""
        self.finest = 0.0
        """The best quality of any of them."""

    @property
    def replayable(self) -> bool:
        """Whether a frame can be tried again: the group is still short."""
        return self.pixels <= REPLAY_PIXELS

    def add(
        self, small: Image, source_pixels: int, quality: float, data: bytes, key: bool, long: bool = False
    ) -> GroupFrame:
        """Take in a frame as it was sent, as ``data``; a key frame begins anew.

        long: whether a group too long to replay is kept.
        """
        if key:
            self.frames, self._bytes, self.pixels, self.finest = [], 0, 0, 0.0
        self.pixels += source_pixels
        self.finest = max(self.finest, quality)
        check = zlib.crc32(data)
        spacious = self._bytes <= KEPT_BYTES and len(self.frames) <= KEPT_FRAMES
        if not self.replayable and not (long and self.frames and spacious):
            self.frames, self._bytes = [], 0
            return GroupFrame(small, quality, check)
        # A picture that stands is often the same to the last bit, and then kept once.
        same = self.frames and np.array_equal(self.frames[-1].small, small)
        frame = GroupFrame(self.frames[-1].small if same else small.copy(), quality, check)
        self._bytes += 0 if same else small.nbytes
        self.frames.append(frame)
        return frame

    def fresh(self) -> Encoder:
        """An encoder that was given none of its frames. Only while they are kept."""
        height, width = self.frames[0].small.shape[:2]
        return self._codec.encoder(width, height, self._mode)

    def replay(self) -> Encoder | None:
        """One brought to where the open one stood before this frame; None where it gives other bytes than were sent.

        Only while replayable.
        """
        for _ in range(ATTEMPTS):
            encoder = self.fresh()
            if all(frame.repeat(encoder, number == 0) for number, frame in enumerate(self.frames)):
                return encoder
        return None
