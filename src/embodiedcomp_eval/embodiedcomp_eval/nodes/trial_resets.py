"""Asks every stateful node to forget the last episode, again and again until all are ready."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from rclpy.node import Node

from embodiedcomp_eval.infrastructure import InfrastructureError
from embodiedcomp_eval.nodes.waits import Waits
from embodiedcomp_msgs.srv import ResetEpisode

PAUSE = 0.05
"""s of wall time before a node that isn't ready is asked again."""


class Resets:
    """One client of ``NODE/reset_episode`` for each node."""

    def __init__(self, node: Node, names: Sequence[str], waits: Waits, patience: float) -> None:
        """patience: s of wall time until all must be ready."""
        self._waits, self._patience = waits, patience
        self._clients = {name: node.create_client(ResetEpisode, f"{name}/reset_episode") for name in names}

    @property
    def absent(self) -> list[str]:
        """Nodes whose service is not there."""
        return [name for name, client in self._clients.items() if not client.service_is_ready()]

    async def reset(self, seed: int, number: int) -> dict[str, Any]:
        """Reset them all; returns the scene. Raises InfrastructureError naming who did not answer, or why it refused."""
        deadline = time.monotonic() + self._patience
        waiting, scene = set(self._clients), "{}"
        while True:
            request = ResetEpisode.Request(seed=seed, episode=number)
            futures = {name: self._clients[name].call_async(request) for name in sorted(waiting)}
            if not await self._waits.until(
                lambda: all(future.done() for future in futures.values()),  # noqa: B023
                deadline - time.monotonic(),
            ):
                silent = sorted(name for name, future in futures.items() if not future.done())
                raise InfrastructureError(f"no answer to reset_episode from {', '.join(silent)}")
            answers = {name: future.result() for name, future in futures.items()}
            waiting = {name for name, answer in answers.items() if not answer.ok}
            scene = next((answer.scene_json for answer in answers.values() if answer.scene_json), scene)
            if not waiting:
                found: dict[str, Any] = json.loads(scene)
                return found
            if time.monotonic() > deadline:
                reasons = "; ".join(f"{name}: {answers[name].message}" for name in sorted(waiting))
                raise InfrastructureError(f"reset_episode failed: {reasons}")
            await self._waits.pause(PAUSE)
