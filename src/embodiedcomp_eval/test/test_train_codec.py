"""The verb ``train-codec``: from frames to measured weight files, and its complaints."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("compressai")
safetensors = pytest.importorskip("safetensors")

from embodiedcomp_codec.sequences import panning  # noqa: E402
from embodiedcomp_codec.training.frames import save_shard  # noqa: E402
from embodiedcomp_eval import cli  # noqa: E402

SMALL = ["--n", "8", "--m", "12", "--steps", "2", "--batch", "1", "--crop", "64", "--shards", "1", "--workers", "1"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Frames that are there already: nothing is rendered."""
    for name in ("frames/frames-000", "development/shown", "development/left-out"):
        path = tmp_path / f"{name}.npy"
        path.parent.mkdir(exist_ok=True)
        save_shard(path, np.stack(panning(2, 128, 128)))
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["embodiedcomp", "train-codec", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_two_lambdas_become_two_files_and_a_second_run_does_nothing_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["mbt2018-mean", "--lambda", "0.01", "--lambda", "0.002", *SMALL, "--out", str(folder)]
    assert run(monkeypatch, *command) == 0
    said = capsys.readouterr()
    assert "step 2/2" in said.err and "left-out, 4/8" in said.out
    files = [folder / "mbt2018-mean" / f"mbt2018-mean-{number}.safetensors" for number in (1, 2)]
    facts = []
    for file in files:
        with safetensors.safe_open(file, "np") as content:
            facts.append(content.metadata())
    assert [fact["lambda"] for fact in facts] == ["0.002", "0.01"]
    assert [fact["started_from"] for fact in facts] == [files[1].name, "nothing"]
    assert all(fact["architecture"] == "mbt2018-mean" and "trained here" in fact["label"] for fact in facts)
    before = [file.read_bytes() for file in files]
    assert run(monkeypatch, *command) == 0
    said = capsys.readouterr()
    assert "step" not in said.err and "left-out, 4/8" in said.out
    assert [file.read_bytes() for file in files] == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bpg"], "unknown architecture 'bpg'; choose one of: bmshj2018-factorized"),
        (["mbt2018", "--lambda", "-1"], "lambda -1 is impossible"),
        (["mbt2018", "--crop", "100"], "crop 100 is impossible; choose a multiple of 64"),
        (["mbt2018", "--crop", "512"], "crop 512 exceeds the frames' 256 px"),
        (["mbt2018", "--start", "absent.safetensors"], "start 'absent.safetensors': no such file"),
    ],
)
def test_bad_options_are_one_line_before_anything_is_rendered(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, *arguments, "--out", str(tmp_path / "out")) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert words in line
    assert not (tmp_path / "out").exists()
