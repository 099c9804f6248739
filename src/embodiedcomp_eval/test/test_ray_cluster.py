"""``--ray ADDRESS`` on a real cluster of two nodes, started as a user would (``ray start``): both are used, a worker that is
killed costs a retry, a sweep that is cut off goes on on one node after the other has died, and the bytes are those of an
undisturbed run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import ray

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.engines.ray_engine import RayEngine
from embodiedcomp_eval.sweep import Done, Progress, Work, run_sweep
from embodiedcomp_eval.sweep_config import sweep_from_mapping
from embodiedcomp_eval.sweep_folder import SweepFolder, read_errors

VALUES: dict[str, Any] = {
    "name": "stub",
    "seeds": [10000, 10009],
    "cells": [{"codec": "none"}, {"codec": ["jpeg", "webp"], "mode": "intra", "target_bpp": 0.1}],
    "retries": 3,
}
EPISODES = 30
STARTS_WITHIN = 200.0
"""s; seconds where nothing else runs."""


@dataclass
class Cluster:
    """address: of the head. nodes: the ``ray start --block`` process of each node; its children end with it."""

    address: str
    nodes: list[subprocess.Popen[bytes]]

    def kill_last(self) -> None:
        """The machine is gone: no goodbye."""
        os.killpg(self.nodes[-1].pid, signal.SIGKILL)
        self.nodes.pop().wait(timeout=30)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    where = tempfile.mkdtemp(prefix="ray")  # short: Ray puts sockets below it, whose paths must fit 107 characters
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    head = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={where}"]
    nodes: list[subprocess.Popen[bytes]] = []
    try:
        for arguments in (head, [f"--address=127.0.0.1:{port}"]):
            nodes.append(_start_node(arguments))
            _wait_for_nodes(port, len(nodes), nodes)
        yield Cluster(f"127.0.0.1:{port}", nodes)
    finally:
        for node in reversed(nodes):
            node.terminate()
        for node in nodes:
            try:
                node.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(node.pid, signal.SIGKILL)
        shutil.rmtree(where, ignore_errors=True)


def _start_node(arguments: list[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", "--disable-usage-stats"]
    environment = {**os.environ, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_enable_metrics_collection": "0"}
    return subprocess.Popen(
        [*command, "--object-store-memory=100000000", *arguments],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _wait_for_nodes(port: int, count: int, processes: list[subprocess.Popen[bytes]]) -> None:
    """Until so many nodes are known. A head that listens takes drivers only when its own node has reported."""
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        assert all(process.poll() is None for process in processes), "a node of the cluster ended while starting"
        try:
            with engine(lambda work: Done({}, {}, 0.0), f"127.0.0.1:{port}"):
                while time.monotonic() < deadline:
                    if sum(node["Alive"] for node in ray.nodes()) >= count:
                        return
                    time.sleep(0.1)
        except ConfigError:  # not ready: it tells nobody when it is
            time.sleep(0.1)
    raise AssertionError(f"{count} nodes did not start within {STARTS_WITHIN:.0f} s")


def make_runner(notes: Path) -> Callable[[Work], Done]:
    """A closure, so that Ray carries the code itself. Its worker dies once, in the middle of the sweep; ``notes`` are left
    of where episodes ran."""
    dies = notes / "died"

    def run(work: Work) -> Done:
        (notes / ray.get_runtime_context().get_node_id()).touch()
        if work.seed == 10004 and work.trial.codec == "jpeg" and not dies.exists():
            dies.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        # long enough that no node is done with everything before the other has begun
        time.sleep(0.05)
        return Done({"seed": work.seed, "episode": work.number, "success": work.seed % 2 == 0}, {}, 0.05)

    return run


class CutOffError(Exception):
    """The sweep's own process is gone."""


@contextmanager
def engine(run: Callable[[Work], Done], address: str | None) -> Iterator[RayEngine]:
    found = RayEngine(run, address, None if address else 1)
    try:
        yield found
    finally:
        found.close()


def sweep(path: Path, on: RayEngine, tell: Callable[[Progress], None] = lambda progress: None) -> Progress:
    with SweepFolder(path, VALUES, {}) as folder:
        return run_sweep(sweep_from_mapping(VALUES, "stub.yaml"), folder, on, tell)


def test_a_sweep_on_a_cluster_survives_a_killed_worker_a_cut_and_a_dead_node(cluster: Cluster, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    run, path = make_runner(notes), tmp_path / "out"

    def cut_off(progress: Progress) -> None:
        if progress.done == 20:
            raise CutOffError

    with engine(run, cluster.address) as on:
        assert on.slots == 2
        with pytest.raises(CutOffError):
            sweep(path, on, cut_off)
    assert len({note.name for note in notes.iterdir()} - {"died"}) == 2, "both nodes ran episodes"
    errors = read_errors(path)
    assert len(errors) == 1 and errors[0]["seed"] == 10004 and "WorkerCrashed" in errors[0]["error"]

    cluster.kill_last()
    with engine(run, cluster.address) as on:
        progress = sweep(path, on)
    assert (progress.found, progress.done, progress.given_up) == (20, 10, 0)

    lines = [json.loads(line) for line in (path / "episodes.jsonl").read_text().splitlines()]
    assert len({(line["cell"], line["seed"]) for line in lines}) == len(lines) == EPISODES
    with engine(run, None) as on:
        sweep(tmp_path / "undisturbed", on)
    assert (path / "episodes.jsonl").read_bytes() == (tmp_path / "undisturbed" / "episodes.jsonl").read_bytes()
