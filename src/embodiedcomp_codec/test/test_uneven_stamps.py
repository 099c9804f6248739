"""Streams whose frames don't come at an even pace."""

import numpy as np
import pytest

from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stream import EncoderStream, StreamConfig

PIXELS = 96 * 96


@pytest.mark.parametrize("codec", ["h264", "vp9"])
@pytest.mark.parametrize("target", [{"target_bpp": 0.05}, {"target_bitrate": 0.05 * PIXELS * 10}])
def test_after_a_pause_the_stream_comes_back_as_large_as_it_was(codec: str, target: dict[str, float]) -> None:
    stream, stamp, sent = EncoderStream(StreamConfig(codec, **target)), 0, []  # type: ignore[arg-type]
    for index, frame in enumerate(panning(40, 96, 96)):
        stamp += 10**8
        if index == 20:
            stamp += 5 * 10**9
            stream.request_key()
        sent.append(stream.encode(frame, stamp))
    assert sent[20].key and all(frame.downsample >= sent[19].downsample for frame in sent[20:])
    # A key frame may take a good part of a window; it does not take what the silence saved.
    bits = np.array([8 * len(frame.packet) for frame in sent]) / (0.05 * PIXELS)
    assert bits[20] <= 7 and bits[20:40].sum() <= 1.1 * 20 + 6


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_bit_rate_is_kept_though_frames_are_missing(seed: int) -> None:
    random, rate = np.random.default_rng(seed), 0.1 * PIXELS * 8
    stream = EncoderStream(StreamConfig("h264", target_bitrate=rate))
    kept = [index for index in range(120) if random.random() >= 0.2]
    frames = panning(120, 96, 96)
    bits = np.array([8 * len(stream.encode(frames[index], index * 10**8).packet) for index in kept])
    assert -0.05 <= bits.sum() / (rate * 0.1 * (kept[-1] - kept[0] + 1)) - 1 <= 0.02
    times = np.array(kept)
    windows = [bits[(times >= start) & (times < start + 10)].sum() / rate for start in range(30, 110)]
    assert max(windows) <= 1.11  # what no frame can do without comes on top
