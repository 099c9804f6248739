"""A second encoder in the same state as the open one, with which a frame of a long group can be tried."""

from __future__ import annotations

import zlib

import numpy as np

from embodiedcomp_codec.codec import Codec, CodecError, Encoder, Image, Mode

CATCH_UP = 3  # frames a frame, by which a fresh encoder follows after one was spoilt
KEPT_BYTES, KEPT_FRAMES = 1 << 25, 1024  # of pictures that differ, of all; beyond that a spoilt one is not replaced


class Spare:
    """Made with a group's frames so far, ``(H, W, 3) uint8`` and their qualities, and given every frame after them.

    It comes to the open encoder's state little by little. So does a fresh one when a frame that was tried is not sent. Where an
    encoder gives other bytes than were sent, or none, it is not in that state and never will be: then there is none any more.
    """

    def __init__(self, codec: Codec, mode: Mode, frames: list[tuple[Image, float]]) -> None:
        self._codec, self._mode = codec, mode
        self._frames: list[tuple[Image, float, int | None]] = []
        self._bytes = 0
        self._encoder: Encoder | None = None
        self._lost = False
        for small, quality in frames:
            self._keep(small, quality, None)
        self._behind = len(frames)

    def add(self, small: Image, quality: float, data: bytes) -> None:
        """Follow with the group's next frame, which was sent as ``data``."""
        if self._lost:
            return
        check = zlib.crc32(data)
        self._keep(small, quality, check)
        if self._encoder is not None and self._behind == 0:
            self._follow(small, quality, check, False)
            return
        self._behind += 1
        if self._full:
            self._lose()
            return
        if self._encoder is None:
            self._encoder = self._codec.encoder(small.shape[1], small.shape[0], self._mode)
            self._behind = len(self._frames)
        for _ in range(min(CATCH_UP, self._behind)):
            at = len(self._frames) - self._behind
            self._behind -= 1
            self._follow(*self._frames[at], at == 0)
            if self._lost:
                return

    def _follow(self, small: Image, quality: float, check: int | None, key: bool) -> None:
        assert self._encoder is not None
        try:
            coded = self._encoder.encode(small, quality, key)
        except CodecError:
            self._lose()
            return
        if check is not None and zlib.crc32(coded.data) != check:
            self._lose()

    def _lose(self) -> None:
        self._frames, self._encoder, self._lost = [], None, True

    @property
    def _full(self) -> bool:
        return self._bytes > KEPT_BYTES or len(self._frames) > KEPT_FRAMES

    def _keep(self, small: Image, quality: float, check: int | None) -> None:
        if self._full:
            return
        # A picture that stands is often the same to the last bit, and then kept once.
        same = self._frames and np.array_equal(self._frames[-1][0], small)
        self._frames.append((self._frames[-1][0] if same else small.copy(), quality, check))
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
