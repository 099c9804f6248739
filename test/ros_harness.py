"""Fixtures for tests that need ROS: an isolated domain, a context, and nodes as processes that never outlive the test.

    def test_decoder_asks_for_a_key(ros_domain, ros_context, processes):
        decoder = processes.start("embodiedcomp_codec", "decoder", "-r", "image:=/camera")
        decoder.wait_for("ready")
        node = rclpy.create_node("probe", context=ros_context)
        ...
        assert spin_until(node, lambda: requests, timeout=10.0)

Nothing here runs unless a test asks for it: pure tests need no ROS.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

DOMAINS = range(1, 102)
"""Domain ids whose ports lie below Linux's ephemeral ones; 0 is left to whatever else runs on this host."""

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """In the child: be terminated when pytest dies, however it dies."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # A shell that runs the tests in the background has it ignored, and children inherit that: Ctrl-C would do nothing.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def reserved_domain() -> Iterator[int]:
    """A ROS domain id that no other test on this host holds. The kernel frees it when this process ends."""
    offset = os.getpid()
    while True:
        for step in range(len(DOMAINS)):
            domain = DOMAINS[(offset + step) % len(DOMAINS)]
            path = Path(tempfile.gettempdir()) / f"embodiedcomp-ros-domain-{domain}.lock"
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                continue
            try:
                yield domain
            finally:
                os.close(handle)
            return
        time.sleep(0.2)  # all are taken: a lock has no event to wait for across a hundred files


@pytest.fixture
def ros_domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A ROS_DOMAIN_ID of this test's own, on this host alone, for this process and those that it starts."""
    with reserved_domain() as domain:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
        monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        yield domain


@pytest.fixture
def ros_context(ros_domain: int) -> Iterator[Any]:
    """An initialised rclpy Context in the test's domain; pass it to ``rclpy.create_node(..., context=)``."""
    import rclpy

    context = rclpy.Context()
    rclpy.init(context=context, domain_id=ros_domain)
    yield context
    context.try_shutdown()


def spin_until(node: Any, condition: Callable[[], Any], timeout: float) -> bool:
    """Serve ``node``'s callbacks until ``condition()`` holds; False if it doesn't within ``timeout`` seconds."""
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    deadline = time.monotonic() + timeout
    try:
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            executor.spin_once(timeout_sec=min(left, 0.1))
        return True
    finally:
        executor.remove_node(node)
        executor.shutdown()


def reset_episode(node: Any, client: Any, episode: int = 0, timeout: float = 20.0) -> None:
    """Have a lockstep node ready for an episode, asking as the evaluator does: again while it has not found its peers."""
    from embodiedcomp_msgs.srv import ResetEpisode

    answer = None
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        future = client.call_async(ResetEpisode.Request(seed=1, episode=episode))
        assert spin_until(node, future.done, timeout), "no answer to reset_episode"
        answer = future.result()
        if answer.ok:
            return
        assert answer.message.endswith(" yet"), answer
        spin_until(node, lambda: False, 0.05)
    raise AssertionError(answer)


def executable(package: str, name: str) -> Path:
    """What ``ros2 run package name`` would start."""
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        path = Path(prefix) / "lib" / package / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"{package} {name} is not in AMENT_PREFIX_PATH; run `make build` and `source tools/env.sh`")


class Process:
    """A program in its own process group, with its output (stdout and stderr together) at hand while it runs."""

    def __init__(self, command: list[str], environment: Mapping[str, str] | None = None) -> None:
        self.command = command
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(
            command,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 (one prctl call, bound before the fork)
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        """All that was printed so far."""
        with self._changed:
            return "\n".join(self._lines)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_for(self, pattern: str, timeout: float = 30.0) -> re.Match[str]:
        """Wait for a line that matches the regular expression; fails with the output if none comes or it ends."""
        found: list[re.Match[str]] = []

        def arrived() -> bool:
            found.extend(match for line in self._lines if (match := re.search(pattern, line)))
            return bool(found) or self._ended

        with self._changed:
            self._changed.wait_for(arrived, timeout)
        if not found:
            why = f"ended with status {self._process.poll()}" if self._ended else f"not within {timeout} s"
            pytest.fail(f"{' '.join(self.command)}: no line matches {pattern!r}, {why}; it printed:\n{self.output}")
        return found[0]

    def wait(self, timeout: float = 30.0) -> int:
        """Wait for the end and return the exit status (negative: the signal)."""
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            pytest.fail(f"{' '.join(self.command)}: still running after {timeout} s; it printed:\n{self.output}")
        self._reader.join(timeout=5.0)
        return status

    def interrupt(self) -> None:
        """Ctrl-C: SIGINT to the whole group."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to the whole group, as a crash."""
        self._signal(signal.SIGKILL)

    def stop(self, patience: float = 5.0) -> int:
        """End the whole group: SIGINT, then SIGTERM, then SIGKILL. Returns the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            self._signal(number)
            try:
                status = self._process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            self._signal(signal.SIGKILL)  # what the leader has left behind
            self._reader.join(timeout=5.0)
            return status
        raise RuntimeError(f"process {self.pid} survives SIGKILL")

    def group_alive(self) -> bool:
        """Whether any member of the group still exists: after the leader's end, an orphan."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


class Processes:
    """Starts programs and ends them all with the test."""

    def __init__(self) -> None:
        self._started: list[Process] = []

    def start(
        self, package: str, name: str, *ros_arguments: str, environment: Mapping[str, str] | None = None
    ) -> Process:
        """Start the installed executable; ``ros_arguments`` follow ``--ros-args`` ("-p", "codec:=av1", "-r", ...)."""
        arguments = ["--ros-args", *ros_arguments] if ros_arguments else []
        return self.command([str(executable(package, name)), *arguments], environment)

    def command(self, command: list[str], environment: Mapping[str, str] | None = None) -> Process:
        """Start any command line."""
        process = Process(command, environment)
        self._started.append(process)
        return process

    def stop_all(self) -> None:
        for process in self._started:
            process.interrupt()  # all at once, so that they end side by side
        for process in self._started:
            process.stop()


@pytest.fixture
def processes(ros_domain: int) -> Iterator[Processes]:
    """A starter of node processes in the test's domain; whatever still runs when the test ends is ended."""
    started = Processes()
    yield started
    started.stop_all()
