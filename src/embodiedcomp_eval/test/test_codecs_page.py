"""The page says what was measured, what failed, and what was not measured."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from embodiedcomp_eval import codec_evidence
from embodiedcomp_eval.codecs_page import page
from embodiedcomp_eval.commands.bench_codecs import PARTS
from embodiedcomp_eval.results import ResultsError

FACTS = {
    "command": "embodiedcomp bench speed --frames 40",
    "commit": "a" * 40,
    "date": "2026-01-01 00:00 UTC",
    "machine": "m",
    "load": 0.3,
}
SPEED: dict[str, Any] = {
    "facts": FACTS,
    "side_by_side": [
        {"codec": "jpeg", "width": 256, "height": 256, "node_ms": 1.5, "library_ms": 1.0, "added_ms": 0.5, "added_ratio": 0.5,
         "within": True, "node_bytes": 104.0, "library_bytes": 100.0},
    ],
    "under_target": [
        {"codec": "jpeg", "width": 256, "height": 256, "bpp": 0.1, "encode_ms": 2.0, "encode_ms_p95": 3.0, "encodes": 1.5,
         "one_encode_ms": 1.2},
    ],
    "start_seconds": [0.5, 0.7],
    "imports": {"embodiedcomp_codec": {"seconds": 0.01, "torch": False}},
}  # fmt: skip
LOSS: dict[str, Any] = {
    "facts": FACTS,
    "rows": [
        {"codec": "av1", "target_bpp": 0.05, "loss": 0.1, "sent": 100, "lost": 10, "shown": 80, "wrong": 0, "keys": 9,
         "back": [0, 1], "missed": [2, 4], "join_seconds": [0.2, 0.61]},
    ],
}  # fmt: skip


def test_rows_and_verdicts_are_there() -> None:
    text = page({"speed": SPEED, "loss": LOSS})
    assert "| jpeg | 256x256 | 1.50 | 1.00 | +0.50 | +50 % | yes | 104 | 100 |" in text
    assert "**All 1 rows are within the bound.**" in text
    assert 'make bench ARGS="speed --frames 40"' in text and "aaaaaaaaaaaa," in text
    assert "| av1 | 100 | 10 | 80 | 0 | 9 | 3.0, 4 | 1 | 0.41, 0.61 | **no** |" in text
    assert text.count("Not measured") == 4


def test_every_part_has_its_command_on_the_page() -> None:
    text = page(dict.fromkeys(PARTS))
    for name in PARTS:
        assert f'`make bench ARGS="{name}"`' in text
    assert "rate" in PARTS


def test_what_fails_and_what_was_shared_is_said() -> None:
    bad = copy.deepcopy(SPEED)
    bad["side_by_side"][0]["within"] = False
    bad["facts"]["load"] = 12.0
    bad["imports"]["embodiedcomp_codec"]["torch"] = True
    text = page({"speed": bad})
    assert "**Above the bound:** jpeg 256x256" in text
    assert "the machine was shared" in text and "**imports torch**" in text


def test_evidence_comes_back_whole_and_damage_is_named(tmp_path: Path) -> None:
    path = codec_evidence.write(tmp_path, "speed", "embodiedcomp bench speed", {"rows": [1, 2]})
    found = codec_evidence.read(tmp_path, "speed")
    assert found is not None and found["rows"] == [1, 2] and found["facts"]["command"] == "embodiedcomp bench speed"
    assert codec_evidence.read(tmp_path, "loss") is None
    for damaged in ("{", "[]", "{}"):
        path.write_text(damaged)
        with pytest.raises(ResultsError, match=r"speed\.json"):
            codec_evidence.read(tmp_path, "speed")
