"""Frames, joint states and commands that came when they came, on a regular grid of instants, as data sets want them. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[np.uint8]
Vector = npt.NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One instant. images: per camera ``(H, W, 3) uint8``; state, action: ``(J,)`` rad. held: cameras without a new frame."""

    stamp_ns: int
    images: Mapping[str, Frame]
    state: Vector
    action: Vector
    held: int


@dataclass(frozen=True)
class Command:
    """A trajectory as the controller got it: targets ``(T, J)`` rad, each for ``times_ns`` ``(T,)``, absolute stamps."""

    stamp_ns: int
    times_ns: npt.NDArray[np.int64]
    targets: Vector

    def at(self, now_ns: int) -> Vector:
        """The first target still to come; after the last one that one is held."""
        later = np.flatnonzero(self.times_ns > now_ns)
        return self.targets[later[0] if len(later) else -1]


class Track(Generic[T]):
    """What one source has sent lately, by stamp."""

    def __init__(self) -> None:
        self._items: deque[tuple[int, T]] = deque()

    @property
    def first_ns(self) -> int | None:
        return self._items[0][0] if self._items else None

    @property
    def newest_ns(self) -> int | None:
        return self._items[-1][0] if self._items else None

    def add(self, stamp_ns: int, value: T) -> None:
        """Append; what is not newer than the last is left out."""
        if not self._items or stamp_ns > self._items[-1][0]:
            self._items.append((stamp_ns, value))

    def near(self, now_ns: int, reach_ns: int) -> tuple[int, T] | None:
        """Stamp and value: the nearest within ``reach_ns``, else the newest before; what is older than it is forgotten."""
        near = min(self._items, key=lambda item: abs(item[0] - now_ns), default=None)
        if near is None or abs(near[0] - now_ns) > reach_ns:
            near = next((item for item in reversed(self._items) if item[0] <= now_ns), None)
        while near is not None and self._items[0][0] < near[0]:
            self._items.popleft()
        return near


class RowGrid:
    """Gives a row every ``1 / rate`` s of stamps, from the first instant that every source has known.

    A row holds of each source what is nearest within half a period, else the newest before: a lost frame is the one
    before it, as a policy would have seen. The action is the first target still to come of the newest command; without
    commands the next row's state. Sources may come in any order within two periods; a stamp that falls back is left out.
    """

    def __init__(self, cameras: Sequence[str], rate: float, commanded: bool) -> None:
        """rate: rows a second. commanded: whether commands come."""
        self._names, self._period_ns, self._commanded = tuple(cameras), round(1e9 / rate), commanded
        self._clear()

    def _clear(self) -> None:
        self._cameras: dict[str, Track[Frame]] = {name: Track() for name in self._names}
        self._states: Track[Vector] = Track()
        self._commands: Track[Command] = Track()
        self._next_ns: int | None = None
        self._used = dict.fromkeys(self._names, -1)
        self._waiting: Row | None = None

    def add_frame(self, camera: str, stamp_ns: int, frame: Frame) -> list[Row]:
        """A frame of a camera; returns the rows that are complete with it."""
        self._cameras[camera].add(stamp_ns, frame)
        return self._rows(2 * self._period_ns)

    def add_state(self, stamp_ns: int, state: Vector) -> None:
        """A full joint state."""
        self._states.add(stamp_ns, state)

    def add_command(self, command: Command) -> None:
        """A trajectory, in the order of sending."""
        self._commands.add(command.stamp_ns, command)

    def finish(self) -> list[Row]:
        """The last rows of an episode; what comes then is another one."""
        rows = self._rows(0)
        if self._waiting is not None:
            rows.append(self._waiting)
        self._clear()
        return rows

    def _rows(self, patience_ns: int) -> list[Row]:
        """Rows up to ``patience_ns`` before the newest frame of any camera, and all whose frames are all there."""
        newest = [track.newest_ns for track in self._cameras.values()]
        known = [stamp for stamp in newest if stamp is not None]
        if self._states.first_ns is None or len(known) < len(newest):
            return []
        reach = self._period_ns // 2
        if self._next_ns is None:
            firsts = [track.first_ns or 0 for track in self._cameras.values()]
            self._next_ns = max(*firsts, self._states.first_ns - reach)
        made = []
        while self._next_ns + patience_ns <= max(known):
            row = self._row(self._next_ns, reach)
            self._next_ns += self._period_ns
            if self._commanded:
                made.append(row)
                continue
            if self._waiting is not None:
                before = self._waiting
                made.append(Row(before.stamp_ns, before.images, before.state, row.state, before.held))
            self._waiting = row
        return made

    def _row(self, now_ns: int, reach_ns: int) -> Row:
        images, held = {}, 0
        for name, track in self._cameras.items():
            near = track.near(now_ns, reach_ns)
            assert near is not None, "the grid begins when every camera has begun"
            held += near[0] == self._used[name]
            self._used[name], images[name] = near
        state = self._states.near(now_ns, reach_ns)
        assert state is not None, "and when a state is known"
        command = self._commands.near(now_ns, 0)
        action = command[1].at(now_ns) if command is not None else state[1]
        return Row(now_ns, images, state[1], action, held)
