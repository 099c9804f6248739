"""The frames since the last key frame: what it takes to bring a fresh encoder to where the open one stands."""

from __future__ import annotations

import zlib

from embodiedcomp_codec.codec import Codec, CodecError, Encoder, Image, Mode

ATTEMPTS = 2
REPLAY_PIXELS = 32 * 256 * 256  # an inter frame is tried again only while its group of pictures is this small


class PictureGroup:
    """Of one inter stream. Encoders here are deterministic: the same frames at the same qualities give the same state."""

    def __init__(self, codec: Codec, mode: Mode) -> None:
        self._codec, self._mode = codec, mode
        self._frames: list[tuple[Image, float, int]] = []
        self.pixels = 0
        """Source pixels of all its frames."""
        self.finest = 0.0
        """The best quality of any of them."""
        self.verified = True
        """Whether a replay must give the bytes that were sent."""

    @property
    def replayable(self) -> bool:
        """Whether a frame can be tried again: the group is still short."""
        return self.pixels <= REPLAY_PIXELS

    def add(self, small: Image, source_pixels: int, quality: float, data: bytes, key: bool) -> None:
        """Take in a frame as it was sent, as ``data``; a key frame begins anew."""
        if key:
            self._frames, self.pixels, self.finest = [], 0, 0.0
        self.pixels += source_pixels
        self.finest = max(self.finest, quality)
        if self.replayable:
            self._frames.append((small.copy(), quality, zlib.crc32(data)))
        else:
            self._frames = []

    @property
    def frames(self) -> list[tuple[Image, float]]:
        """What a fresh encoder must be given, in order, the first as a key frame; only while replayable."""
        return [(small, quality) for small, quality, _ in self._frames]

    def replay(self) -> Encoder | None:
        """A fresh encoder brought to where the open one stood before this frame; None where it gives other bytes than were sent.

        SVT-AV1 stalls now and then and is begun anew, with a key frame: an encoder that went another way must not go on for one
        whose packets a decoder has.
        """
        for _ in range(ATTEMPTS):
            encoder = self._replayed()
            if encoder is not None:
                return encoder
        return None

    def _replayed(self) -> Encoder | None:
        first = self._frames[0][0]
        encoder = self._codec.encoder(first.shape[1], first.shape[0], self._mode)
        for number, (small, quality, sent) in enumerate(self._frames):
            try:
                coded = encoder.encode(small, quality, number == 0)
            except CodecError:
                return None
            if self.verified and zlib.crc32(coded.data) != sent:
                return None
        return encoder
