"""One bit rate for several cameras: who gets how much of it, so that all come out at about the same quality.

A camera's *need* is what its frames would cost at one common quality: their bits, scaled by the quality they were coded at.
A picture that stands still or is easy costs little and needs little; what it leaves goes to the others. Shares change
only from one slot of stamp time to the next, on what the slots before have shown: frames of one instant are coded under
one split, in whatever order they arrive. A camera that can't go below a floor gets it, from what the others have beyond
their reserve, so that they come to terms with what is really left.
"""

from __future__ import annotations

SLOTS = 2  # of them make a window
HALVINGS = 6.0  # of the bits, over the whole range of quality; fewer than codecs really have: then shares never swing
MEMORY = 0.5  # share of a need that is kept from slot to slot
SPEED = 0.5  # share of the way to the new split that is gone in one slot
RESERVE = 0.2  # of an equal share is every camera's, whatever it needs: a still picture may move in the next frame
SILENCE = 3.0  # windows without a frame, after which a camera's share goes to the others


class SharedBudget:
    """Splits ``bitrate`` bit/s among ``cameras`` over slots of ``window`` / 2 s. Stamps in ns; nothing else is a clock."""

    def __init__(self, bitrate: float, cameras: int, window: float) -> None:
        if not bitrate > 0 or cameras < 1 or not window > 0:
            raise ValueError(f"no budget of {bitrate:g} bit/s for {cameras} cameras over {window:g} s")
        self._bitrate = bitrate
        self._cameras = cameras
        self._slot_ns = max(1, round(window * 1e9 / SLOTS))
        self.reset()

    def reset(self) -> None:
        """Return to the state after construction, the bit rate aside: equal shares."""
        self._slot: int | None = None
        self._shares = [1 / self._cameras] * self._cameras
        self._needs = [0.0] * self._cameras
        self._reported = [0.0] * self._cameras
        self._floored = [0.0] * self._cameras
        self._floors = [0.0] * self._cameras
        self._last: list[int | None] = [None] * self._cameras
        self._silent = [0.0] * self._cameras

    def retarget(self, bitrate: float) -> None:
        """Split another bit rate from now on."""
        self._bitrate = bitrate

    @property
    def bitrate(self) -> float:
        """What is split, in bit/s."""
        return self._bitrate

    def share(self, camera: int, stamp_ns: int) -> float:
        """The bit/s of ``camera`` for its frame at ``stamp_ns``."""
        slot = stamp_ns // self._slot_ns
        last = self._last[camera]
        # A camera whose own stamps jump far back is a bag that begins again; one that is behind the others has a backlog.
        if self._slot is None or (last is not None and slot < last - SLOTS):
            self._slot, self._last = slot, [None] * self._cameras
        elif slot > self._slot:
            self._close(slot - self._slot)
            self._slot = slot
        self._last[camera] = slot
        if self._silent[camera] > SILENCE * SLOTS:
            self._silent[camera] = 0.0
            self._shares = _normalised([max(share, RESERVE / self._cameras) for share in self._shares])
        return self._bitrate * self._shares[camera]

    def report(self, camera: int, bits: float, quality: float, downsample: int, at_floor: bool = False) -> None:
        """What the camera's frame cost, at ``quality`` in [0, 1] and ``downsample``/8 of its sides; could it cost less?"""
        self._silent[camera] = -1.0
        self._floored[camera] += bits if at_floor else 0.0
        self._reported[camera] += bits * 2 ** (-HALVINGS * quality) * (8 / downsample) ** 2

    def _close(self, slots: int) -> None:
        """Take in what was reported in the last ``slots`` slots, and split anew."""
        kept = MEMORY**slots
        for camera, reported in enumerate(self._reported):
            self._silent[camera] = 0.0 if self._silent[camera] < 0 else self._silent[camera] + slots
            self._needs[camera] = kept * self._needs[camera] + (1 - kept) * reported / slots
            floor = self._floored[camera] / (slots * self._slot_ns * 1e-9 * self._bitrate)
            self._floors[camera] = kept * self._floors[camera] + (1 - kept) * floor
        self._reported, self._floored = [0.0] * self._cameras, [0.0] * self._cameras
        present = [silent <= SILENCE * SLOTS for silent in self._silent]
        total = sum(need for need, here in zip(self._needs, present, strict=True) if here)
        if not any(present) or total <= 0:
            return
        equal = 1 / sum(present)
        goals = [
            (RESERVE * equal + (1 - RESERVE) * need / total) if here else 0.0
            for need, here in zip(self._needs, present, strict=True)
        ]
        goals = _above_floors(goals, self._floors, RESERVE * equal)
        step = 1 - (1 - SPEED) ** slots
        shares = [share + step * (goal - share) for share, goal in zip(self._shares, goals, strict=True)]
        self._shares = _normalised([share if here else 0.0 for share, here in zip(shares, present, strict=True)])


def _above_floors(goals: list[float], floors: list[float], reserve: float) -> list[float]:
    """The shares with every floor met, taken from the others in proportion to what they have beyond ``reserve``."""
    missing = sum(max(floor - goal, 0.0) for goal, floor in zip(goals, floors, strict=True))
    spare = [max(goal - max(floor, reserve), 0.0) for goal, floor in zip(goals, floors, strict=True)]
    if missing <= 0 or sum(spare) <= 0:
        return goals
    given = min(missing, sum(spare))
    return [
        goal + given * (max(floor - goal, 0.0) / missing - extra / sum(spare))
        for goal, floor, extra in zip(goals, floors, spare, strict=True)
    ]


def _normalised(shares: list[float]) -> list[float]:
    total = sum(shares)
    return [share / total for share in shares]
