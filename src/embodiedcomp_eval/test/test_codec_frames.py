"""Which scenes a learned codec is trained on, and that frames of both cameras come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embodiedcomp_codec.training.frames import Frames
from embodiedcomp_eval.scene import OBJECTS, TABLES, WALLS, scene_of_seed
from embodiedcomp_eval.training import codec_frames
from embodiedcomp_eval.training.codec_frames import (
    LEFT_OUT_OBJECTS,
    LEFT_OUT_TABLES,
    LEFT_OUT_WALLS,
    collect_development,
    left_out_in_words,
    shard_seeds,
    shown,
)

TRAINING = range(1_000_000, 2_000_000)


def test_two_objects_a_table_and_a_wall_are_left_out() -> None:
    assert (len(LEFT_OUT_OBJECTS), len(LEFT_OUT_TABLES), len(LEFT_OUT_WALLS)) == (2, 1, 1)
    for left_out, known in ((LEFT_OUT_OBJECTS, OBJECTS), (LEFT_OUT_TABLES, TABLES), (LEFT_OUT_WALLS, WALLS)):
        assert set(left_out) < set(known)
        assert all(name in left_out_in_words() for name in left_out)


def test_shards_are_of_training_seeds_without_what_is_left_out() -> None:
    seen: set[int] = set()
    for shard in range(3):
        demonstrations, glimpses = shard_seeds(shard)
        seeds = {*demonstrations, *glimpses}
        assert len(seeds) == codec_frames.DEMONSTRATIONS + codec_frames.GLIMPSES
        assert all(seed in TRAINING and shown(scene_of_seed(seed)) for seed in seeds)
        assert not seeds & seen
        seen |= seeds
    scenes = [scene_of_seed(seed) for seed in seen]
    assert {scene.object for scene in scenes} == set(OBJECTS) - set(LEFT_OUT_OBJECTS)
    assert {scene.table for scene in scenes} == set(TABLES) - set(LEFT_OUT_TABLES)
    assert {scene.wall for scene in scenes} == set(WALLS) - set(LEFT_OUT_WALLS)


def test_rendered_frames_differ_and_a_second_call_renders_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec_frames, "DEMONSTRATIONS", 0)
    monkeypatch.setattr(codec_frames, "GLIMPSES", 2)
    path, count = codec_frames._render_shard((tmp_path / "frames-000.npy", 0))
    frames = Frames([path])
    assert len(frames) == count == 4  # two scenes, two cameras
    assert frames[0].shape == (codec_frames.SIDE, codec_frames.SIDE, 3)
    assert len({frames[index].tobytes() for index in range(4)}) == 4
    assert min(np.std(frames[index]) for index in range(4)) > 10
    said: list[str] = []
    assert codec_frames.collect_frames(tmp_path, 1, 1, said.append) == [path] and said == []


def test_development_frames_that_are_there_are_kept(tmp_path: Path) -> None:
    for kind in ("shown", "left-out"):
        (tmp_path / f"{kind}.npy").touch()
    said: list[str] = []
    assert set(collect_development(tmp_path, said.append)) == {"shown", "left-out"} and said == []
