"""The sweep verb as a user meets it: killed and resumed on real workers, refused in one line, reported on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
TASK = ROOT / "test" / "toy_plugins" / "toy_lift.yaml"
SWEEP = f"""
name: toy
seeds: [10000, 10019]
common: {{policy: toy, task: {TASK}}}
save_frames: 1
cells:
  - {{codec: none}}
  - {{codec: [jpeg, webp], mode: intra, target_bpp: [0.5, 1.0]}}
"""


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT / "test" / "toy_plugins"), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "embodiedcomp_eval.cli", *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(*arguments: str | Path) -> tuple[int, str, str]:
    process = start(*arguments)
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


def without_wall(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (path / "episodes.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "wall"} for line in lines]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "toy.yaml"
    path.write_text(SWEEP)
    return path


@pytest.fixture(scope="module")
def whole(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep that nobody disturbed."""
    path = tmp_path_factory.mktemp("whole") / "out"
    status, out, err = run("sweep", config, "--out", path, "--workers", "2")
    assert status == 0, err
    assert "webp intra" in out and "all 100 episodes" in err
    return path


@pytest.mark.slow
def test_killed_and_resumed_equals_undisturbed(config: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start("sweep", config, "--out", out, "--workers", "2")
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if (out / "episodes.jsonl").exists() and (out / "episodes.jsonl").read_bytes().count(b"\n") > 30:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert 0 < (out / "episodes.jsonl").read_bytes().count(b"\n") < 100
    status, _, err = run("sweep", config, "--out", out, "--workers", "2")
    assert status == 0, err
    assert without_wall(out) == without_wall(whole)
    assert len(without_wall(out)) == 100
    pictures = {path.relative_to(whole): path.read_bytes() for path in whole.glob("frames/*/*/*.webp")}
    assert pictures == {path.relative_to(out): path.read_bytes() for path in out.glob("frames/*/*/*.webp")}


@pytest.mark.slow
def test_a_finished_sweep_runs_nothing_and_reports(config: Path, whole: Path, tmp_path: Path) -> None:
    before = (whole / "episodes.jsonl").read_bytes()
    status, _, err = run("sweep", config, "--out", whole)
    assert status == 0 and "nothing to run" in err
    assert (whole / "episodes.jsonl").read_bytes() == before
    summary = json.loads((whole / "summary.json").read_text())
    assert [point["episodes"] for point in summary["points"]] == [20] * 5
    status, out, err = run("report", whole, "--out", tmp_path)
    assert status == 0 and "jpeg intra" in out, err
    names = {path.name for path in tmp_path.iterdir()}
    assert {"index.html", "points.csv", "curves.csv", "sr-bpp.png", "sr-bpp.svg"} <= names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SWEEP.replace("save_frames", "save_pictures"), "unknown key 'save_pictures'; valid keys: name, seeds"),
        (SWEEP.replace("jpeg", "jpog"), "unknown codec 'jpog'; choose one of:"),
        (SWEEP.replace("policy: toy", "policy: tony"), "tony"),
        (SWEEP.replace("[0.5, 1.0]", "[-1]"), "-1"),
        ("- a list", "expected keys and values"),
        (
            SWEEP.replace("{codec: none}", "{codec: none, seeds: 10000}"),
            "block 1: seeds must be the first and the last",
        ),
        (SWEEP.replace("{codec: none}", "{codec: none, codec: jpeg}"), "key 'codec' is there twice"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(text)
    status, out, err = run("sweep", tmp_path / "wrong.yaml", "--out", tmp_path / "out")
    assert status == 2 and words in err and len(err.splitlines()) == 1 and out == ""
    assert not (tmp_path / "out").exists()


def test_report_of_a_folder_without_results_is_one_line(tmp_path: Path) -> None:
    status, _, err = run("report", tmp_path)
    assert status == 2 and "holds no results" in err and len(err.splitlines()) == 1


def test_evaluation_seeds_are_refused_without_a_ledger_and_logged_before_they_run(tmp_path: Path) -> None:
    text = SWEEP.replace("[10000, 10019]", "[42, 43]").replace("[jpeg, webp]", "[jpeg]")
    (tmp_path / "paper.yaml").write_text(text)
    (tmp_path / "file").write_text("no folder")
    where = ["sweep", tmp_path / "paper.yaml", "--workers", "1", "--out", tmp_path / "out", "--ledger"]
    status, _, err = run(*where, tmp_path / "file" / "ledger.jsonl")
    assert status == 2 and "ledger" in err and len(err.splitlines()) == 1
    assert (tmp_path / "out" / "episodes.jsonl").read_bytes() == b""
    status, _, err = run(*where, tmp_path / "ledger.jsonl")
    assert status == 0, err
    (line,) = [json.loads(text) for text in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert line["seeds"] == [[42, 43]] and line["episodes"] == 6 and "sweep" in line["command"]
    assert {"date", "commit", "weights"} <= set(line)
