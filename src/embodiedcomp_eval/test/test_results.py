"""The results folder: durable lines, resuming, refusing what isn't ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embodiedcomp_eval.config import load_yaml
from embodiedcomp_eval.results import ResultsError, ResultsFolder, check_folder, read_lines

CONFIGURATION = {"codec": "jpeg", "target_bpp": 0.1, "episodes": 3}


def test_lines_survive_and_are_resumed(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "trial"
    with ResultsFolder(out, CONFIGURATION, {"python": "3"}) as folder:
        folder.append({"episode": 0, "seed": 5})
        folder.append_error(1, 6, "a node died")
    assert load_yaml(out / "config.yaml") == {"configuration": CONFIGURATION, "facts": {"python": "3"}}
    with ResultsFolder(out, {**CONFIGURATION, "episodes": 9}) as again:
        assert again.finished == {0} and again.errors == 1
        again.append({"episode": 1, "seed": 6})
        again.write_summary({"episodes": 2})
    assert [line["episode"] for line in read_lines(out / "episodes.jsonl")] == [0, 1]
    assert json.loads((out / "summary.json").read_text()) == {"episodes": 2}


def test_a_line_cut_in_half_is_dropped(tmp_path: Path) -> None:
    with ResultsFolder(tmp_path / "t", CONFIGURATION) as folder:
        folder.append({"episode": 0})
    with open(tmp_path / "t" / "episodes.jsonl", "ab") as file:
        file.write(b'{"episode": 1, "se')
    assert len(read_lines(tmp_path / "t" / "episodes.jsonl")) == 1
    (tmp_path / "t" / "errors.jsonl").write_bytes(b'{"episode": 1}\n{"epi')
    with ResultsFolder(tmp_path / "t", CONFIGURATION) as folder:
        folder.append({"episode": 1})
        folder.append_error(2, 7, "a node died")
    assert [line["episode"] for line in read_lines(tmp_path / "t" / "errors.jsonl")] == [1, 2]
    assert (tmp_path / "t" / "episodes.jsonl").read_text() == '{"episode":0}\n{"episode":1}\n'


def test_another_configuration_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    with ResultsFolder(tmp_path / "t", CONFIGURATION) as folder:
        folder.append({"episode": 0})
    before = {path.name: path.read_bytes() for path in (tmp_path / "t").iterdir()}
    with pytest.raises(ResultsError, match=r"another configuration \(codec: 'jpeg' there, 'av1' asked for\)"):
        ResultsFolder(tmp_path / "t", {**CONFIGURATION, "codec": "av1"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "t").iterdir()} == before


def test_the_facts_of_the_first_run_stay_and_other_weights_are_refused(tmp_path: Path) -> None:
    facts = {"commit": "aaa", "weights_sha256": {"p/model.safetensors": "11"}}
    ResultsFolder(tmp_path / "t", CONFIGURATION, facts).close()
    ResultsFolder(tmp_path / "t", CONFIGURATION, {**facts, "commit": "bbb"}).close()
    one_more = {**facts["weights_sha256"], "q/model.safetensors": "33"}  # another policy's, shipped since
    ResultsFolder(tmp_path / "t", CONFIGURATION, {**facts, "weights_sha256": one_more}).close()
    assert load_yaml(tmp_path / "t" / "config.yaml")["facts"] == facts
    before = (tmp_path / "t" / "config.yaml").read_bytes()
    with pytest.raises(ResultsError, match=r"results of other weights \(p/model.safetensors differ\)"):
        ResultsFolder(tmp_path / "t", CONFIGURATION, {**facts, "weights_sha256": {"p/model.safetensors": "22"}})
    assert (tmp_path / "t" / "config.yaml").read_bytes() == before


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ResultsError, match=r"not empty and holds no config\.yaml"):
        check_folder(tmp_path, CONFIGURATION)


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResultsError) as caught:
        ResultsFolder(tmp_path / "file" / "deep" / "out", CONFIGURATION)
    assert "not a folder" in str(caught.value) and "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    with (
        ResultsFolder(tmp_path / "t", CONFIGURATION),
        pytest.raises(ResultsError, match="another run is writing"),
    ):
        ResultsFolder(tmp_path / "t", CONFIGURATION)
