"""Asks a policy about recorded instants, once with the original pictures and once with each setting's decoded ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.action_error import ActionError, action_error
from embodiedcomp_eval.bags.images import Frame
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.joint_memory import JointMemory
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import Policy
from embodiedcomp_policy.robot import Robot

DEPTH = 8
"""Frames kept per camera, waiting for the other cameras and the joints of their instant."""
STATES = 1024
LOGGED_WITHIN_NS = 1_000_000_000
"""A joint state belongs to a frame only if both were recorded within this time: after a clock jump, stamps come again."""


@dataclass(frozen=True)
class Pictures:
    """One instant of one camera: the original, and the decoded picture of each setting, by label."""

    stamp_ns: int
    log_ns: int
    original: Frame
    decoded: Mapping[str, Frame]


@dataclass(frozen=True)
class Answer:
    """One comparison. cameras: whose pictures were decoded ones, "all" or one camera's name."""

    setting: str
    cameras: str
    stamp_ns: int
    log_ns: int
    error: ActionError


class PolicyProbe:
    """The policy is reset before each answer, with the same seed for original and decoded: only the pictures differ."""

    def __init__(
        self,
        policy: Policy,
        robot: Robot,
        instruction: str,
        *,
        period: float = 1.0,
        image_tolerance: float = 0.02,
        state_tolerance: float = 0.05,
    ) -> None:
        """period: s of stamp time between questions, at least. Tolerances: s between stamps of what is put together."""
        self._policy, self._robot, self._instruction = policy, robot, instruction
        self._period_ns = round(1e9 * period)
        self._image_ns, self._state_ns = round(1e9 * image_tolerance), round(1e9 * state_tolerance)
        self._memory = JointMemory(robot)
        self._frames: dict[str, deque[Pictures]] = {name: deque(maxlen=DEPTH) for name in policy.cameras}
        self._states: deque[tuple[int, int, npt.NDArray[np.float64]]] = deque(maxlen=STATES)
        self._asked_ns: int | None = None
        self.questions = 0

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras that the policy wants."""
        return self._policy.cameras

    def restart(self) -> None:
        """The recording's clock jumped back: frames of before are not put together with later ones."""
        for frames in self._frames.values():
            frames.clear()
        self._asked_ns = None

    def add_joints(self, stamp_ns: int, log_ns: int, names: Sequence[str], positions: Sequence[float]) -> list[Answer]:
        """A joint state message; returns what could be answered with it."""
        state = self._memory.update(stamp_ns, names, positions)
        if state is None:
            return []
        self._states.append((stamp_ns, log_ns, state))
        return self._answer()

    def add_pictures(self, camera: str, pictures: Pictures) -> list[Answer]:
        """Pictures of one of the policy's cameras; returns what could be answered with them."""
        due = self._asked_ns is None or pictures.stamp_ns >= self._asked_ns + self._period_ns - self._image_ns
        if not due:
            return []
        self._frames[camera].append(pictures)
        return self._answer()

    def _answer(self) -> list[Answer]:
        first = self.cameras[0]
        for candidate in list(self._frames[first]):
            chosen = {name: self._near(name, candidate) for name in self.cameras}
            state = self._state_near(candidate)
            whole = {name: pictures for name, pictures in chosen.items() if pictures is not None}
            if state is None or len(whole) < len(self.cameras):
                continue
            self._asked_ns = candidate.stamp_ns
            for frames in self._frames.values():
                frames.clear()
            return self._compare(candidate, whole, state)
        return []

    def _near(self, camera: str, wanted: Pictures) -> Pictures | None:
        near = min(self._frames[camera], key=lambda p: abs(p.stamp_ns - wanted.stamp_ns), default=None)
        return near if near is not None and abs(near.stamp_ns - wanted.stamp_ns) <= self._image_ns else None

    def _state_near(self, wanted: Pictures) -> npt.NDArray[np.float64] | None:
        logged = [s for s in self._states if abs(s[1] - wanted.log_ns) <= LOGGED_WITHIN_NS]
        near = min(logged, key=lambda s: abs(s[0] - wanted.stamp_ns), default=None)
        return near[2] if near is not None and abs(near[0] - wanted.stamp_ns) <= self._state_ns else None

    def _compare(
        self, instant: Pictures, pictures: Mapping[str, Pictures], state: npt.NDArray[np.float64]
    ) -> list[Answer]:
        originals = {name: p.original for name, p in pictures.items()}
        reference = self._act(originals, state, instant.stamp_ns)
        answers = []
        for label in instant.decoded:
            decoded = {name: p.decoded[label] for name, p in pictures.items()}
            mixtures = {"all": decoded}
            if len(decoded) > 1:
                mixtures.update({name: {**originals, name: decoded[name]} for name in decoded})
            for which, images in mixtures.items():
                error = action_error(reference, self._act(images, state, instant.stamp_ns), self._robot)
                answers.append(Answer(label, which, instant.stamp_ns, instant.log_ns, error))
        self.questions += 1
        return answers

    def _act(self, images: Mapping[str, Frame], state: npt.NDArray[np.float64], stamp_ns: int) -> Chunk:
        self._policy.reset(self.questions)
        return self._policy.act(Observation(images, state.copy(), self._instruction, stamp_ns))
