"""The thin envelope: everything comes back, late joiners and losses included, and no bytes harm it."""

from __future__ import annotations

import copy
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodiedcomp_codec.bundle import CONTINUED, DESCRIBED, STANDALONE, BundleError, BundleReader, BundleWriter, Setup
from embodiedcomp_codec.bundle_state import Bundle, Joints, Part
from embodiedcomp_codec.packet import Header, KeyInfo, Wave, pack
from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig

PERIOD = 100_000_000
SETUP = Setup((("base_camera", "rgb8"), ("wrist_camera", "bgr8")), ("shoulder", "elbow"), "world")
INFO = KeyInfo("av1", "inter", 256, 256)


def packet(sequence: int, data: bytes, key: bool = False, mode: str = "inter") -> bytes:
    info = KeyInfo("av1", mode, 256, 256) if key else None  # type: ignore[arg-type]
    return pack(Header(sequence % 1024, 4, info)) + data


def instant(index: int, key: bool = False, joints: bool = True) -> Bundle:
    parts = tuple(
        Part(packet(index + 7 * camera, bytes([50, index % 256, camera]) * 10, key), index * PERIOD)
        for camera in (0, 1)
    )
    state = Joints(index * PERIOD - 1000, (0.5 + 0.01 * index, -1.25), (0.1,), ()) if joints else None
    return Bundle(parts, state)


def same(found: Bundle, expected: Bundle) -> bool:
    if found.parts != expected.parts or (found.joints is None) != (expected.joints is None):
        return False
    if found.joints is None or expected.joints is None:
        return True
    return (
        found.joints.stamp_ns == expected.joints.stamp_ns
        and found.joints.counts == expected.joints.counts
        and np.array_equal(found.joints.values(), expected.joints.values(), equal_nan=True)
    )


packets = st.builds(
    packet,
    st.integers(0, 1023),
    st.binary(max_size=300),
    st.booleans(),
    st.sampled_from(["inter", "intra"]),
)
stamps = st.integers(-(10**18), 2 * 10**18)
floats = st.lists(st.floats(width=32), max_size=4).map(tuple)
bundles = st.builds(
    Bundle,
    st.tuples(*[st.none() | st.builds(Part, packets, stamps)] * 2).filter(any),
    st.none() | st.builds(Joints, stamps, floats, floats, floats),
)
texts = st.text(max_size=20)
setups = st.builds(Setup, st.tuples(*[st.tuples(texts, texts)] * 2), st.lists(texts, max_size=4).map(tuple), texts)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(bundles, st.sampled_from([SETUP, Setup((("", ""), ("", "")))]) | setups, st.booleans()), max_size=8
    )
)
def test_whatever_is_written_is_read(instants: list[tuple[Bundle, Setup, bool]]) -> None:
    writer, reader = BundleWriter(), BundleReader(2)
    for bundle, setup, asked in instants:
        if asked:
            writer.request()
        received = reader.read(writer.write(bundle, setup))
        assert received.bundle is not None and received.reason == "" and not received.need_key
        assert same(received.bundle, bundle) and received.setup == setup


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=80, max_size=80), st.integers(3, 30))
def test_under_loss_what_is_read_is_right_and_a_key_brings_it_back(lost: list[bool], every: int) -> None:
    writer, reader = BundleWriter(), BundleReader(2)
    for index, gone in enumerate(lost):
        key = index % every == 0
        bundle = instant(index, key)
        message = writer.write(bundle, SETUP)
        if gone:
            continue
        received = reader.read(message)
        if received.bundle is not None:
            assert same(received.bundle, bundle)
        else:
            assert received.need_key and not key
        if key:
            assert received.bundle is not None


def test_a_gap_of_a_whole_turn_is_seen_by_the_silence() -> None:
    writer, reader = BundleWriter(), BundleReader(2)
    for index in range(3):
        assert reader.read(writer.write(instant(index, index == 0), SETUP), index * PERIOD).bundle
    for index in range(3, 67):
        writer.write(instant(index), SETUP)
    received = reader.read(writer.write(instant(67), SETUP), 67 * PERIOD)
    assert received.bundle is None and received.need_key and received.reason.startswith("gap")


@pytest.mark.parametrize("mode", ["inter", "intra"])
def test_a_late_joiner_asks_and_then_has_everything(mode: str) -> None:
    writer, late = BundleWriter(), BundleReader(2)
    writer.write(Bundle(tuple(Part(packet(0, b"x", True, mode), 0) for _ in "ab")), SETUP)
    part = Part(packet(1, b"y", mode == "intra", mode), PERIOD)
    received = late.read(writer.write(Bundle((part, part)), SETUP))
    assert received.bundle is None and received.need_key
    writer.request()
    after = Bundle(tuple(Part(packet(2, b"z", True, mode), 2 * PERIOD) for _ in "ab"))
    received = late.read(writer.write(after, SETUP))
    assert received.bundle == after and received.setup == SETUP


def test_frames_that_decode_alone_survive_any_loss_and_describe_themselves_now_and_then() -> None:
    writer, reader, recorder = BundleWriter(), BundleReader(2), BundleReader(2)
    read = 0
    for index in range(100):
        bundle = Bundle(tuple(Part(packet(index, b"jpeg", True, "intra"), index * PERIOD) for _ in "ab"))
        message = writer.write(bundle, SETUP)
        if index == 0 or index % 3 == 1:
            assert reader.read(message).bundle == bundle
        if index > 10:
            read += recorder.read(message).bundle is not None
    assert read >= 100 - 10 - 33


def test_a_changed_frame_id_is_described_at_once() -> None:
    writer, reader = BundleWriter(), BundleReader(2)
    reader.read(writer.write(instant(0, True), SETUP))
    other = Setup((("moved", "rgb8"), SETUP.cameras[1]), SETUP.joint_names)
    assert reader.read(writer.write(instant(1), other)).setup == other


def test_another_number_of_cameras_is_refused() -> None:
    received = BundleReader(3).read(BundleWriter().write(instant(0, True), SETUP))
    assert received.bundle is None and "2 cameras, not 3" in received.reason


@pytest.mark.parametrize(
    ("bundle", "setup"),
    [
        (Bundle((None, None)), SETUP),
        (instant(0), Setup(SETUP.cameras[:1])),
        (instant(0), Setup((("x" * 256, ""), ("", "")))),
        (Bundle(instant(0).parts, Joints(0, (0.0,) * 256)), SETUP),
    ],
)
def test_what_fits_no_bundle_is_refused_and_changes_nothing(bundle: Bundle, setup: Setup) -> None:
    writer = BundleWriter()
    writer.write(instant(0, True), SETUP)
    twin = copy.deepcopy(writer)
    with pytest.raises(BundleError):
        writer.write(bundle, setup)
    assert writer.write(instant(1), SETUP) == twin.write(instant(1), SETUP)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_refused_or_read_to_a_late_joiner(data: bytes) -> None:
    received = BundleReader(2).read(data)
    assert (received.bundle is None) == bool(received.reason)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2), st.data())
def test_any_damage_is_refused_or_read_and_the_next_description_heals_it(number: int, data: st.DataObject) -> None:
    writer, reader = BundleWriter(), BundleReader(2)
    messages = [writer.write(instant(index, index == 0), SETUP) for index in range(3)]
    message = bytearray(messages[number])
    kind = data.draw(st.sampled_from(["flip", "cut", "append", "replace"]))
    at = data.draw(st.integers(0, len(message) - 1))
    if kind == "flip":
        message[at] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del message[at:]
    elif kind == "append":
        message += data.draw(st.binary(min_size=1, max_size=9))
    else:
        message[1:] = data.draw(st.binary(max_size=100))
    for index in range(3):
        reader.read(bytes(message) if index == number else messages[index])
    healing = instant(3, True)
    received = reader.read(writer.write(healing, SETUP))
    assert received.bundle is not None and same(received.bundle, healing)


def test_a_claimed_size_beyond_the_message_is_refused_before_it_is_allocated() -> None:
    writer = BundleWriter()
    message = writer.write(Bundle((Part(packet(0, b"abc", True), 0), None)), SETUP)
    start = message.index(struct.pack(">qH", 0, 1)) + 11
    huge = message[:start] + b"\xff\xff\xff\xff\xff\xff\xff\x7f" + message[start + 1 :]
    received = BundleReader(2).read(huge)
    assert received.bundle is None and "too early" in received.reason


@pytest.mark.parametrize("codec", ["av1", "hevc", "h264", "vp9"])
@pytest.mark.parametrize("jitter_ns", [0, 2_000_000])
def test_two_cameras_at_five_thousandths_fit_three_times_the_payload(codec: str, jitter_ns: int) -> None:
    rng = np.random.default_rng(1)
    streams = [EncoderStream(StreamConfig(codec, target_bpp=0.005, frame_period=0.1)) for _ in "ab"]
    decoders, writer, reader = [DecoderStream(), DecoderStream()], BundleWriter(), BundleReader(2)
    films = [panning(60, 256, 256, seed) for seed in (0, 1)]
    wire = payload = 0
    for index in range(60):
        stamp = index * PERIOD + int(rng.integers(0, jitter_ns + 1))
        sent = [stream.encode(film[index], stamp) for stream, film in zip(streams, films)]
        message = writer.write(Bundle(tuple(Part(each.packet, stamp) for each in sent)), SETUP)
        received = reader.read(message).bundle
        assert received is not None
        assert [part and (part.packet, part.stamp_ns) for part in received.parts] == [
            (each.packet, stamp) for each in sent
        ]
        assert all(decoder.decode(each.packet).image is not None for decoder, each in zip(decoders, sent))
        payload += sum(len(each.packet) for each in sent)
        # As measured by test_bundle_wire: headers of IP, UDP, RTPS with its submessages, encapsulation, length, padding.
        wire += 160 + 4 + -(-(4 + len(message)) // 4) * 4
    assert wire <= 3 * payload


def test_a_rolling_stream_goes_on_in_small_bundles_and_needs_no_new_description() -> None:
    waves = {0: Wave(4, None), 4: Wave(4, 0)}
    writer, reader, kinds = BundleWriter(), BundleReader(1), []
    for index in range(8):
        wave = waves.get(index)
        header = Header(index, 8, INFO if wave else None, True, wave)
        sent = Bundle((Part(pack(header) + bytes([9, index]) * 9, index * PERIOD),))
        message = writer.write(sent, Setup((("camera", "rgb8"),)))
        kinds.append(message[0] >> 6)
        found = reader.read(message).bundle
        assert found is not None and same(found, sent)
    assert kinds == [DESCRIBED, CONTINUED, CONTINUED, CONTINUED, STANDALONE, CONTINUED, CONTINUED, CONTINUED]
