import math
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from embodiedcomp_codec.codec import BitstreamError, CodecError
from embodiedcomp_codec.depth import DEPTH_CODEC, Depth, DepthStream
from embodiedcomp_codec.packet import Header, KeyInfo, pack
from embodiedcomp_codec.rate_control import Target
from embodiedcomp_codec.registry import codec_names, get_codec, get_depth_codec
from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig

NO_TARGET = Target(math.nan, math.nan)
PERIOD_NS = 100_000_000


def room(height: int = 48, width: int = 64) -> Depth:
    """A slanted wall in mm with a step, holes, noise, and the extremes of 16 bit."""
    generator = np.random.default_rng(3)
    rows, columns = np.mgrid[:height, :width]
    depth = 900.0 + 7.0 * rows + 3.0 * columns + generator.normal(0, 2, (height, width))
    depth[height // 3 : height // 2, width // 4 : width // 2] -= 400
    depth[generator.random((height, width)) < 0.05] = 0
    depth[0, 0], depth[-1, -1] = 65535, 1
    return depth.astype(np.uint16)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (7, 5), (48, 64), (480, 640), (3, 4096)])
def test_every_value_comes_back(size: tuple[int, int]) -> None:
    depth = room(*size)
    sent = DepthStream(1.0).encode(depth, 0, NO_TARGET)
    received = DecoderStream().decode(sent.packet)
    assert received.image is not None and received.image.dtype == np.uint16
    assert np.array_equal(received.image, depth)
    assert sent.key and received.key and not sent.at_floor


def test_noise_over_all_sixteen_bits_comes_back_too() -> None:
    noise = np.random.default_rng(0).integers(0, 65536, (31, 33), dtype=np.uint16)
    image = DecoderStream().decode(DepthStream(1.0).encode(noise, 0, NO_TARGET).packet).image
    assert np.array_equal(image, noise)


def test_another_process_gets_the_same_depth(tmp_path: pathlib.Path) -> None:
    depth = room()
    (tmp_path / "packet").write_bytes(DepthStream(1.0).encode(depth, 0, NO_TARGET).packet)
    code = (
        "import sys, pathlib, numpy; from embodiedcomp_codec.stream import DecoderStream\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "numpy.save(folder / 'depth.npy', DecoderStream().decode((folder / 'packet').read_bytes()).image)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert np.array_equal(np.load(tmp_path / "depth.npy"), depth)


def test_a_smooth_surface_takes_far_less_than_its_bytes() -> None:
    assert len(DepthStream(1.0).encode(room(480, 640), 0, NO_TARGET).packet) < 0.5 * 2 * 480 * 640


def test_packets_are_numbered_and_repeat_after_a_reset() -> None:
    stream, depth = DepthStream(1.0), room()
    first = [stream.encode(depth, index * PERIOD_NS, NO_TARGET) for index in range(3)]
    assert [sent.sequence for sent in first] == [0, 1, 2]
    stream.reset()
    assert [stream.encode(depth, index * PERIOD_NS, NO_TARGET) for index in range(3)] == first


@pytest.mark.parametrize(
    ("target", "floor"),
    [
        (Target(bpp=0.01), [True] * 5),
        (Target(bpp=16.0), [False] * 5),
        (Target(bitrate=1000.0), [False, True, True, True, True]),  # a rate needs two stamps
        (Target(bitrate=1e9), [False] * 5),
        (NO_TARGET, [False] * 5),
    ],
)
def test_a_target_out_of_reach_is_the_floor(target: Target, floor: list[bool]) -> None:
    stream = DepthStream(1.0)
    assert [stream.encode(room(), index * PERIOD_NS, target).at_floor for index in range(5)] == floor


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.int32), np.zeros((0, 4), np.uint16)]
)
def test_what_is_no_depth_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(CodecError, match=r"a depth frame is \(H, W\) uint16"):
        DepthStream(1.0).encode(bad, 0, NO_TARGET)


@pytest.mark.parametrize("cut", [0, 1, 20, -1])
def test_damage_is_refused(cut: int) -> None:
    data = get_depth_codec(DEPTH_CODEC).encode(room())
    with pytest.raises(BitstreamError):
        get_depth_codec(DEPTH_CODEC).decoder("intra").decode(data[:cut], True, 64, 48)


def test_a_larger_picture_than_announced_is_refused() -> None:
    data = get_depth_codec(DEPTH_CODEC).encode(room(4, 4096))
    packet = pack(Header(0, 8, KeyInfo(DEPTH_CODEC, "intra", 64, 48))) + data
    received = DecoderStream().decode(packet)
    assert received.image is None and received.reason.startswith("corrupt")


def test_a_colour_picture_in_a_depth_packet_is_refused() -> None:
    data = EncoderStream(StreamConfig("jpegxl")).encode(panning(1)[0], 0).packet[4:]
    height, width = panning(1)[0].shape[:2]
    received = DecoderStream().decode(pack(Header(0, 8, KeyInfo(DEPTH_CODEC, "intra", width, height))) + data)
    assert received.image is None and received.need_key


def test_downsampled_depth_is_refused() -> None:
    data = get_depth_codec(DEPTH_CODEC).encode(room(4, 4))
    received = DecoderStream().decode(pack(Header(0, 4, KeyInfo(DEPTH_CODEC, "intra", 8, 8))) + data)
    assert received.image is None and "never downsampled" in received.reason


def test_colour_and_depth_may_take_turns_in_one_stream() -> None:
    colour, depth, decoder = EncoderStream(StreamConfig("av1", target_bpp=0.5)), DepthStream(1.0), DecoderStream()
    frames = panning(3)
    for index, frame in enumerate(frames):
        colour.request_key()
        shown = decoder.decode(colour.encode(frame, index * PERIOD_NS).packet).image
        assert shown is not None and shown.shape == frame.shape
        shown = decoder.decode(depth.encode(room(), index * PERIOD_NS, NO_TARGET).packet).image
        assert shown is not None and np.array_equal(shown, room())


def test_a_depth_codec_is_no_choice_for_colour() -> None:
    assert DEPTH_CODEC not in codec_names()
    with pytest.raises(CodecError, match="unknown codec 'jpegxl16'"):
        get_codec(DEPTH_CODEC)
    with pytest.raises(CodecError, match="unknown depth codec 'rvl'; choose one of: jpegxl16"):
        get_depth_codec("rvl")
