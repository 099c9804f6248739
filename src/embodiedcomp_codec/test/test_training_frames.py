"""Shards of frames and the batches cut from them."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.training.frames import Frames, save_shard

STACKS = [np.stack(panning(count, 96, 96, seed=count)) for count in (3, 2)]


@pytest.fixture
def frames(tmp_path: pathlib.Path) -> Frames:
    paths = [tmp_path / f"{number}.npy" for number in range(2)]
    for path, stack in zip(paths, STACKS, strict=True):
        save_shard(path, stack)
    assert not list(tmp_path.glob("*.partial"))
    return Frames(paths)


def test_frames_of_all_shards_in_order(frames: Frames) -> None:
    assert len(frames) == 5
    for index, expected in enumerate(np.concatenate(STACKS)):
        assert np.array_equal(frames[index], expected)
    for outside in (-1, 5):
        with pytest.raises(IndexError):
            frames[outside]


def test_a_batch_depends_on_seed_and_step_alone(frames: Frames) -> None:
    batch = frames.batch(7, 6, 64, seed=1)
    assert batch.shape == (6, 3, 64, 64) and batch.dtype == np.float32
    assert 0 <= batch.min() < batch.max() <= 1
    assert np.array_equal(batch, frames.batch(7, 6, 64, seed=1))
    assert not np.array_equal(batch, frames.batch(8, 6, 64, seed=1))
    assert not np.array_equal(batch, frames.batch(7, 6, 64, seed=2))


def test_crops_are_parts_of_frames_at_the_rate_points(frames: Frames) -> None:
    """Full-size crops occur as they are (or mirrored) in a frame; others come from downsampled ones."""
    whole = np.concatenate(STACKS)
    found = 0
    for crop in frames.batch(0, 40, 64, seed=0):
        pixels = np.rint(crop.transpose(1, 2, 0) * 255).astype(np.uint8)
        for candidate in (pixels, pixels[:, ::-1]):
            corner = (whole[:, :33, :33] == candidate[0, 0]).all(-1)
            found += any(
                np.array_equal(whole[n, y : y + 64, x : x + 64], candidate) for n, y, x in zip(*np.nonzero(corner))
            )
    assert 10 <= found <= 30


def test_what_is_no_shard_is_one_line(tmp_path: pathlib.Path) -> None:
    (tmp_path / "text.npy").write_text("no shard")
    np.save(tmp_path / "grey.npy", np.zeros((2, 8, 8), dtype=np.uint8))
    for name, words in (("text", "no shard of frames"), ("grey", r"not \(n, H, W, 3\)"), ("absent", "no shard")):
        with pytest.raises(CodecError, match=words) as caught:
            Frames([tmp_path / f"{name}.npy"])
        assert "\n" not in str(caught.value)
    with pytest.raises(CodecError, match="no shard of frames to train on"):
        Frames([])
