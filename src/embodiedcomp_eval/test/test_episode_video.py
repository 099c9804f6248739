"""The video of an episode shows every decoded view, side by side, one frame a query."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from embodiedcomp_eval.subscriber import FrameReceived
from embodiedcomp_eval.videos.episode_video import EpisodeVideo

SHADES = (40, 120, 200)


def shade(value: int) -> np.ndarray:
    return np.full((33, 31, 3), value, dtype=np.uint8)


def test_views_stand_side_by_side_and_a_lost_one_keeps_its_last_picture(tmp_path: Path) -> None:
    video = EpisodeVideo(tmp_path / "video", ("a", "b"), width=31, height=33, rate=1.0)
    for seed in (7, 8):
        video.reset(seed, {}, np.zeros(7), 0.0)
        for index, value in enumerate(SHADES):
            video.received(FrameReceived("a", index, False, 0.0, shade(value)))
            lost = index == 2
            video.received(FrameReceived("b", index, lost, 0.0, None if lost else shade(255 - value)))
    video.close()
    assert sorted(path.name for path in (tmp_path / "video").iterdir()) == ["seed-7.mp4", "seed-8.mp4"]
    with av.open(str(tmp_path / "video" / "seed-8.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 1
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert [frame.shape for frame in frames] == [(34, 62, 3)] * 3
    left = [frame[4:28, 4:26].mean() for frame in frames]
    right = [frame[4:28, 36:58].mean() for frame in frames]
    assert np.allclose(left, SHADES, atol=4)
    assert np.allclose(right, [215, 135, 135], atol=4)
