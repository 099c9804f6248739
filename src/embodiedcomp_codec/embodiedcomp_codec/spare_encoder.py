"""A second encoder in the same state as the open one, with which a frame of a long group can be tried."""

from __future__ import annotations

from embodiedcomp_codec.codec import Encoder
from embodiedcomp_codec.picture_group import GroupFrame, PictureGroup

CATCH_UP = 3  # frames a frame, by which a fresh encoder follows after one was spoilt


class Spare:
    """Begun while the frames of ``group`` are kept, and given every frame after them.

    It comes to the open encoder's state little by little. So does a fresh one when a frame that was tried is not sent. Where an
    encoder gives other bytes than were sent, or none, it is not in that state and never will be: then there is none any more.
    """

    def __init__(self, group: PictureGroup) -> None:
        self._group = group
        self._encoder: Encoder | None = None
        self._behind = len(group.frames)
        self.lost = False
        """Whether there is none any more."""

    def add(self, frame: GroupFrame) -> None:
        """Follow with the frame that the group took last."""
        if self.lost:
            return
        if self.ready:
            self._follow(frame, False)
            return
        self._behind += 1
        frames = self._group.frames
        if not frames:
            self._lose()
            return
        if self._encoder is None:
            self._encoder, self._behind = self._group.fresh(), len(frames)
        for _ in range(min(CATCH_UP, self._behind)):
            at = len(frames) - self._behind
            self._behind -= 1
            self._follow(frames[at], at == 0)
            if self.lost:
                return

    def _follow(self, frame: GroupFrame, key: bool) -> None:
        assert self._encoder is not None
        if not frame.repeat(self._encoder, key):
            self._lose()

    def _lose(self) -> None:
        self._encoder, self.lost = None, True

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
