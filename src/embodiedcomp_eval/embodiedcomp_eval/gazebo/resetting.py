"""What a reset of the Gazebo trial does, as a state machine: no ROS, no Gazebo, no clock of its own.

The arm goes home by its own controller, as a real one would: Gazebo has no service that sets joints, and its reset of a
whole world winds the clock back under everybody's feet. Then the scene is placed, and must come to rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

HOME_TOLERANCE = 0.01
"""rad, of every joint: gravity takes up to a third of it."""
GRIPPER_TOLERANCE = 0.03
REST_TIME_NS = 500_000_000
"""Simulated time for which the object must have lain still."""
REST_DISTANCE = 0.0005
"""m that an object at rest may move within REST_TIME_NS."""
PATIENCE_NS = 15_000_000_000
"""Simulated time after which a step that has not been reached is begun again."""


class Step(Enum):
    """Where a reset stands."""

    IDLE = "no reset was asked for"
    HOMING = "the arm is on its way home"
    PLACING = "the scene is being placed"
    RESTING = "the object is coming to rest"
    READY = "ready"


class Action(Enum):
    """What the caller shall do next; NOTHING: wait."""

    NOTHING = 0
    GO_HOME = 1
    PLACE = 2


@dataclass
class _Rest:
    since_ns: int
    place: Vector


class Resetting:
    """Ask ``next_action`` whenever something was seen; tell it what was done with ``placed``.

    home: ``(J,)`` rad, gripper last.
    """

    def __init__(self, home: Vector) -> None:
        self._home = home
        self._tolerance = np.full(len(home), HOME_TOLERANCE)
        self._tolerance[-1] = GRIPPER_TOLERANCE
        self.step = Step.IDLE
        self.episode: tuple[int, int] | None = None
        self.scene: dict[str, Any] = {}
        self._begun_ns: int | None = None
        self._rest: _Rest | None = None

    def ask(self, seed: int, episode: int) -> bool:
        """Begin the reset of that episode unless it has begun. True once it is done."""
        if self.episode != (seed, episode):
            self.episode, self.scene = (seed, episode), {}
            self._enter(Step.HOMING)
        return self.step is Step.READY

    def next_action(self, now_ns: int, joints: Vector | None) -> Action:
        """joints: the newest measured ``(J,)`` rad, None before the first."""
        if self.step is not Step.HOMING or joints is None:
            return Action.NOTHING
        if bool(np.all(np.abs(joints - self._home) <= self._tolerance)):
            self._enter(Step.PLACING)
            return Action.PLACE
        if self._begun_ns is None or not 0 <= now_ns - self._begun_ns < PATIENCE_NS:
            self._begun_ns = now_ns
            return Action.GO_HOME
        return Action.NOTHING

    def placed(self, scene: dict[str, Any]) -> None:
        """The scene stands: what was drawn for it, JSON-able."""
        if self.step is Step.PLACING:
            self.scene = scene
            self._enter(Step.RESTING)

    def failed(self) -> None:
        """The scene could not be placed: the next ``ask`` begins anew."""
        self.episode = None
        self._enter(Step.IDLE)

    def see_object(self, stamp_ns: int, place: Vector) -> None:
        """Where the object is, ``(3,)`` m."""
        if self.step is not Step.RESTING:
            return
        rest = self._rest
        if rest is None or stamp_ns < rest.since_ns or float(np.linalg.norm(place - rest.place)) > REST_DISTANCE:
            self._rest = _Rest(stamp_ns, place)
        elif stamp_ns - rest.since_ns >= REST_TIME_NS:
            self.scene = {**self.scene, "settled_position": [float(value) for value in place]}
            self._enter(Step.READY)

    def _enter(self, step: Step) -> None:
        self.step, self._begun_ns, self._rest = step, None, None
