"""Several sweeps on one page: each one's anchor and declared comparisons stay its own, none takes another's away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from synthetic_results import make_line, make_sweep

from embodiedcomp_eval import statistics
from embodiedcomp_eval.evaluation import evaluate
from embodiedcomp_eval.report import markdown, tables
from embodiedcomp_eval.sources import open_results
from embodiedcomp_eval.sweep_config import sweep_from_mapping
from embodiedcomp_eval.sweep_folder import SweepFolder

SEEDS = [10000, 10029]
AV1 = {"codec": "av1", "mode": "inter", "target_bpp": [0.01, 0.02, 0.04, 0.08]}
AV1_INTRA = {**AV1, "mode": "intra"}
WEBP = {"codec": "webp", "mode": "intra", "target_bpp": [0.02, 0.04, 0.08]}
MIDDLE = {"candidate": {"codec": "av1", "mode": "inter", "target_bpp": 0.02}, "anchor": {"codec": "none"}}


def pair(codec: str, target: float) -> dict[str, Any]:
    return {
        "candidate": {"codec": "av1", "mode": "inter", "target_bpp": target},
        "anchor": {"codec": codec, "mode": "intra", "target_bpp": target},
    }


CLEAN: dict[str, Any] = {
    "name": "clean", "seeds": SEEDS, "common": {"policy": "reference"}, "cells": [{"codec": "none"}, AV1, AV1_INTRA, WEBP],
    "primary": MIDDLE, "secondary": [pair("webp", 0.02), pair("webp", 0.08)], "anchor": {"codec": "webp", "mode": "intra"},
}  # fmt: skip
REAL: dict[str, Any] = {
    "name": "real", "seeds": SEEDS, "common": {"policy": "reference", "sensor": "real"},
    "cells": [{"codec": "none"}, AV1, AV1_INTRA], "primary": MIDDLE, "secondary": [pair("av1", 0.02)],
    "anchor": {"codec": "av1", "mode": "intra"},
}  # fmt: skip
CHARGED: dict[str, Any] = {
    "name": "charged", "seeds": SEEDS, "common": {"policy": "reference", "timing": "charged"},
    "cells": [{"codec": "none"}, AV1, WEBP],
}  # fmt: skip
MOVED: dict[str, Any] = {
    "name": "moved", "seeds": SEEDS, "common": {"policy": "reference", "task": "ur5e_lift_moved"},
    "cells": [{"codec": "none"}, AV1, WEBP],
}  # fmt: skip


@pytest.fixture(scope="module")
def joint(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    where = tmp_path_factory.mktemp("joint")
    return evaluate(open_results([make_sweep(where / v["name"], v) for v in (CHARGED, CLEAN, REAL, MOVED)]), draws=50)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return evaluate(open_results([make_sweep(tmp_path_factory.mktemp("alone") / "clean", CLEAN)]), draws=50)


def test_a_curve_is_held_against_the_anchor_of_its_own_conditions_only(joint: dict[str, Any]) -> None:
    anchors = {row["name"]: row["anchor"] for row in joint["curves"]}
    assert anchors == {
        "av1 inter": "webp intra", "av1 intra": "webp intra", "webp intra": None,
        "av1 inter, sensor real": "av1 intra, sensor real", "av1 intra, sensor real": None,
        "av1 inter, timing charged": None, "webp intra, timing charged": None,
        "av1 inter, task ur5e_lift_moved": None, "webp intra, task ur5e_lift_moved": None,
    }  # fmt: skip
    assert {row["name"] for row in joint["curves"] if row["saving"]} == {name for name, of in anchors.items() if of}


def test_more_sweeps_on_the_page_change_nothing_of_the_first_ones(joint: dict[str, Any], alone: dict[str, Any]) -> None:
    together = {row["name"]: row for row in joint["curves"]}
    assert len(alone["curves"]) == 3 and all(together[row["name"]] == row for row in alone["curves"])
    cells = {row["name"] for row in alone["points"]}
    of_clean = [row for row in joint["comparisons"] if row["candidate"] in cells and row["anchor"] in cells]
    assert of_clean == alone["comparisons"]
    assert sum(row["kind"] == "exploratory" for row in of_clean) > 11, (
        "the nearest points of the anchor's are among them"
    )


def test_every_sweep_keeps_its_own_family_of_declared_comparisons(joint: dict[str, Any]) -> None:
    declared = [(row["sweep"], row["kind"]) for row in joint["comparisons"] if row["kind"] != "exploratory"]
    assert declared == [("clean", "primary"), ("clean", "secondary"), ("clean", "secondary"), ("real", "primary"),
                        ("real", "secondary")]  # fmt: skip
    of_clean = [row for row in joint["comparisons"] if (row["sweep"], row["kind"]) == ("clean", "secondary")]
    expected = statistics.holm([row["difference"]["p_value"] for row in of_clean])
    assert [row["p_adjusted"] for row in of_clean] == pytest.approx(expected)
    (of_real,) = [row for row in joint["comparisons"] if (row["sweep"], row["kind"]) == ("real", "secondary")]
    assert of_real["p_adjusted"] == of_real["difference"]["p_value"], "a family of one"


def test_tables_say_whose_comparison_it_is(joint: dict[str, Any]) -> None:
    text = markdown.make_markdown("Joint", joint, "embodiedcomp report", "")
    assert "| clean | primary | av1 inter 0.02 bpp" in text and "| real | primary | av1 inter, sensor real" in text
    assert tables.csv_files(joint)["comparisons.csv"].splitlines()[1].startswith("clean,primary,")
    assert "against webp intra" in text and "against av1 intra, sensor real" in text


def test_two_folders_of_the_same_name_stay_two(tmp_path: Path) -> None:
    found = open_results([make_sweep(tmp_path / "a" / "out", CLEAN), make_sweep(tmp_path / "b" / "out", REAL)])
    assert list(found.configurations) == list(found.facts) == list(found.cells) == ["a/out", "b/out"]
    assert [declaration.sweep for declaration in found.declarations] == ["a/out", "b/out"]


def test_two_uncompressed_runs_of_the_same_conditions_are_one_reference(tmp_path: Path) -> None:
    later = {**CLEAN, "name": "later", "seeds": [10025, 10049], "cells": [{"codec": "none", "mode": "intra"}, {
        "codec": "hevc", "mode": "intra", "target_bpp": [0.02, 0.08]}]}  # fmt: skip
    for key in ("primary", "secondary", "anchor"):
        del later[key]
    first = make_sweep(tmp_path / "clean", CLEAN)
    config = sweep_from_mapping(later, "later.yaml")
    with SweepFolder(tmp_path / "later", later, {}) as folder:
        for cell, seed in config.work():
            as_av1 = replace(cell, trial=replace(cell.trial, codec=cell.trial.codec.replace("hevc", "av1")))
            line = make_line(as_av1, seed)
            folder.append(cell.name, {**line, "success": not line["success"]} if seed == 10027 else line)
    found = evaluate(open_results([first, tmp_path / "later"]), draws=20)
    assert {row["name"]: row["seeds"] for row in found["curves"]} == {
        "av1 inter": 30, "av1 intra": 30, "webp intra": 30, "hevc intra": 25,
    }  # fmt: skip
    hevc = next(row for row in found["points"] if row["codec"] == "hevc")["name"]
    (against,) = [row for row in found["comparisons"] if row["candidate"] == hevc and row["anchor"].startswith("none")]
    assert against["anchor"].startswith("none-intra"), "its own sweep's run shares all of its seeds"
    (warning,) = [text for text in found["warnings"] if "end differently" in text]
    assert "on seeds 10027: the first one's count" in warning


def test_attempts_of_cells_that_are_no_point_are_counted_too(tmp_path: Path) -> None:
    folder = make_sweep(tmp_path / "clean", CLEAN)
    with open(folder / "errors.jsonl", "a", encoding="utf-8") as file:
        file.write('{"cell": "a-cell-of-old", "seed": 10000, "attempt": 1, "error": "RuntimeError: made up"}\n')
    found = evaluate(open_results([folder]), draws=20)
    assert sum(row["infrastructure_errors"] for row in found["points"]) == 1
    assert [row["infrastructure_errors"] for row in found["sweeps"]] == [2]
    assert "died of the infrastructure: 2," in markdown.make_markdown("x", found, "y", "")


def test_each_sweep_says_which_commits_and_processors_ran(tmp_path: Path) -> None:
    folder = make_sweep(tmp_path / "clean", CLEAN)
    found = open_results([folder])
    found.facts["clean"] = {"commit": "1" * 40, "processor": "A", "resumed": [{"commit": "2" * 40, "processor": "B"}]}
    evaluation = evaluate(found, draws=20)
    (row,) = evaluation["sweeps"]
    assert (row["commits"], row["processors"], row["cells"], row["episodes"]) == (
        ["1" * 40, "2" * 40],
        ["A", "B"],
        12,
        360,
    )
    text = markdown.make_markdown("x", evaluation, "y", "")
    assert f"| clean | 12 | 360 | 1 | {'1' * 12}, {'2' * 12} | A; B |" in text
