import math

import numpy as np
import pytest

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.rate_accuracy import judge, measure
from embodiedcomp_codec.sequences import frozen, hard_cuts, mean_square_error, noise, panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig

PERIOD = 0.1


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (StreamConfig("h999"), "unknown codec 'h999'; choose one of"),
        (StreamConfig("jpeg", "often"), "mode 'often' is unknown; choose one of: inter, intra"),  # type: ignore[arg-type]
        (StreamConfig("jpeg", target_bpp=0.1, target_bitrate=1.0), "both set"),
        (StreamConfig("jpeg", target_bpp=0.0), "target_bpp 0 is impossible"),
        (StreamConfig("jpeg", budget_window=0.0), "budget_window 0"),
        (StreamConfig("jpeg", frame_period=-1.0), "frame_period -1"),
    ],
)
def test_bad_configurations_are_one_line(config: StreamConfig, words: str) -> None:
    with pytest.raises(CodecError, match=words) as caught:
        EncoderStream(config)
    assert "\n" not in str(caught.value)


def test_no_target_is_the_finest_quality() -> None:
    sent = EncoderStream(StreamConfig("jpeg")).encode(panning(1)[0], 0)
    assert (sent.quality, sent.downsample, sent.at_ceiling, sent.at_floor) == (1.0, 8, False, False)


@pytest.mark.parametrize("target", [0.15, 0.6])
@pytest.mark.parametrize("sequence", [panning, hard_cuts])
def test_intra_within_two_percent_and_five_in_every_window(sequence: object, target: float) -> None:
    config = StreamConfig("jpeg", target_bpp=target, frame_period=PERIOD)
    result = measure(sequence(60, 128, 128), config, PERIOD)  # type: ignore[operator]
    assert abs(result.total) <= 0.02
    assert result.least >= -0.05 and result.worst <= 0.05


@pytest.mark.parametrize(("codec", "target"), [("av1", 0.06), ("hevc", 0.06), ("h264", 0.12), ("vp9", 0.08)])
@pytest.mark.parametrize("sequence", [panning, hard_cuts])
def test_inter_keeps_its_promise(codec: str, target: float, sequence: object) -> None:
    config = StreamConfig(codec, target_bpp=target, frame_period=PERIOD)
    # So long that the key frame of the last cut, after 148 frames, is repaid.
    result = measure(sequence(170, 96, 96), config, PERIOD)  # type: ignore[operator]
    assert -0.05 <= result.total <= 0.02
    assert result.worst <= 0.10
    assert result.key_pair <= 0.10


def test_one_frame_a_second_comes_out_near_its_target() -> None:
    frames = panning(300, 192, 192)[::12]
    for count in (8, 25):
        config = StreamConfig("av1", target_bpp=0.05, frame_period=1.0)
        assert -0.2 <= measure(frames[:count], config, 1.0).total <= 0.1


@pytest.mark.parametrize("codec", ["av1", "hevc", "h264"])
@pytest.mark.parametrize("queries", [4, 5, 7])
def test_an_episode_of_a_few_queries_does_not_end_in_debt(codec: str, queries: int) -> None:
    frames = panning(12 * queries, 192, 192)[::12]
    result = measure(frames, StreamConfig(codec, target_bpp=0.08, frame_period=1.0), 1.0)
    assert -0.08 <= result.total <= 0.05


def test_a_still_picture_is_refined_query_by_query_without_a_key_frame() -> None:
    stream = EncoderStream(StreamConfig("h264", target_bpp=0.1, frame_period=1.0))
    sent = [stream.encode(frame, index * 10**9) for index, frame in enumerate(frozen(30, 128, 128))]
    assert [frame.key for frame in sent].count(True) == 1
    assert sent[-1].quality > sent[5].quality
    assert sum(8 * len(frame.packet) for frame in sent) <= 1.02 * 30 * 0.1 * 128 * 128


def test_h264_key_frames_carry_no_remarks() -> None:
    packet = EncoderStream(StreamConfig("h264")).encode(panning(1)[0], 0).packet
    assert b"x264" not in packet


def test_a_frozen_picture_reports_the_ceiling_and_is_not_padded() -> None:
    stream = EncoderStream(StreamConfig("av1", target_bpp=0.5, frame_period=PERIOD))
    sent = [stream.encode(frame, index * 10**8) for index, frame in enumerate(frozen(40))]
    assert sent[-1].at_ceiling and len(sent[-1].packet) * 8 < 0.5 * 64 * 96 / 2


@pytest.mark.parametrize(("codec", "target"), [("h264", 0.1), ("av1", 0.05), ("vp9", 0.1)])
def test_at_camera_pace_a_still_picture_climbs_within_the_tolerances(codec: str, target: float) -> None:
    frames = [*panning(20, 96, 96), *[panning(20, 96, 96)[-1]] * 130]
    stream = EncoderStream(StreamConfig(codec, target_bpp=target, frame_period=PERIOD))
    sent = [stream.encode(frame, index * 10**8) for index, frame in enumerate(frames)]
    result = judge(sent, target * 96 * 96, 10, False, 96 * 96, PERIOD)
    assert result.worst <= 0.10 and result.key_pair <= 0.10 and result.total <= 0.02
    decoder = DecoderStream()
    errors = [mean_square_error(decoder.decode(f.packet).image, frame) for f, frame in zip(sent, frames, strict=True)]  # type: ignore[arg-type]
    assert errors[-1] < 0.6 * errors[24]


@pytest.mark.parametrize("target", [0.02, 0.1])
def test_a_picture_that_stands_and_moves_on_keeps_every_window(target: float) -> None:
    frames = panning(150, 192, 192)
    at = [20 * (index // 45) + min(index % 45, 20) for index in range(150)]
    config = StreamConfig("h264", target_bpp=target, frame_period=PERIOD)
    result = measure([frames[index] for index in at], config, PERIOD)
    assert result.worst <= 0.10 and result.key_pair <= 0.10


def test_a_ceiling_is_said_where_more_bits_make_no_finer_picture_only() -> None:
    config = StreamConfig("h264", target_bpp=0.05, frame_period=PERIOD)
    stream = EncoderStream(config)
    moving = [stream.encode(frame, index * 10**8) for index, frame in enumerate(panning(60, 96, 96))]
    assert not any(frame.at_ceiling for frame in moving)
    rich = EncoderStream(StreamConfig("jpeg", target_bpp=20.0)).encode(frozen(1, 96, 96)[0], 0)
    assert rich.at_ceiling and rich.quality == 1 and rich.downsample == 8


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_a_still_picture_uses_its_bits_or_says_that_it_can_not(codec: str) -> None:
    result = measure(frozen(300, 96, 96), StreamConfig(codec, target_bpp=0.05, frame_period=PERIOD), PERIOD)
    assert result.misses == () and result.ceiling > 0.5


def test_below_the_floor_the_floor_is_sent_and_said() -> None:
    for codec in ("av1", "jpeg", "webp"):
        stream = EncoderStream(StreamConfig(codec, target_bpp=0.0005, frame_period=PERIOD))
        decoder = DecoderStream()
        sent = [stream.encode(frame, index * 10**8) for index, frame in enumerate(noise(12, 64, 64))]
        assert sent[-1].at_floor and sent[-1].quality == 0.0
        assert all(decoder.decode(frame.packet).image is not None for frame in sent)


def test_a_new_target_takes_effect_within_a_window() -> None:
    stream = EncoderStream(StreamConfig("jpeg", target_bpp=0.3, frame_period=PERIOD))
    frames = panning(30, 128, 128)
    sent = []
    for index, frame in enumerate(frames):
        if index == 10:
            stream.set_target(target_bitrate=0.8 * 128 * 128 / PERIOD)
        sent.append(8 * len(stream.encode(frame, round(index * PERIOD * 1e9)).packet) / 128**2)
    assert np.mean(sent[:10]) == pytest.approx(0.3, rel=0.05)
    assert np.mean(sent[10:20]) == pytest.approx(0.8, rel=0.05)
    with pytest.raises(CodecError, match="impossible"):
        stream.set_target(target_bpp=math.inf)
    assert stream.target_bitrate == pytest.approx(0.8 * 128 * 128 / PERIOD)


@pytest.mark.parametrize("codec", ["h264", "av1", "hevc", "vp9"])
@pytest.mark.parametrize(("before", "after"), [(0.2, 0.05), (0.05, 0.2)])
def test_a_new_target_of_an_inter_stream_takes_effect_within_two_windows(
    codec: str, before: float, after: float
) -> None:
    stream = EncoderStream(StreamConfig(codec, target_bpp=before, frame_period=PERIOD))
    sent = []
    for index, frame in enumerate(panning(80, 128, 128)):
        if index == 30:
            stream.set_target(target_bpp=after)
        sent.append(stream.encode(frame, index * 10**8))
    bits = np.array([8 * len(frame.packet) for frame in sent]) / 128**2
    assert np.mean(bits[20:30]) == pytest.approx(before, rel=0.25)  # a key frame is still being repaid
    # From the third window on, every window of ten frames: no key frame excuses one here.
    assert [frame.key for frame in sent].count(True) == 1
    windows = np.convolve(bits[50:], np.full(10, 0.1), "valid") / after - 1
    assert windows.max() <= 0.10 and windows.min() >= -0.15
    assert np.mean(bits[50:]) / after - 1 >= -0.05


def test_lossless_stays_lossless_under_any_target() -> None:
    frame = panning(1)[0]
    sent = EncoderStream(StreamConfig("none", target_bpp=0.1)).encode(frame, 0)
    assert sent.at_floor and sent.downsample == 8
    image = DecoderStream().decode(sent.packet).image
    assert image is not None and np.array_equal(image, frame)


def test_garbage_leaves_the_stream_as_it_was() -> None:
    encoder, decoder = EncoderStream(StreamConfig("av1", target_bpp=0.3)), DecoderStream()
    packets = [encoder.encode(frame, index).packet for index, frame in enumerate(panning(3))]
    assert decoder.decode(packets[0]).image is not None
    garbage = decoder.decode(b"\xff" * 30)
    assert garbage.image is None and "corrupt" in garbage.reason and not garbage.need_key
    assert decoder.decode(packets[1]).image is not None
    gap = decoder.decode(packets[1])
    assert gap.image is None and gap.need_key and "gap" in gap.reason
    assert decoder.decode(packets[2]).image is None


def test_a_frame_larger_than_max_pixels_is_refused() -> None:
    packet = EncoderStream(StreamConfig("jpeg")).encode(panning(1)[0], 0).packet
    received = DecoderStream(max_pixels=64 * 95).decode(packet)
    assert received.image is None and "exceeds max_pixels" in received.reason
