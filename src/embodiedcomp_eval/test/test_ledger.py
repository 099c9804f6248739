"""The seed ledger: which seeds count, what a line holds, and that lines are only ever added."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from embodiedcomp_eval import ledger


def test_only_evaluation_seeds_are_named() -> None:
    seeds = [41, 42, 141, 142, 199, 200, 699, 700, 10000, 1000000]
    assert ledger.evaluation_seeds(seeds) == [42, 141, 200, 699]


def test_seeds_are_written_as_runs() -> None:
    assert ledger.spans([44, 42, 43, 200, 200]) == [[42, 44], [200, 200]]
    assert ledger.spans([]) == []


def test_weights_are_hashed_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "reference.npz").write_bytes(b"weights")
    (tmp_path / "policy" / "notes.txt").write_text("no weights")
    expected = {"policy/reference.npz": hashlib.sha256(b"weights").hexdigest()}
    assert ledger.weight_hashes([tmp_path]) == expected
    assert ledger.weight_hashes([tmp_path / "policy" / "reference.npz", tmp_path / "absent"]) == expected


def test_lines_are_added(tmp_path: Path) -> None:
    path = tmp_path / "results" / "ledger.jsonl"
    first = ledger.entry("2026-01-01T00:00:00Z", "sweep paper", "abc-dirty", {"p/w.npz": "00"}, range(42, 142), 4200)
    ledger.append(path, first)
    ledger.append(path, {**first, "commit": "def"})
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["commit"] for line in lines] == ["abc-dirty", "def"]
    assert lines[0]["seeds"] == [[42, 141]] and lines[0]["episodes"] == 4200
