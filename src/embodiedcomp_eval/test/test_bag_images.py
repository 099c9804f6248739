"""Frames come out of every transport as they went in, and each camera's rawest topic is found."""

from __future__ import annotations

from types import SimpleNamespace

import av
import numpy as np
import pytest
from bag_examples import compressed, image, picture, still

from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.images import (
    COMPRESSED,
    FFMPEG,
    FOXGLOVE,
    IMAGE,
    FrameError,
    Source,
    find_sources,
    make_decoder,
)
from embodiedcomp_eval.bags.reader import Topic

RGB = picture(3)
RAW = {
    "rgb8": RGB,
    "bgr8": RGB[:, :, ::-1],
    "rgba8": np.dstack([RGB, np.full(RGB.shape[:2], 9, np.uint8)]),
    "bgra8": np.dstack([RGB[:, :, ::-1], np.full(RGB.shape[:2], 9, np.uint8)]),
}


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("encoding", RAW)
def test_raw_images(encoding: str, padding: int) -> None:
    frame = make_decoder(Source("/a", IMAGE, "/a")).decode(image(0, RAW[encoding], encoding, padding))
    assert np.array_equal(frame, RGB)


def test_mono_images() -> None:
    grey = RGB[:, :, :1]
    frame = make_decoder(Source("/a", IMAGE, "/a")).decode(image(0, grey, "mono8", 3))
    assert np.array_equal(frame, np.repeat(grey, 3, axis=2))


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_depth_keeps_its_sixteen_bits(order: str) -> None:
    depth = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 21
    bytes_of_rows = depth.astype(order).view(np.uint8).reshape(48, 64, 2)
    message = image(0, bytes_of_rows, "16UC1", 6)
    message.is_bigendian = int(order == ">u2")
    decoded = make_decoder(Source("/a", IMAGE, "/a")).decode(message)
    assert decoded is not None and decoded.dtype == np.uint16 and np.array_equal(decoded, depth)
    png = make_decoder(Source("/a/compressed", COMPRESSED, "/a")).decode(
        compressed(0, still(depth, "PNG"), "16UC1; png compressed")
    )
    assert png is not None and png.dtype == np.uint16 and np.array_equal(png, depth)


def test_other_encodings_are_named() -> None:
    decoder = make_decoder(Source("/a", IMAGE, "/a"))
    with pytest.raises(FrameError, match="'yuv422_yuy2' is not one of"):
        decoder.decode(image(0, RGB, "yuv422_yuy2"))
    short = image(0, RGB)
    short.data = short.data[:-1]
    with pytest.raises(FrameError, match="holds 9215 bytes"):
        decoder.decode(short)


def test_stills() -> None:
    decoder = make_decoder(Source("/a/compressed", COMPRESSED, "/a"))
    assert np.array_equal(decoder.decode(compressed(0, still(RGB, "PNG"), "rgb8; png compressed rgb8")), RGB)
    frame = decoder.decode(compressed(0, still(RGB, "JPEG"), "jpeg"))
    assert frame is not None and np.abs(frame.astype(int) - RGB).mean() < 6
    with pytest.raises(FrameError, match="no JPEG or PNG"):
        decoder.decode(compressed(0, b"nothing", "jpeg"))


def test_our_stream_is_the_live_decoder() -> None:
    encoder = EncoderStream(StreamConfig("av1", target_bpp=0.5))
    packets = [encoder.encode(picture(index), index * 100_000_000).packet for index in range(4)]
    live, recorded = DecoderStream(), make_decoder(Source("/a/embodiedcomp", COMPRESSED, "/a"))
    for packet in packets:
        assert np.array_equal(live.decode(packet).image, recorded.decode(compressed(0, packet, "")))
    joined_late = make_decoder(Source("/a/embodiedcomp", COMPRESSED, "/a"))
    assert joined_late.decode(compressed(0, packets[2], "")) is None


@pytest.mark.parametrize("msgtype", [FFMPEG, FOXGLOVE])
def test_video_messages(msgtype: str) -> None:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 64, 48, "yuv420p"
    context.framerate = 10
    context.options = {"tune": "zerolatency", "crf": "18"}
    frames = [picture(index) for index in range(3)]
    packets = [
        bytes(p)
        for f in frames
        for p in context.encode(av.VideoFrame.from_ndarray(f, "rgb24").reformat(format="yuv420p"))
    ]
    decoder = make_decoder(Source("/a/v", msgtype, "/a"))
    named = {"encoding": "h264;yuv420p;bgr8;rgb8"} if msgtype == FFMPEG else {"format": "h264"}
    for frame, packet in zip(frames, packets, strict=True):
        decoded = decoder.decode(SimpleNamespace(data=np.frombuffer(packet, np.uint8), **named))
        assert decoded is not None and np.abs(decoded.astype(int) - frame).mean() < 12
    with pytest.raises(FrameError, match="'theora' is not one of"):
        decoder.decode(SimpleNamespace(data=b"", format="theora"))


def test_the_rawest_topic_of_each_camera() -> None:
    topics = [
        Topic("/a/image_raw/embodiedcomp", COMPRESSED, 5),
        Topic("/a/image_raw/decoded", IMAGE, 5),
        Topic("/a/image_raw/compressed", COMPRESSED, 5),
        Topic("/b/image_raw", IMAGE, 5),
        Topic("/b/image_raw/embodiedcomp", COMPRESSED, 5),
        Topic("/c/image_raw", IMAGE, 0),
        Topic("/a/depth/compressedDepth", COMPRESSED, 5),
        Topic("/joint_states", "sensor_msgs/msg/JointState", 5),
    ]
    assert [(s.topic, s.image) for s in find_sources(topics)] == [
        ("/a/image_raw/compressed", "/a/image_raw"),
        ("/b/image_raw", "/b/image_raw"),
    ]
    chosen = find_sources(topics, ["/a/image_raw/embodiedcomp"])
    assert [(s.image, s.ours) for s in chosen] == [("/a/image_raw", True)]
    with pytest.raises(BagError, match=r"no image topic '/x' in this bag; choose from /a/image_raw/embodiedcomp, "):
        find_sources(topics, ["/x"])
    with pytest.raises(BagError, match="no image topic in this bag; its topics: /joint_states"):
        find_sources(topics[-1:])


def test_a_topic_whose_type_changes_is_read_only_through_another_one() -> None:
    changed = [Topic("/b/image_raw", IMAGE, 5), Topic("/b/image_raw", "std_msgs/msg/String", 2)]
    other = Topic("/b/image_raw/embodiedcomp", COMPRESSED, 5)
    assert [source.topic for source in find_sources([*changed, other])] == [other.name]
    for topics, wanted in (([*changed, other], ["/b/image_raw"]), (changed, [])):
        with pytest.raises(BagError, match=r"/b/image_raw changes its type in this bag \(.*Image and std_msgs"):
            find_sources(topics, wanted)
    assert [s.topic for s in find_sources([changed[0], Topic("/b/image_raw", COMPRESSED, 0)])] == ["/b/image_raw"]
