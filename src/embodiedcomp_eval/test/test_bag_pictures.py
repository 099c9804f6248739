"""The pictures of recorded episodes: named by seed, camera, step and kind; decoded as the live decoder did."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_eval.bags.pictures import recorded_pictures
from embodiedcomp_eval.bags.recorder import TrialRecorder
from embodiedcomp_eval.subscriber import FrameSent
from embodiedcomp_eval.task import load_task
from embodiedcomp_eval.trial_config import TrialConfig

TASK = load_task("ur5e_lift")
PERIOD_NS = round(1e9 / TASK.control_hz)


def record(folder: Path, seeds: range) -> dict[str, bytes]:
    """A bag of episodes with three queries each; what its pictures should be, as raw bytes."""
    config = TrialConfig(codec="hevc", mode="inter", target_bpp=0.5, transport="inprocess")
    recorder = TrialRecorder(config, TASK, ("joint",), folder, "mcap", 0)
    expected = {}
    for seed in seeds:
        recorder.reset(seed, {}, np.zeros(1), 0.0)
        for camera in TASK.cameras:
            encoder = EncoderStream(StreamConfig(codec="hevc", mode="inter", target_bpp=0.5, frame_period=1.0))
            decoder = DecoderStream()
            for step in (0, 10, 20):
                image = np.full((TASK.height, TASK.width, 3), seed + step, dtype=np.uint8)
                image[:64, step : step + 64] = 255
                frame = encoder.encode(image, step * PERIOD_NS)
                recorder.sent(
                    FrameSent(camera, step * PERIOD_NS, frame.packet, frame.key, False, False, 0.001, image)
                )  # fmt: skip
                decoded = decoder.decode(frame.packet).image
                assert decoded is not None
                expected[f"{seed}/{camera}.{step:04d}.source.webp"] = image.tobytes()
                expected[f"{seed}/{camera}.{step:04d}.decoded.webp"] = decoded.tobytes()
    recorder.close()
    return expected


def test_every_picture_of_the_first_episodes(tmp_path: Path) -> None:
    expected = record(tmp_path, range(3))
    found = dict(recorded_pictures(tmp_path / "bag", PERIOD_NS, np.ndarray.tobytes, episodes=2))
    assert found == {name: data for name, data in expected.items() if not name.startswith("2/")}
    assert len(found) == 2 * 2 * 3 * 2
