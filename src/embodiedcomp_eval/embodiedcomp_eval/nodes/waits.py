"""Waiting within rclpy's executor: futures that are true as soon as a condition holds, without a thread."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.node import Node
from rclpy.task import Future

Condition = Callable[[], bool]


class Waits:
    """Conditions that somebody awaits. ``notify`` looks at them: after every message, and now and then for deadlines."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._waits: list[tuple[Condition, float, Future]] = []

    def until(self, ready: Condition, seconds: float) -> Future:
        """A future that is True as soon as ``ready`` holds, False after ``seconds`` of wall time."""
        future: Future = Future(executor=self._node.executor)
        if ready():
            future.set_result(True)
        else:
            self._waits.append((ready, time.monotonic() + seconds, future))
        return future

    def pause(self, seconds: float) -> Future:
        """A future that is False after ``seconds`` of wall time."""
        return self.until(lambda: False, seconds)

    def notify(self) -> None:
        """Something has changed."""
        waits, self._waits = self._waits, []
        for wait in waits:
            ready, deadline, future = wait
            if ready():
                future.set_result(True)
            elif time.monotonic() > deadline:
                future.set_result(False)
            else:
                self._waits.append(wait)
