"""Decoded images and joint states of one instant become what a policy sees; images of different instants never do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodiedcomp_policy.robot_clock import JUMP_NS

Image = npt.NDArray[np.uint8]
Vector = npt.NDArray[np.float64]

DEPTH = 64
"""Stamps kept per camera, and the least joint states kept."""
STATES = 1024


@dataclass(frozen=True)
class Match:
    """One instant at which every camera has answered and the joints were measured.

    stamp_ns: that instant. state: ``(J,)`` rad.
    images: every camera's picture, all of ``image_stamp_ns``: of this instant, or, where the link lost one of its frames,
        of the last instant that came through whole; empty if none has.
    """

    stamp_ns: int
    state: Vector
    images: Mapping[str, Image]
    image_stamp_ns: int


class FrameMatcher:
    """Collects frames, losses and joint states in any order; ``take`` hands out the newest complete instant once.

    A joint state stamped more than a second before the newest says that the clock went back: what was of later is forgotten.

    image_tolerance_ns: how far apart the stamps of one set of images may be: 0 for simulated or triggered cameras.
    state_tolerance_ns: how far from the images' stamp a joint state may be.
    """

    def __init__(self, cameras: Sequence[str], image_tolerance_ns: int = 0, state_tolerance_ns: int = 0) -> None:
        if not cameras or len(set(cameras)) != len(cameras):
            raise ValueError(f"cameras must be at least one name, all different, not {list(cameras)}")
        self._cameras = tuple(cameras)
        self._image_tolerance_ns = image_tolerance_ns
        self._state_tolerance_ns = state_tolerance_ns
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._frames: dict[str, dict[int, Image | None]] = {camera: {} for camera in self._cameras}
        self._states: dict[int, Vector] = {}
        self._whole: tuple[int, dict[str, Image]] | None = None
        self._taken_ns: int | None = None

    def add_image(self, camera: str, stamp_ns: int, image: Image) -> None:
        """A decoded picture ``(H, W, 3) uint8`` RGB."""
        self._add_frame(camera, stamp_ns, image)

    def add_lost(self, camera: str, stamp_ns: int) -> None:
        """A frame that will not come. A picture of that stamp already there stays."""
        if stamp_ns not in self._frames[camera]:
            self._add_frame(camera, stamp_ns, None)

    def _add_frame(self, camera: str, stamp_ns: int, image: Image | None) -> None:
        if self._taken_ns is not None and stamp_ns <= self._taken_ns:
            return
        frames = self._frames[camera]
        frames[stamp_ns] = image
        while len(frames) > DEPTH:
            del frames[min(frames)]

    def add_state(self, stamp_ns: int, state: Vector) -> bool:
        """Measured joint positions ``(J,)`` rad. Whether the clock has gone back since the last ones."""
        went_back = bool(self._states) and stamp_ns < max(self._states) - JUMP_NS
        if went_back:
            self._forget_after(stamp_ns + JUMP_NS)
        self._states[stamp_ns] = state
        while len(self._states) > STATES:
            del self._states[min(self._states)]
        return went_back

    def _forget_after(self, stamp_ns: int) -> None:
        for frames in self._frames.values():
            for later in [later for later in frames if later > stamp_ns]:
                del frames[later]
        self._states = {state_ns: state for state_ns, state in self._states.items() if state_ns <= stamp_ns}
        self._taken_ns = self._whole = None

    def newest_ns(self) -> int | None:
        """Stamp of the newest instant that is complete and not taken; None while there is none."""
        found = self._complete(None)
        return None if found is None else found[0]

    def take(self, at_ns: int | None = None, not_before_ns: int | None = None) -> Match | None:
        """The newest instant that is complete, newer than any taken before; None while there is none.

        at_ns: look at this instant only (lockstep, where the one asked for is known). not_before_ns: at none before this one.
        """
        found = self._complete(at_ns)
        if found is None or (not_before_ns is not None and found[0] < not_before_ns):
            return None
        stamp_ns, state, chosen = found
        whole = {camera: image for camera, image in chosen.items() if image is not None}
        if len(whole) == len(self._cameras):
            self._whole = (stamp_ns, whole)
        self._taken_ns = stamp_ns
        for frames in self._frames.values():
            for old in [old for old in frames if old <= stamp_ns]:
                del frames[old]
        image_stamp_ns, images = self._whole or (stamp_ns, {})
        return Match(stamp_ns, self._states[state], images, image_stamp_ns)

    def _complete(self, at_ns: int | None) -> tuple[int, int, dict[str, Image | None]] | None:
        """The newest complete instant: its stamp, its joint state's, its frames."""
        for stamp_ns in sorted(self._frames[self._cameras[0]], reverse=True):
            if at_ns is not None and stamp_ns != at_ns:
                continue
            chosen = self._frames_near(stamp_ns)
            state = _nearest(self._states, stamp_ns, self._state_tolerance_ns)
            if chosen is not None and state is not None:
                return stamp_ns, state, chosen
        return None

    def _frames_near(self, stamp_ns: int) -> dict[str, Image | None] | None:
        chosen = {}
        for camera in self._cameras:
            nearest = _nearest(self._frames[camera], stamp_ns, self._image_tolerance_ns)
            if nearest is None:
                return None
            chosen[camera] = self._frames[camera][nearest]
        return chosen


def _nearest(stamps: Mapping[int, object], wanted_ns: int, tolerance_ns: int) -> int | None:
    if wanted_ns in stamps:
        return wanted_ns
    if tolerance_ns == 0 or not stamps:
        return None
    nearest = min(stamps, key=lambda stamp: abs(stamp - wanted_ns))
    return nearest if abs(nearest - wanted_ns) <= tolerance_ns else None
