"""Episodes as Ray tasks: results and errors come back, a worker that dies or hangs is an error of its episode, in one line."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.engines.ray_engine import RayEngine
from embodiedcomp_eval.sweep import Done, Work, run_sweep
from embodiedcomp_eval.sweep_config import sweep_from_mapping
from embodiedcomp_eval.sweep_folder import SweepFolder, read_errors
from embodiedcomp_eval.trial_config import TrialConfig


def make_runner() -> Callable[[Work], Done]:
    """A closure, so that Ray carries the code itself: its workers can't import a test module."""

    def run(work: Work) -> Done:
        if work.seed == 1:
            raise ValueError("the codec broke\nwith a long story")
        if work.seed == 2:
            os._exit(3)
        return Done({"seed": work.seed, "episode": work.number}, {}, 0.1)

    return run


@pytest.fixture
def engine() -> Iterator[RayEngine]:
    engine = RayEngine(make_runner(), workers=2)
    yield engine
    engine.close()


def test_results_and_failures_come_back_with_their_work(engine: RayEngine) -> None:
    assert engine.slots == 2
    for seed in range(4):
        engine.submit(Work("cell", TrialConfig(), seed, seed, False))
    assert engine.in_flight == 4
    results = {work.seed: result for work, result in (engine.wait() for _ in range(4))}
    assert engine.in_flight == 0
    assert isinstance(results[0], Done) and results[0].line == {"seed": 0, "episode": 0}
    assert isinstance(results[3], Done)
    assert results[1] == "ValueError: the codec broke"
    assert isinstance(results[2], str) and results[2].startswith("WorkerCrashedError") and "\n" not in results[2]


@pytest.mark.parametrize(("address", "words"), [("127.0.0.1:1", "refused"), ("nowhere", "HOST:PORT")])
def test_a_cluster_that_is_not_there_is_one_clear_line(address: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RayEngine(make_runner(), address=address)
    message = str(caught.value)
    assert f"can't use Ray at {address}" in message and words in message and "\n" not in message


def test_an_episode_that_hangs_in_c_costs_attempts_and_never_the_sweep(tmp_path: Path) -> None:
    """Seed 10001 hangs once, 10002 always; both where no signal handler of Python's would be heard."""
    hung = tmp_path / "hung"

    def run(work: Work) -> Done:
        if work.seed == 10002 or (work.seed == 10001 and not hung.exists()):
            if work.seed == 10001:
                hung.touch()
            ctypes.PyDLL(None).pause()  # sleeps for ever and keeps the interpreter's lock
        return Done({"seed": work.seed, "episode": work.number}, {}, 0.1)

    values = {"name": "stub", "seeds": [10000, 10003], "cells": [{"codec": "none"}], "retries": 1}
    engine = RayEngine(run, workers=1, episode_seconds=1.0)
    try:
        with SweepFolder(tmp_path / "out", values, {}) as folder:
            progress = run_sweep(sweep_from_mapping(values, "stub.yaml"), folder, engine, lambda progress: None)
            seeds = [line["seed"] for cell in folder.index.spans for line in folder.index.lines(cell)]
    finally:
        engine.close()
    assert (progress.done, progress.failures, progress.given_up) == (3, 3, 1)
    assert seeds == [10000, 10001, 10003], "what hung once was run again, nothing else was lost"
    errors = read_errors(tmp_path / "out")
    assert sorted(error["seed"] for error in errors) == [10001, 10002, 10002]
    assert {error["error"] for error in errors} == {"TimeoutError: no result after 1 s, its worker was ended"}
