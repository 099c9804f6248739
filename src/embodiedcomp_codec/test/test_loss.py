"""A live stream under random loss: what a decoder shows, and how soon it is back. Deterministic: no clock, no network."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig

PERIOD_NS = 100_000_000
REQUEST_EVERY = 5
"""Frames between two requests at 10 Hz: a decoder node asks at most twice a second."""
WAY = 1
"""Frames that a request takes to the encoder."""


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9"])
def test_a_tenth_lost(codec: str, seed: int) -> None:
    encoder = EncoderStream(StreamConfig(codec, target_bpp=0.6, frame_period=0.1))
    decoder, mirror = DecoderStream(), DecoderStream()
    generator = np.random.default_rng(seed)
    requests: deque[int] = deque()
    asked, shown, keys, outage, worst = -REQUEST_EVERY, 0, 0, 0, 0
    frames = panning(60, 48, 64)
    for index in range(180):
        if requests and requests[0] <= index:
            requests.popleft()
            encoder.request_key()
        packet = encoder.encode(frames[index % 60], index * PERIOD_NS).packet
        whole = mirror.decode(packet)
        if generator.random() < 0.1:
            outage += 1
            continue
        received = decoder.decode(packet)
        if received.image is None:
            assert received.need_key and not whole.key
            outage += 1
            if index - asked >= REQUEST_EVERY and generator.random() >= 0.1:  # requests are lost as well
                requests.append(index + WAY)
                asked = index
            continue
        # Never on a missing reference: exactly what a decoder without losses shows.
        assert whole.image is not None and np.array_equal(received.image, whole.image)
        # Back with the key frame itself, not some frames later.
        assert received.key or outage == 0
        keys += received.key
        shown += 1
        worst, outage = max(worst, outage), 0
    assert keys >= 8 and shown > 90
    assert worst <= 3 * REQUEST_EVERY


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9"])
def test_the_frame_after_a_lost_key_frame_is_not_shown_but_the_next_key_frame_is(codec: str) -> None:
    encoder, decoder = EncoderStream(StreamConfig(codec, target_bpp=0.6, frame_period=0.1)), DecoderStream()
    packets = []
    for index, frame in enumerate(panning(10, 48, 64)):
        if index in (3, 6):
            encoder.request_key()
        packets.append(encoder.encode(frame, index * PERIOD_NS).packet)
    seen = [index for index in range(10) if index != 3 and decoder.decode(packets[index]).image is not None]
    assert seen == [0, 1, 2, 6, 7, 8, 9]
