"""Several processes as one: started together, watched without polling, gone when this process is, however it ends."""

from __future__ import annotations

import ctypes
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

PR_SET_PDEATHSIG = 1
KEPT_LINES = 40
LOG_PREFIX = re.compile(r"^\[\w+\] \[[\d.]+\] \[[^\]]+\]: ")
"""What rclpy puts before a log line: severity, time, node."""


@dataclass(frozen=True)
class Line:
    """A process wrote a line (the log prefix removed)."""

    name: str
    text: str


@dataclass(frozen=True)
class Exit:
    """A process ended. status: its exit status, negative for a signal. last: the last lines that it wrote."""

    name: str
    status: int
    last: tuple[str, ...]


class Fleet:
    """Processes by name; a context manager that leaves none behind. Use it from the main thread."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._events: queue.Queue[Line | Exit] = queue.Queue()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, commands: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> None:
        """Start every command in a process group of its own (a terminal's Ctrl-C doesn't reach it)."""
        parent = os.getpid()

        def die_with_parent() -> None:
            self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

        for name, command in commands.items():
            self._processes[name] = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 (no other thread runs yet)
            )
        for name, process in self._processes.items():
            threading.Thread(target=self._read, args=(name, process), daemon=True).start()

    @property
    def pids(self) -> list[int]:
        """Process ids, in the order of starting; each leads a group of its own."""
        return [process.pid for process in self._processes.values()]

    def next(self) -> Line | Exit:
        """Wait for the next line or end of any process."""
        return self._events.get()

    def stop(self, patience: float = 3.0) -> None:
        """Interrupt all, then kill what is left after ``patience`` s. Ctrl-C can't cut this short."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for process in self._processes.values():
                _signal_group(process, signal.SIGINT)
            deadline = time.monotonic() + patience
            for process in self._processes.values():
                try:
                    process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    _signal_group(process, signal.SIGKILL)
                    process.wait()
        finally:
            signal.signal(signal.SIGINT, before)

    def _read(self, name: str, process: subprocess.Popen[str]) -> None:
        last: deque[str] = deque(maxlen=KEPT_LINES)
        assert process.stdout is not None, "started with a pipe"
        for raw in process.stdout:
            text = LOG_PREFIX.sub("", raw.rstrip())
            if text:
                last.append(text)
                self._events.put(Line(name, text))
        self._events.put(Exit(name, process.wait(), tuple(last)))


def _signal_group(process: subprocess.Popen[str], number: int) -> None:
    if process.poll() is None:
        os.killpg(process.pid, number)
