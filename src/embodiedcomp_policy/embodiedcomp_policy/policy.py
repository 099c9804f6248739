"""The protocol that every policy plug-in implements, and nothing else."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation


class PolicyError(ValueError):
    """The user asked for a policy that can't be had as asked; the message names the value and the valid choices."""


@runtime_checkable
class Policy(Protocol):
    """Images, state and text in; a chunk of joint targets out. Registered by the entry point ``embodiedcomp.policies``.

    The entry point is a factory ``(checkpoint: str | None, server: str | None) -> Policy``; it raises PolicyError. One that
    needs the arm's kinematics also takes ``robot_description: str | None`` (URDF, XML; None: the robot file's own), one that
    drives more than one robot ``robot: Robot | None`` (None: its own default). A policy may say in an attribute ``robot: Robot``
    which one it drives; one that is not the robot in front of it is refused at the start.
    """

    cameras: tuple[str, ...]

    def reset(self, seed: int) -> None:
        """Forget everything of the last episode; every random choice from now on follows from ``seed``."""
        ...

    def act(self, observation: Observation) -> Chunk:
        """Answer one observation. The chunk carries ``observation.stamp_ns``."""
        ...
