import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.encoder_group import EncoderGroup
from embodiedcomp_codec.sequences import frozen, mean_square_error, noise, panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, SentFrame, StreamConfig

PERIOD_NS = 100_000_000
TARGET = 3.0 * 96 * 96 * 10


def code(group: EncoderGroup, *cameras: list[np.ndarray]) -> list[list[SentFrame]]:
    """Frames of every camera at one instant, one after the other."""
    sent: list[list[SentFrame]] = [[] for _ in cameras]
    for index, frames in enumerate(zip(*cameras, strict=True)):
        for camera, frame in enumerate(frames):
            sent[camera].append(group.encode(camera, frame, index * PERIOD_NS))
    return sent


def bits(sent: list[SentFrame]) -> int:
    return sum(8 * len(frame.packet) for frame in sent)


@pytest.mark.parametrize(("codec", "low", "high"), [("jpeg", -0.02, 0.02), ("av1", -0.05, 0.02)])
def test_the_sum_keeps_the_promise_and_the_harder_camera_gets_more(codec: str, low: float, high: float) -> None:
    group = EncoderGroup(StreamConfig(codec, target_bitrate=TARGET, frame_period=0.1), 2)
    busy, easy = noise(100, 96, 96), panning(100, 96, 96)
    sent = code(group, busy, easy)
    assert low <= (bits(sent[0]) + bits(sent[1])) / (TARGET * 10) - 1 <= high
    assert bits(sent[0][50:]) > 1.2 * bits(sent[1][50:])


def test_a_still_camera_leaves_its_bits_to_the_moving_one() -> None:
    config = StreamConfig("h264", target_bitrate=TARGET / 12, frame_period=0.1)
    moving = panning(60, 96, 96)
    shared = code(EncoderGroup(config, 2), moving, frozen(60, 96, 96))[0]
    halved = EncoderStream(StreamConfig("h264", target_bitrate=TARGET / 24, frame_period=0.1))
    alone = [halved.encode(frame, index * PERIOD_NS) for index, frame in enumerate(moving)]
    assert error(moving, shared)[30:].mean() < 0.8 * error(moving, alone)[30:].mean()


def error(frames: list[np.ndarray], sent: list[SentFrame]) -> np.ndarray:
    decoder = DecoderStream()
    images = [decoder.decode(frame.packet).image for frame in sent]
    return np.array([mean_square_error(a, b) for a, b in zip(frames, images, strict=True) if b is not None])


@pytest.mark.parametrize("target", [{"target_bpp": 0.2}, {"target_bitrate": 2e4}, {}])
def test_one_camera_alone_is_an_encoder_stream(target: dict[str, float]) -> None:
    config, frames = StreamConfig("jpeg", frame_period=0.1, **target), panning(5)
    group, stream = EncoderGroup(config, 1), EncoderStream(config)
    assert code(group, frames)[0] == [stream.encode(frame, index * PERIOD_NS) for index, frame in enumerate(frames)]


def test_reset_repeats_every_byte_and_keeps_a_new_target() -> None:
    group = EncoderGroup(StreamConfig("jpeg", target_bitrate=TARGET, frame_period=0.1), 2)
    first = code(group, noise(20), panning(20))
    group.reset()
    assert code(group, noise(20), panning(20)) == first
    group.set_target(target_bitrate=TARGET / 2)
    halved = code(group, noise(40), panning(40))
    assert sum(map(bits, halved)) == pytest.approx(TARGET / 2 * 4, rel=0.05)
    group.reset()
    assert sum(map(bits, code(group, noise(40), panning(40)))) == pytest.approx(TARGET / 2 * 4, rel=0.05)
    group.set_target(target_bpp=0.5)
    assert all(
        bits(sent) == pytest.approx(0.5 * 96 * 64 * 30, rel=0.05) for sent in code(group, noise(30), panning(30))
    )
    with pytest.raises(CodecError, match="impossible"):
        group.set_target(target_bitrate=math.inf)


def test_cameras_coded_by_threads_of_their_own_give_the_packets_that_they_give_in_turn() -> None:
    config = StreamConfig("h264", target_bpp=0.1, frame_period=0.1)
    films = [panning(12, 96, 96, seed) for seed in range(3)]
    in_turn = code(EncoderGroup(config, 3), *films)
    group = EncoderGroup(config, 3)
    with ThreadPoolExecutor(3) as pool:

        def film(camera: int) -> list[SentFrame]:
            return [group.encode(camera, frame, index * PERIOD_NS) for index, frame in enumerate(films[camera])]

        at_once = list(pool.map(film, range(3)))
    assert at_once == in_turn


def test_rolling_refresh_is_for_streams_with_references_and_shares_a_budget() -> None:
    group = EncoderGroup(StreamConfig("h264", target_bitrate=TARGET / 8, frame_period=0.1), 2, refresh_frames=5)
    sent = code(group, panning(30, 128, 96), panning(30, 128, 96, seed=1))
    assert 0.9 < (bits(sent[0]) + bits(sent[1])) / (TARGET / 8 * 3) < 1.02
    decoder = DecoderStream()
    assert [decoder.decode(frame.packet).image is not None for frame in sent[0][1:]].index(True) == 4
    still = EncoderGroup(StreamConfig("jpeg", target_bpp=1.0), 1, refresh_frames=5)
    assert all(frame.key for frame in code(still, panning(3, 64, 64))[0])
    with pytest.raises(CodecError, match="refresh_frames 1 is impossible"):
        EncoderGroup(StreamConfig("h264"), 1, refresh_frames=1)
