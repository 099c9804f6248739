"""Episodes as Ray tasks: on all cores of this machine, or on a cluster whose nodes have this package installed."""

from __future__ import annotations

import logging
import math
import os
import socket
import time
from collections.abc import Callable, Iterator

import ray
from ray.exceptions import RayError, RayTaskError

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.sweep import EPISODE_SECONDS, Done, Runner, Work

OBJECT_STORE_BYTES = 128 * 1024 * 1024
"""Results are a few kilobytes each; Ray's default would take a third of the machine's memory."""

STARTS = 3
"""How often a start on this machine is tried."""


class RayEngine:
    """An Engine. One task per episode on one CPU; Ray keeps the worker processes, and with them simulator and policy."""

    def __init__(
        self,
        run: Runner,
        address: str | None = None,
        workers: int | None = None,
        episode_seconds: float = EPISODE_SECONDS,
    ) -> None:
        """address: of a running cluster (``HOST:PORT`` or ``auto``); None starts Ray here with ``workers`` or all cores.

        episode_seconds: how long an attempt may take from its start on a worker; then the worker is ended, whatever it
        hangs in, and the attempt is an infrastructure error.
        Raises ConfigError where the cluster can't be reached.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            if address is None:
                _start_here(workers)
            else:
                _check_reachable(address)
                _show_token()
                ray.init(address, logging_level=logging.ERROR, log_to_driver=False)
        except Exception as error:  # among others a bare Exception, from a node that starts too slowly
            raise ConfigError(f"can't use Ray at {address or 'this machine'}: {_one_line(error)}") from error
        self.slots = max(1, int(ray.cluster_resources().get("CPU", 1)))
        # retried by the sweep, which counts them; a worker that leaks or was upset is replaced now and then
        self._task = ray.remote(num_cpus=1, max_retries=0, max_calls=1000, num_returns="streaming")(_announced(run))
        self._running: dict[ray.ObjectRefGenerator, Work] = {}
        self._episode_seconds = episode_seconds
        self._deadlines: dict[ray.ObjectRefGenerator, float] = {}
        """Of those that a worker has begun, by time.monotonic()."""

    @property
    def in_flight(self) -> int:
        return len(self._running)

    def submit(self, work: Work) -> None:
        self._running[self._task.remote(work)] = work

    def wait(self) -> tuple[Work, Done | str]:
        while True:
            patience = min(self._deadlines.values(), default=math.inf) - time.monotonic()
            ready, _ = ray.wait(list(self._running), timeout=max(patience, 0.0) if patience < math.inf else None)
            if not ready:
                return self._end_overdue()
            (task,) = ready
            try:
                answer: Done | None = ray.get(next(task))
            except RayTaskError as error:
                return self._forget(task), f"{type(error.cause).__name__}: {_one_line(error.cause)}"
            except RayError as error:
                return self._forget(task), f"{type(error).__name__}: {_one_line(error)}"
            if answer is not None:
                return self._forget(task), answer
            self._deadlines[task] = time.monotonic() + self._episode_seconds

    def _end_overdue(self) -> tuple[Work, str]:
        """End the worker of the attempt that is longest overdue, from outside: code that hangs in C hears no signal."""
        task = min(self._deadlines, key=self._deadlines.__getitem__)
        ray.cancel(task, force=True)
        return self._forget(task), f"TimeoutError: no result after {self._episode_seconds:g} s, its worker was ended"

    def _forget(self, task: ray.ObjectRefGenerator) -> Work:
        self._deadlines.pop(task, None)
        return self._running.pop(task)

    def close(self) -> None:
        ray.shutdown()


def _announced(run: Runner) -> Callable[[Work], Iterator[Done | None]]:
    """The task: None when a worker begins (an episode that waits for a worker takes no time), then the result."""

    def run_episode(work: Work) -> Iterator[Done | None]:
        yield None
        yield run(work)

    return run_episode


def _start_here(workers: int | None) -> None:
    """Start Ray on this machine; again if it was too slow, for Ray waits 30 s only, and a busy machine may take longer."""
    for attempt in range(1, STARTS + 1):
        try:
            ray.init(
                "local", num_cpus=workers, object_store_memory=OBJECT_STORE_BYTES, include_dashboard=False,
                logging_level=logging.ERROR, log_to_driver=False,
            )  # fmt: skip
            return
        except Exception as error:
            ray.shutdown()
            if attempt == STARTS or "timed out" not in str(error):
                raise


def _show_token() -> None:
    """`ray start` asks for the token as soon as this user has one (Ray's own local start makes it), but a driver that names
    an address doesn't show it unless told. Ray has no public name for that: imported here, so that nothing else needs it.
    """
    from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available

    logging.getLogger("ray").setLevel(logging.ERROR)
    maybe_enable_token_auth_if_token_available(warn_if_disabled=False)


def _check_reachable(address: str) -> None:
    """Fail in seconds where nobody listens: Ray itself goes on trying for minutes. Raises OSError or ValueError."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if address != "auto":
        if not colon or not port.isdigit():
            raise ValueError("the address must be HOST:PORT, ray://HOST:PORT or auto")
        socket.create_connection((host, int(port)), timeout=10).close()


def _one_line(error: BaseException) -> str:
    """The first line of a message that has words in it."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")[:300]
