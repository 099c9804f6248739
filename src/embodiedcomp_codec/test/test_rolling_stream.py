"""Rolling intra refresh as a whole: no spikes, the rate kept, and no picture that was built on a missing reference."""

import numpy as np
import pytest

from embodiedcomp_codec.codec import CodecError, Image
from embodiedcomp_codec.packet import Header, KeyInfo, Wave, pack, unpack
from embodiedcomp_codec.rate_accuracy import judge
from embodiedcomp_codec.rolling_stream import RollingEncoderStream, weight
from embodiedcomp_codec.sequences import frozen, mean_square_error, panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, SentFrame, StreamConfig

PERIOD_NS = 100_000_000
CYCLE = 10


def code(stream: EncoderStream, frames: list[Image], keys: int = 0) -> list[SentFrame]:
    """All frames at 10 Hz, with a key frame every so many."""
    sent = []
    for index, frame in enumerate(frames):
        if keys and index % keys == 0:
            stream.request_key()
        sent.append(stream.encode(frame, index * PERIOD_NS))
    return sent


def rolling(codec: str, target_bpp: float, cycle: int = CYCLE) -> RollingEncoderStream:
    return RollingEncoderStream(StreamConfig(codec, target_bpp=target_bpp, frame_period=0.1), cycle)


def show(sent: list[SentFrame]) -> list[Image | None]:
    decoder = DecoderStream()
    return [decoder.decode(frame.packet).image for frame in sent]


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_no_frame_after_the_first_is_a_spike_and_the_rate_is_kept(codec: str) -> None:
    frames = panning(60, 256, 256)
    sent = code(rolling(codec, 0.1), frames)
    assert [frame.key for frame in sent] == [True] + 59 * [False]
    largest = max(len(frame.packet) for frame in sent[1:])
    periodic = code(EncoderStream(StreamConfig(codec, target_bpp=0.1, frame_period=0.1)), frames, CYCLE)
    assert largest < 0.6 * max(len(frame.packet) for frame in periodic[1:])
    assert largest * 8 < 2.2 * 0.1 * 256 * 256
    found = judge(sent, 0.1 * 256 * 256, 10, False, 256 * 256, 0.1)
    assert -0.05 <= found.total <= 0.02 and found.worst <= 0.10 and found.key_pair <= 0.10
    for image, frame in zip(show(sent), frames, strict=True):
        assert image is not None and mean_square_error(image, frame) < 15


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9"])
def test_a_late_joiner_has_a_right_picture_within_a_cycle_and_no_wrong_one_before(codec: str) -> None:
    sent = code(rolling(codec, 0.4), panning(40, 130, 96))
    assert not any(frame.key for frame in sent[1:])
    whole = show(sent)
    for start in (1, 7, 18):
        decoder = DecoderStream()
        late = [decoder.decode(frame.packet) for frame in sent[start:]]
        assert not any(received.need_key or received.key for received in late)
        first = next(index for index, received in enumerate(late) if received.image is not None)
        assert 1 < first < CYCLE
        for received, right in zip(late[first:], whole[start + first :], strict=True):
            assert received.image is not None and np.array_equal(received.image, right)
        assert decoder.info == KeyInfo(codec, "inter", 96, 130)
        assert "bands refreshed" in late[first - 1].reason


@pytest.mark.parametrize("codec", ["h264", "av1"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_tenth_lost_never_gives_a_wrong_picture_and_heals_by_itself(codec: str, seed: int) -> None:
    cycle = 4
    sent = code(rolling(codec, 0.5, cycle), panning(60, 128, 96) + panning(60, 128, 96)[::-1])
    decoder, generator = DecoderStream(), np.random.default_rng(seed)
    shown, since_loss = 0, 0
    for frame, right in zip(sent, show(sent), strict=True):
        if generator.random() < 0.1:
            since_loss = 0
            continue
        since_loss += 1
        received = decoder.decode(frame.packet)
        assert not received.need_key
        if received.image is not None:
            assert np.array_equal(received.image, right)
            shown += 1
        else:
            assert since_loss < cycle
    assert 60 < shown < 115


def test_a_key_request_gives_a_whole_key_picture_at_once() -> None:
    stream, frames = rolling("h264", 0.4), panning(8, 128, 96)
    sent = code(stream, frames[:5])
    stream.request_key()
    sent += [stream.encode(frame, index * PERIOD_NS) for index, frame in enumerate(frames[5:], 5)]
    assert [frame.key for frame in sent] == [True, False, False, False, False, True, False, False]
    late = DecoderStream()
    assert [late.decode(frame.packet).image is not None for frame in sent[5:]] == [True, True, True]


@pytest.mark.parametrize(("width", "height"), [(2, 2), (7, 5), (33, 131), (97, 193), (255, 70)])
def test_odd_sizes(width: int, height: int) -> None:
    sent = code(rolling("h264", 2.0, 3), panning(7, height, width))
    for image in show(sent):
        assert image is not None and image.shape == (height, width, 3)


def test_a_size_that_changes_and_smaller_rate_points_begin_a_whole_picture() -> None:
    stream = rolling("av1", 0.004)
    frames = panning(5, 256, 256) + panning(5, 130, 96)
    sent = code(stream, frames)
    assert sent[0].downsample < 8  # a picture of fewer coded rows, in fewer bands
    assert [frame.key for frame in sent].count(True) == 2 and sent[5].key
    for image, frame in zip(show(sent), frames, strict=True):
        assert image is not None and image.shape == frame.shape


def test_reset_returns_to_the_state_after_construction() -> None:
    stream, frames = rolling("h264", 0.3, 3), panning(8, 128, 96)
    first = code(stream, frames)
    stream.reset()
    assert [frame.packet for frame in code(stream, frames)] == [frame.packet for frame in first]


@pytest.mark.parametrize("target_bpp", [0.1, 1.5])
def test_a_still_picture_costs_no_spikes_and_uses_its_bits_or_reports_the_ceiling(target_bpp: float) -> None:
    stream = RollingEncoderStream(StreamConfig("h264", target_bpp=target_bpp, frame_period=0.2), 5)
    sent = [stream.encode(frame, 2 * index * PERIOD_NS) for index, frame in enumerate(frozen(150, 128, 64))]
    assert [frame.key for frame in sent].count(True) == 1
    assert max(len(frame.packet) for frame in sent[1:]) * 8 < 2.8 * target_bpp * 128 * 64
    found = judge(sent, target_bpp * 128 * 64, 5, False, 128 * 64, 0.2)
    assert not found.misses and (found.ceiling > 0) == (target_bpp > 0.5)
    assert sent[-1].quality > sent[0].quality and sent[-1].downsample == 8


def test_one_frame_a_second_keeps_its_target_too() -> None:
    stream = RollingEncoderStream(StreamConfig("h264", target_bpp=0.2, frame_period=1.0), 5)
    sent = [stream.encode(frame, index * 10**9) for index, frame in enumerate(panning(300, 128, 128)[::10])]
    bits = sum(8 * len(frame.packet) for frame in sent)
    assert bits / (30 * 0.2 * 128 * 128) == pytest.approx(1.0, abs=0.1)


def test_a_damaged_packet_is_refused_and_costs_one_cycle() -> None:
    sent = code(rolling("h264", 0.4), panning(30, 130, 96))
    whole = show(sent)
    for spoilt in (1, 4, 5, 9, 10):  # bands are coded anew at 5, 10, 15, 20
        for left in (2, 3, 5):
            decoder = DecoderStream()
            seen = [
                decoder.decode(frame.packet[: left if index == spoilt else None]) for index, frame in enumerate(sent)
            ]
            assert seen[spoilt].reason.startswith("corrupt: ")
            shown = [index for index, received in enumerate(seen) if received.image is not None]
            back = next(index for index in shown if index > spoilt)
            assert shown == [*range(spoilt), *range(back, 30)]
            assert back == (spoilt // 5 + 2) * 5
            for index in shown:
                assert np.array_equal(seen[index].image, whole[index])


def test_random_bytes_are_survived() -> None:
    sent, generator = code(rolling("h264", 0.4), panning(3, 130, 96)), np.random.default_rng(0)
    for size in [2, 3, 5, 9, 20, 200, 3000] * 40:
        decoder = DecoderStream()
        for frame in sent:
            decoder.decode(frame.packet)
        # Of a rolling stream, with the next number; random from there on.
        key = int(generator.integers(0, 2))
        packet = bytes([0x80 | key << 5 | 0x1C, 3]) + generator.bytes(size - 2)
        received = decoder.decode(packet)
        assert received.image is None and received.reason and not received.need_key


@pytest.mark.parametrize(
    ("header", "data", "words"),
    [
        (Header(0, 8, KeyInfo("h264", "inter", 96, 3), True, Wave(8, None)), b"", "8 bands of a picture of 3 rows"),
        (Header(0, 8, KeyInfo("h264", "inter", 60000, 60000), True, Wave(8, 2)), b"", "exceeds max_pixels"),
        (Header(0, 8, KeyInfo("h264", "inter", 96, 64), True, Wave(2, None)), b"\x07abc", "bands of 7 bytes in 3"),
        (Header(0, 8, KeyInfo("no-such", "inter", 96, 64), True, Wave(2, 0)), b"\x01abc", "unknown codec 'no-such'"),
    ],
)
def test_impossible_layouts_are_corrupt(header: Header, data: bytes, words: str) -> None:
    received = DecoderStream().decode(pack(header) + data)
    assert received.image is None and words in received.reason and received.reason.startswith("corrupt: ")


def test_streams_of_both_kinds_follow_each_other() -> None:
    frames = panning(6, 130, 96)
    plain = code(EncoderStream(StreamConfig("h264", target_bpp=0.4, frame_period=0.1)), frames)
    banded = code(rolling("h264", 0.4, 3), frames)
    decoder = DecoderStream()
    assert all(decoder.decode(frame.packet).image is not None for frame in (*plain, *banded, *plain))
    # Of the second stream the key frame is lost: its number would follow, its reference is another.
    decoder = DecoderStream()
    for frame in banded[:2]:
        assert decoder.decode(frame.packet).image is not None
    received = decoder.decode(plain[2].packet)
    assert received.image is None and received.need_key
    for frame in plain[:2]:
        assert decoder.decode(frame.packet).image is not None
    received = decoder.decode(banded[2].packet)
    assert received.image is None and not received.need_key


def test_only_packets_with_a_band_anew_say_what_a_late_joiner_needs() -> None:
    sent = code(rolling("h264", 0.4, 4), panning(9, 256, 256))
    heads = [unpack(frame.packet, 1 << 30)[0] for frame in sent]
    info = KeyInfo("h264", "inter", 256, 256)
    assert heads[0] == Header(0, 8, info, True, Wave(4, None)) and heads[0].key
    assert heads[1] == Header(1, 8, info, True, Wave(4, 0)) and not heads[1].key
    sparse = code(rolling("h264", 0.4, 8), panning(3, 256, 256))
    assert sparse[1].packet[:2] == pack(Header(1, 8, None, True))


def test_codecs_without_references_are_refused_in_one_line() -> None:
    with pytest.raises(CodecError, match="for streams of mode inter, not for jpeg in mode intra"):
        RollingEncoderStream(StreamConfig("jpeg"), 10)


@pytest.mark.parametrize("spacing", [1.0, 1.5, 2.5, 7.5, 100.0])
@pytest.mark.parametrize("ratio", [1.0, 2.0, 20.0])
def test_frames_are_granted_one_allowance_in_the_mean(spacing: float, ratio: float) -> None:
    due, other = weight(spacing, ratio, True), weight(spacing, ratio, False)
    assert due + (spacing - 1) * other == pytest.approx(spacing)
    assert 0 < other <= due <= 2
