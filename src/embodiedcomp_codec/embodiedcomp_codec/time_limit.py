"""A time limit for calls into C that may never return: nothing can end such a call, but its caller can go on."""

from __future__ import annotations

import queue
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")
LOOK = 0.05  # s between looks whether a call is dead


class StalledError(Exception):
    """The call has not come back within its time; it goes on holding its thread."""


def within(seconds: float, call: Callable[[], Answer], dead: Callable[[], bool] = lambda: False) -> Answer:
    """``call()``, made on a second thread that this one keeps for it. Raises StalledError after ``seconds``, or once ``dead``
    says that it will never come back, and whatever the call raises."""
    helper = getattr(_own, "helper", None)
    if helper is None:
        helper = _own.helper = _Helper()
    try:
        return helper.ask(call, seconds, dead)
    except queue.Empty:
        del _own.helper  # the next call gets another thread
        raise StalledError(f"no answer within {seconds:g} s") from None


class _Helper:
    """A daemon thread, so that a call that never returns doesn't keep the process from ending."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        threading.Thread(target=_serve, args=(self._calls, self._answers), name="time limit", daemon=True).start()
        weakref.finalize(self, self._calls.put, None)

    def ask(self, call: Callable[[], Any], seconds: float, dead: Callable[[], bool]) -> Any:
        self._calls.put(call)
        until = time.monotonic() + seconds
        while True:
            try:
                answer, error = self._answers.get(timeout=max(min(until - time.monotonic(), LOOK), 0.0))
                break
            except queue.Empty:
                if dead() or time.monotonic() >= until:
                    raise
        if error is not None:
            raise error
        return answer


def _serve(
    calls: queue.SimpleQueue[Callable[[], Any] | None], answers: queue.SimpleQueue[tuple[Any, BaseException | None]]
) -> None:
    while (call := calls.get()) is not None:
        try:
            answers.put((call(), None))
        except BaseException as error:  # noqa: BLE001 (it is raised where the answer is awaited)
            answers.put((None, error))
        del call


_own = threading.local()
