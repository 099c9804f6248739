"""The workers behind the benches of the codec nodes, on small jobs; bad input in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_eval.commands.bench_pictures import pictures
from embodiedcomp_eval.commands.bench_speed import speed
from embodiedcomp_eval.commands.node_worker import serve
from embodiedcomp_eval.config import ConfigError, config_file
from embodiedcomp_eval.paired_timing import summary
from embodiedcomp_eval.results import ResultsError


def test_both_ways_code_the_same_frames_and_a_target_counts_its_encodes() -> None:
    size: dict[str, Any] = {"width": 96, "height": 64, "frames": 12, "warm_up": 2}
    jobs = [
        {"kind": "side_by_side", "codec": "jpeg", **size},
        {"kind": "side_by_side", "codec": "h264", **size},
        {"kind": "under_target", "codec": "jpeg", "target_bpp": 0.4, **size},
    ]
    still, video, target = serve("speed_worker", jobs)
    assert still["node_bytes"] > still["library_bytes"]  # a video encoder's remarks to players are taken out
    for row in (still, video):
        assert row["frames"] == 10 and row["node_ms"] > 0 and row["library_ms"] > 0
        assert row["node_bytes"] - row["library_bytes"] <= 8  # our header
    assert target["bpp"] == pytest.approx(0.4, rel=0.05) and target["encodes"] >= 1
    assert 0 < target["one_encode_ms"] * target["encodes"] < 20 * target["encode_ms_p95"]


def test_memory_is_sampled_over_all_frames() -> None:
    (row,) = serve("memory_worker", [{"codec": "jpeg", "width": 32, "height": 32, "frames": 200, "target_bpp": 2.0}])
    assert row["frames"][-1] == 200 and len(row["mebibytes"]) == 100 and min(row["mebibytes"]) > 10


def test_a_worker_that_dies_is_one_error() -> None:
    with pytest.raises(ResultsError, match="memory_worker died"):
        list(serve("memory_worker", [{"nonsense": 1}]))


def test_unknown_codecs_are_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'mpeg1'.*jpeg"):
        speed(codecs=["mpeg1"], frames=10, out=tmp_path)
    with pytest.raises(CodecError, match="mpeg1"):
        pictures(codecs=["mpeg1"], out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_larger_of_a_millisecond_and_15_percent_is_allowed() -> None:
    assert summary([(0.0019, 0.001)] * 3).within and not summary([(0.0021, 0.001)] * 3).within
    assert summary([(0.114, 0.1)] * 3).within and not summary([(0.116, 0.1)] * 3).within
    assert summary([(0.3, 0.1), (0.11, 0.1), (0.11, 0.1)]).added == pytest.approx(0.01)


def test_the_profile_for_large_images_is_shipped() -> None:
    assert "segment_size" in config_file("dds/large_images.xml").read_text(encoding="utf-8")
