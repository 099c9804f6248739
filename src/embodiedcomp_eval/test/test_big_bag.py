"""The big bag of ``bench bags``, small: every stage runs over all of it, is watched meanwhile, and leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from embodiedcomp_eval.bags.big_bag import CAMERA, FRAME_BYTES, STAGES, measure, resident, write_big_bag
from embodiedcomp_eval.bags.reader import BagReader

FRAMES = 24


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_every_stage_is_watched(storage: str, tmp_path: Path) -> None:
    write_big_bag(tmp_path / "bag", FRAMES, storage)
    assert sum(file.stat().st_size for file in (tmp_path / "bag").iterdir()) > FRAMES * FRAME_BYTES
    with BagReader(tmp_path / "bag") as reader:
        counts = {topic.name: topic.count for topic in reader.topics}
    assert counts[CAMERA] == FRAMES
    for stage in STAGES if storage == "mcap" else ("decode",):
        found = measure(stage, tmp_path / "bag", tmp_path / "out")
        assert found["messages"][-1] >= FRAMES - 1 and len(found["messages"]) == len(found["mebibytes"]) > 0
        assert found["peak"] >= max(found["mebibytes"]) > 10
        assert not (tmp_path / "out").exists()
    assert resident("VmRSS") > 10
