"""Sweeps over a stub runner: nothing lost, nothing twice, retries counted apart, honest time, one clear line on trouble."""

from __future__ import annotations

import json
import resource
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from inline_engine import InlineEngine

from embodiedcomp_eval.config import load_yaml
from embodiedcomp_eval.results import ResultsError
from embodiedcomp_eval.sources import open_results
from embodiedcomp_eval.sweep import Clock, Done, Progress, Work, run_sweep
from embodiedcomp_eval.sweep_config import SweepConfig, sweep_from_mapping
from embodiedcomp_eval.sweep_folder import EpisodeIndex, SweepFolder, read_errors

VALUES: dict[str, Any] = {
    "name": "stub",
    "seeds": [10000, 10009],
    "cells": [{"codec": "none"}, {"codec": ["jpeg", "webp"], "mode": "intra", "target_bpp": 0.1}],
    "retries": 1,
    "save_frames": 1,
}


def stub(work: Work) -> Done:
    frames = {f"{work.seed}/base-000.webp": b"picture"} if work.save_frames else {}
    return Done({"seed": work.seed, "episode": work.number, "success": work.seed % 2 == 0}, frames, 0.5)


def config(**changes: Any) -> SweepConfig:
    return sweep_from_mapping({**VALUES, **changes}, "stub.yaml")


def sweep(path: Path, run: Callable[[Work], Done] = stub) -> Progress:
    with SweepFolder(path, VALUES, {}) as folder:
        return run_sweep(config(), folder, InlineEngine(run), lambda progress: None)


def test_an_undisturbed_sweep_has_every_episode_once_in_order(tmp_path: Path) -> None:
    progress = sweep(tmp_path)
    assert (progress.total, progress.found, progress.done, progress.failures) == (30, 0, 30, 0)
    lines = [json.loads(line) for line in (tmp_path / "episodes.jsonl").read_text().splitlines()]
    names = [cell.name for cell in config().cells]
    assert [(line["cell"], line["seed"]) for line in lines] == [(n, s) for n in names for s in range(10000, 10010)]
    saved = sorted(path.relative_to(tmp_path / "frames").parts for path in tmp_path.glob("frames/*/*/*"))
    assert saved == sorted((name, "10000", "base-000.webp") for name in names)


@pytest.mark.parametrize("keep", [0, 1, 100, 333, 1000, -1])
def test_resuming_after_a_kill_gives_the_same_bytes(tmp_path: Path, keep: int) -> None:
    sweep(tmp_path / "whole")
    whole = (tmp_path / "whole" / "episodes.jsonl").read_bytes()
    sweep(tmp_path / "killed")
    (tmp_path / "killed" / "episodes.jsonl").write_bytes(whole[:keep])
    progress = sweep(tmp_path / "killed")
    assert progress.found + progress.done == 30 and progress.found == whole[:keep].count(b"\n")
    assert (tmp_path / "killed" / "episodes.jsonl").read_bytes() == whole


def test_a_failing_codec_is_retried_counted_apart_and_never_dropped(tmp_path: Path) -> None:
    tries: Counter[tuple[str, int]] = Counter()

    def flaky(work: Work) -> Done:
        tries[work.cell, work.seed] += 1
        if work.trial.codec == "jpeg" and (work.seed == 10003 or tries[work.cell, work.seed] == 1):
            raise RuntimeError("codec broke")
        return stub(work)

    progress = sweep(tmp_path, flaky)
    assert (progress.done, progress.failures, progress.given_up) == (29, 11, 1)
    assert "jpeg" in progress.last_failure and "codec broke" in progress.last_failure
    errors = read_errors(tmp_path)
    assert len(errors) == 11 and Counter(e["seed"] for e in errors)[10003] == 2
    assert {e["attempt"] for e in errors} == {1, 2}
    again = sweep(tmp_path)
    assert (again.found, again.done, again.failures) == (29, 1, 0)
    sweep(tmp_path / "whole")
    assert (tmp_path / "episodes.jsonl").read_bytes() == (tmp_path / "whole" / "episodes.jsonl").read_bytes()


def test_no_more_than_twice_the_slots_are_submitted(tmp_path: Path) -> None:
    engine = InlineEngine(stub)
    with SweepFolder(tmp_path, VALUES, {}) as folder:
        run_sweep(config(), folder, engine, lambda progress: None)
    assert engine.most_in_flight == 4


def test_two_sweeps_into_one_folder_and_another_configuration_are_refused(tmp_path: Path) -> None:
    with SweepFolder(tmp_path, VALUES, {}), pytest.raises(ResultsError, match="another sweep is writing"):
        SweepFolder(tmp_path, VALUES, {})
    with pytest.raises(ResultsError, match="another configuration .seeds differs"):
        SweepFolder(tmp_path, {**VALUES, "seeds": [1, 2]}, {})
    with SweepFolder(tmp_path, VALUES, {}):
        pass


def test_a_run_that_goes_on_leaves_its_own_versions_beside_the_first_ones(tmp_path: Path) -> None:
    first, second, idle = {"commit": "a", "processor": "x"}, {"commit": "b", "processor": "x"}, {"commit": "c"}
    for number, facts in enumerate((first, first, second, second)):
        with SweepFolder(tmp_path, VALUES, facts) as folder:
            assert folder.mixed == ({"commit": ("a", "b")} if number == 2 else {})
            folder.append(config().cells[0].name, {"seed": 10000 + number, "episode": number, "success": True})
    with SweepFolder(tmp_path, VALUES, idle) as folder:
        assert folder.mixed == {"commit": ("b", "c")}, "what is unknown on either side is no difference"
    recorded = load_yaml(tmp_path / "sweep.yaml")
    assert recorded["facts"] == first and recorded["resumed"] == [second], "who ran nothing took no part"
    assert open_results([tmp_path]).facts == {tmp_path.name: {**first, "resumed": [second]}}


def test_killed_before_its_configuration_was_in_place_it_starts_anew(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / "sweep.yaml.tmp").write_text("configuration:\n  na")
    assert sweep(tmp_path).done == 30
    assert not (tmp_path / "sweep.yaml.tmp").exists()


def test_half_a_line_of_an_error_spoils_neither_the_next_one_nor_the_report(tmp_path: Path) -> None:
    def broken(work: Work) -> Done:
        if work.seed == 10003:
            raise RuntimeError("codec broke")
        return stub(work)

    sweep(tmp_path, broken)
    whole = (tmp_path / "errors.jsonl").read_bytes()
    with open(tmp_path / "errors.jsonl", "ab") as file:
        file.write(whole[:40])
    assert len(read_errors(tmp_path)) == 6
    with SweepFolder(tmp_path, VALUES, {}) as folder:
        folder.append_error("a", 10003, 3, "codec broke again")
        with pytest.raises(ResultsError, match="can't write"), largest_file(len(whole) + 100):
            folder.append_error("a", 10003, 4, "long " * 100)
        folder.append_error("a", 10003, 5, "at last")
    assert [line["attempt"] for line in read_errors(tmp_path)[6:]] == [3, 5]


def test_a_record_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    sweep(tmp_path)
    for name in ("errors.jsonl", "episodes.jsonl"):
        with open(tmp_path / name, "ab") as file:
            file.write(b'{"cell": "a", "se{"cell": "b"}\n')
        with pytest.raises(
            ResultsError, match=rf"{name}: a line is no record: b'\{{\"cell.*mend or remove it"
        ) as caught:
            open_results([tmp_path])
        assert "\n" not in str(caught.value)
        (tmp_path / "errors.jsonl").unlink(missing_ok=True)


def test_episodes_of_cells_by_an_older_name_are_kept(tmp_path: Path) -> None:
    with SweepFolder(tmp_path, VALUES, {}) as folder:
        folder.append("older", {"seed": 10000})
    assert sweep(tmp_path).done == 30
    lines = [json.loads(line) for line in (tmp_path / "episodes.jsonl").read_text().splitlines()]
    assert len(lines) == 31 and lines[-1] == {"cell": "older", "seed": 10000}


def test_other_weights_are_refused_and_new_ones_are_not(tmp_path: Path) -> None:
    for seed, weights in enumerate(({"policy": "1"}, {"policy": "1", "codec": "2"})):
        with SweepFolder(tmp_path, VALUES, {"weights_sha256": weights}) as folder:
            folder.append("a", {"seed": seed})
    before = (tmp_path / "sweep.yaml").read_bytes()
    for weights in ({"policy": "other", "codec": "2"}, {"policy": "1", "codec": "other"}, {"policy": "1"}):
        with pytest.raises(ResultsError, match="holds results of other weights"):
            SweepFolder(tmp_path, VALUES, {"weights_sha256": weights})
    assert (tmp_path / "sweep.yaml").read_bytes() == before


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(ResultsError, match="not empty"):
        SweepFolder(tmp_path, VALUES, {})
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A disk that takes no file above ``size`` bytes: the kernel itself then refuses, as a full disk would."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_one_clear_line_and_loses_nothing(tmp_path: Path) -> None:
    with pytest.raises(ResultsError) as caught, largest_file(1000):
        sweep(tmp_path)
    assert "episodes are safe" in str(caught.value) and "\n" not in str(caught.value)
    content = (tmp_path / "episodes.jsonl").read_bytes()
    assert content.endswith(b"\n") and 800 < len(content) <= 1000
    progress = sweep(tmp_path)
    assert progress.found == content.count(b"\n") and progress.found + progress.done == 30


def test_a_disk_too_full_for_a_picture_or_the_summary_is_one_clear_line(tmp_path: Path) -> None:
    with SweepFolder(tmp_path, VALUES, {}) as folder, largest_file(1000):
        folder.append("a", {"seed": 1})
        with pytest.raises(ResultsError, match="1 episodes are safe"):
            folder.append("a", {"seed": 2}, {"2/base.webp": bytes(2000)})
        with pytest.raises(ResultsError, match="every episode is safe"):
            folder.write_summary({"points": ["x"] * 1000})
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".tmp" or path.name == "summary.json"]
    assert list(EpisodeIndex(tmp_path / "episodes.jsonl").spans["a"]) == [1]


def test_an_episode_that_is_there_twice_is_an_error(tmp_path: Path) -> None:
    line = json.dumps({"cell": "a", "seed": 1}) + "\n"
    (tmp_path / "episodes.jsonl").write_text(line * 2)
    with pytest.raises(ResultsError, match="there twice"):
        EpisodeIndex(tmp_path / "episodes.jsonl")


def test_time_to_finish_knows_that_cells_differ() -> None:
    clock = Clock(Counter({"fast": 10, "slow": 10}), started=0.0)
    assert clock.seconds_left(5.0) is None
    clock.ended("fast", 1.0)
    clock.ended("slow", 100.0)
    # 9 x 1 s and 9 x 100 s of work, on workers that did 101 s of it in 50.5 s
    assert clock.seconds_left(50.5) == pytest.approx(909 / 2)
