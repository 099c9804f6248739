"""A second encoder in the same state as the open one, with which a frame of a long group can be tried."""

from __future__ import annotations

import numpy as np

from embodiedcomp_codec.codec import Codec, Encoder, Image, Mode

CATCH_UP = 3  # frames a frame, by which a fresh encoder follows after one was spoilt
KEPT_BYTES = 1 << 25  # of pictures that differ; beyond that a spoilt one is not replaced


class Spare:
    """Made with a group's frames so far, ``(H, W, 3) uint8`` and their qualities, and given every frame after them.

    It comes to the open encoder's state little by little. So does a fresh one when a frame that was tried is not sent.
    """

    def __init__(self, codec: Codec, mode: Mode, frames: list[tuple[Image, float]]) -> None:
        self._codec, self._mode = codec, mode
        self._frames: list[tuple[Image, float]] = []
        self._bytes = 0
        self._encoder: Encoder | None = None
        for small, quality in frames:
            self._keep(small, quality)
        self._behind = len(frames)

    def add(self, small: Image, quality: float) -> None:
        """Follow with the group's next frame."""
        self._keep(small, quality)
        if self._encoder is not None and self._behind == 0:
            self._encoder.encode(small, quality, len(self._frames) == 1)
            return
        self._behind += 1
        if self._bytes > KEPT_BYTES:
            self._frames, self._encoder = [], None
            return
        if self._encoder is None:
            self._encoder = self._codec.encoder(small.shape[1], small.shape[0], self._mode)
            self._behind = len(self._frames)
        for _ in range(min(CATCH_UP, self._behind)):
            at = len(self._frames) - self._behind
            self._encoder.encode(*self._frames[at], at == 0)
            self._behind -= 1

    def _keep(self, small: Image, quality: float) -> None:
        if self._bytes > KEPT_BYTES:
            return
        # A picture that stands is often the same to the last bit, and then kept once.
        same = self._frames and np.array_equal(self._frames[-1][0], small)
        self._frames.append((self._frames[-1][0] if same else small.copy(), quality))
        self._bytes += 0 if same else small.nbytes

    @property
    def ready(self) -> bool:
        """Whether the next frame can be tried in it."""
        return self._behind == 0 and self._encoder is not None

    def take(self) -> Encoder | None:
        """The encoder, to try the next frame with; None while a fresh one has not caught up."""
        if self._behind > 0:
            return None
        encoder, self._encoder = self._encoder, None
        return encoder

    def give(self, encoder: Encoder) -> None:
        """One that stands where the open encoder does before the next frame is added."""
        self._encoder = encoder
