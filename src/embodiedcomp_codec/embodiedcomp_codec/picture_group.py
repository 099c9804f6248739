"""The frames since the last key frame: what it takes to bring a fresh encoder to where the open one stands."""

from __future__ import annotations

from embodiedcomp_codec.codec import Codec, Encoder, Image, Mode

REPLAY_PIXELS = 32 * 256 * 256  # an inter frame is tried again only while its group of pictures is this small


class PictureGroup:
    """Of one inter stream. Encoders here are deterministic: the same frames at the same qualities give the same state."""

    def __init__(self, codec: Codec, mode: Mode) -> None:
        self._codec, self._mode = codec, mode
        self._frames: list[tuple[Image, float, bool]] = []
        self.pixels = 0
        """Source pixels of all its frames."""
        self.finest = 0.0
        """The best quality of any of them."""

    @property
    def replayable(self) -> bool:
        """Whether a frame can be tried again: the group is still short."""
        return self.pixels <= REPLAY_PIXELS

    def add(self, small: Image, source_pixels: int, quality: float, key: bool) -> None:
        """Take in a frame as it was coded; a key frame begins anew."""
        if key:
            self._frames, self.pixels, self.finest = [], 0, 0.0
        self.pixels += source_pixels
        self.finest = max(self.finest, quality)
        if self.replayable:
            self._frames.append((small.copy(), quality, key))
        else:
            self._frames = []

    @property
    def frames(self) -> list[tuple[Image, float]]:
        """What a fresh encoder must be given, in order, the first as a key frame; only while replayable."""
        return [(small, quality) for small, quality, _ in self._frames]

    def replay(self) -> Encoder:
        """A fresh encoder brought to where the open one stood before this frame."""
        first = self._frames[0][0]
        encoder = self._codec.encoder(first.shape[1], first.shape[0], self._mode)
        for small, quality, key in self._frames:
            encoder.encode(small, quality, key)
        return encoder
