"""What we write, LeRobot's own class loads: run by ``make test-lerobot`` in the environment that has lerobot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embodiedcomp_eval.row_grid import Row

lerobot_dataset = pytest.importorskip("lerobot.datasets.lerobot_dataset", reason="lerobot is not installed")
JOINTS = [f"joint_{number}" for number in range(7)]
RATE, LENGTHS, SHAPES = 10, (12, 9), {"base": (48, 64, 3), "wrist": (40, 56, 3)}


def rows(length: int, seed: int) -> list[Row]:
    rng = np.random.default_rng(seed)
    return [
        Row(
            number,
            {name: rng.integers(0, 256, shape, dtype=np.uint8) for name, shape in SHAPES.items()},
            rng.standard_normal(7),
            rng.standard_normal(7),
            0,
        )
        for number in range(length)
    ]


@pytest.fixture(scope="module")
def backend() -> str:
    """What decodes video here: torchcodec needs FFmpeg's libraries, and its forerunner an older torchvision."""
    try:
        import torchcodec  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        torchvision_io = pytest.importorskip("torchvision.io")
        if not hasattr(torchvision_io, "VideoReader"):
            pytest.skip("lerobot can't decode video here: torchcodec finds no FFmpeg (apt-get install ffmpeg)")
        return "pyav"
    return "torchcodec"


@pytest.fixture
def episodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[Row]]:
    from embodiedcomp_eval.datasets.lerobot import DatasetWriter

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    made = [rows(length, seed) for seed, length in enumerate(LENGTHS)]
    writer = DatasetWriter(tmp_path / "set", RATE, JOINTS, "ur5e", "Pick up the object")
    for episode in made:
        for row in episode:
            writer.add(row)
        writer.end_episode()
    writer.close()
    return made


def test_lerobot_loads_every_frame_bit_for_bit(episodes: list[list[Row]], tmp_path: Path, backend: str) -> None:
    loaded = lerobot_dataset.LeRobotDataset("local/set", root=tmp_path / "set", video_backend=backend)
    assert (loaded.num_episodes, len(loaded), loaded.fps) == (2, sum(LENGTHS), RATE)
    assert loaded.meta.camera_keys == [f"observation.images.{name}" for name in SHAPES]
    flat = [(number, step, row) for number, episode in enumerate(episodes) for step, row in enumerate(episode)]
    for index, (number, step, row) in enumerate(flat):
        item = loaded[index]
        assert item["episode_index"] == number and item["frame_index"] == step and item["task"] == "Pick up the object"
        assert np.allclose(item["observation.state"], row.state) and np.allclose(item["action"], row.action)
        for name, picture in row.images.items():
            pixels = np.round(255 * item[f"observation.images.{name}"].numpy()).astype(np.uint8)
            assert np.array_equal(pixels.transpose(1, 2, 0), picture), (index, name)


def test_lerobot_makes_batches_of_chunks(episodes: list[list[Row]], tmp_path: Path, backend: str) -> None:
    """As its training does: actions of the next steps, padded at an episode's end; statistics in its own shapes."""
    import torch

    steps = {"action": [index / RATE for index in range(4)]}
    loaded = lerobot_dataset.LeRobotDataset(
        "local/set", root=tmp_path / "set", delta_timestamps=steps, video_backend=backend
    )
    batch = next(iter(torch.utils.data.DataLoader(loaded, batch_size=LENGTHS[0])))
    assert batch["action"].shape == (LENGTHS[0], 4, 7)
    assert batch["action_is_pad"].sum(dim=1).tolist() == [0] * (LENGTHS[0] - 3) + [1, 2, 3]
    statistics = loaded.meta.stats
    pixels = np.concatenate([row.images["base"].reshape(-1, 3) for episode in episodes for row in episode]) / 255
    assert statistics["observation.images.base"]["mean"].shape == (3, 1, 1)
    assert np.allclose(statistics["observation.images.base"]["mean"].ravel(), pixels.mean(axis=0))
    states = np.array([row.state for episode in episodes for row in episode])
    assert np.allclose(statistics["observation.state"]["std"], states.std(axis=0))
