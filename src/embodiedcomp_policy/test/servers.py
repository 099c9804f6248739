"""Policy servers as processes of their own, for tests."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def serving(program: str, kind: str, port: int | None = None) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """``program`` (beside this file) with a port and ``kind``, once it listens; ended afterwards."""
    port = port or free_port()
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name(program)), str(port), kind])
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, f"{program} does not listen"
                time.sleep(0.05)  # another process's socket has no event to wait for
        yield port, process
    finally:
        process.kill()
        process.wait()
