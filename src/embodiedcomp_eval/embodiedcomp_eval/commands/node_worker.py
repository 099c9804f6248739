"""Runs a module of ``nodes/`` that serves JSON lines: the verbs themselves import no ROS."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from embodiedcomp_eval.results import ResultsError
from embodiedcomp_eval.ros_trial import environment, reserved_domain

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """In the child: no worker outlives its verb, however that ends."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def serve(
    module: str, jobs: Iterable[dict[str, Any]], prefix: Sequence[str] = (), **more: str
) -> Iterator[dict[str, Any]]:
    """Each job's answer, in order, from one process of that module in a ROS domain of its own.

    prefix: what the worker's command line begins with. more: environment variables.
    Raises ResultsError if the worker dies.
    """
    with reserved_domain() as domain:
        variables = {**environment(os.environ, domain), "SVT_LOG": "1", "RCUTILS_LOGGING_SEVERITY": "WARN", **more}
        worker = subprocess.Popen(
            [*prefix, sys.executable, "-m", f"embodiedcomp_eval.nodes.{module}"],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 (a progress bar's thread holds nothing that the child needs)
        )
        assert worker.stdin is not None and worker.stdout is not None, "started with pipes"
        try:
            for job in jobs:
                worker.stdin.write(json.dumps(job) + "\n")
                worker.stdin.flush()
                answer = worker.stdout.readline()
                if not answer:
                    raise ResultsError(f"the worker {module} died with status {worker.wait()} in {job}")
                yield json.loads(answer)
        finally:
            worker.stdin.close()
            worker.terminate()
            worker.wait()
