"""A fleet of processes: their lines and ends are heard, and none survives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from embodiedcomp_eval.processes import Exit, Fleet, Line

SLEEP = [sys.executable, "-c", "print('up', flush=True)\nimport time; time.sleep(60)"]


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_lines_and_ends_are_heard_in_order() -> None:
    code = "import sys\nprint('[INFO] [17.25] [node]: hello')\nprint('oops', file=sys.stderr, flush=True)\nsys.exit(3)"
    with Fleet() as fleet:
        fleet.start({"one": [sys.executable, "-u", "-c", code]}, os.environ)
        assert [fleet.next() for _ in range(3)] == [
            Line("one", "hello"),
            Line("one", "oops"),
            Exit("one", 3, ("hello", "oops")),
        ]


def test_leaving_ends_every_process_even_the_stubborn() -> None:
    stubborn = (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"
    )
    fleet = Fleet()
    fleet.start({"meek": SLEEP, "stubborn": [sys.executable, "-c", stubborn]}, os.environ)
    assert {fleet.next(), fleet.next()} == {Line("meek", "up"), Line("stubborn", "up")}
    started = time.monotonic()
    fleet.stop(patience=0.5)
    assert time.monotonic() - started < 5
    assert not any(exists(pid) for pid in fleet.pids)


def test_an_error_on_the_way_ends_every_process() -> None:
    fleet = Fleet()
    with pytest.raises(KeyboardInterrupt), fleet:
        fleet.start({"one": SLEEP}, os.environ)
        fleet.next()
        raise KeyboardInterrupt
    assert not any(exists(pid) for pid in fleet.pids)


def test_a_killed_parent_takes_them_along() -> None:
    parent = textwrap.dedent(f"""
        import os
        from embodiedcomp_eval.processes import Fleet
        fleet = Fleet()
        fleet.start({{"child": {SLEEP!r}}}, os.environ)
        fleet.next()
        print(*fleet.pids, flush=True)
        os.kill(os.getpid(), {int(signal.SIGKILL)})
    """)
    told = subprocess.run([sys.executable, "-c", parent], capture_output=True, text=True, timeout=30, check=False)
    child = int(told.stdout)
    deadline = time.monotonic() + 5
    while exists(child) and "State:\tZ" not in Path(f"/proc/{child}/status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
