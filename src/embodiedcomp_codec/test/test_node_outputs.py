"""What the encoder node publishes beside its packets, as processes over DDS: whole files, and other packages' video messages."""

from __future__ import annotations

import io
import json
import os
import pathlib
import sys
from typing import Any

import av
import numpy as np
import PIL.Image
import pytest
from codec_probe import Probe, start

from embodiedcomp_codec.sequences import mean_square_error, panning
from embodiedcomp_codec.stream import DecoderStream
from embodiedcomp_codec.video_bitstream import FOXGLOVE_NAMES
from embodiedcomp_eval.bags.images import FFMPEG, FOXGLOVE, Source, make_decoder
from ros_harness import Processes

pytest_plugins = ["optional_packages"]
TEST = pathlib.Path(__file__).resolve().parents[3] / "test"
FRAMES = panning(9, 64, 96)
HEIGHT, WIDTH = FRAMES[0].shape[:2]
DECODERS = {"h264": "h264", "hevc": "hevc", "av1": "libdav1d", "vp9": "vp9"}


@pytest.mark.parametrize("target", ["0.4", "8"], ids=["downsampled in the packets", "full size in the packets"])
@pytest.mark.parametrize(
    ("codec", "encoding", "mode", "format"),
    [
        ("jpeg", "bgr8", "RGB", "bgr8; jpeg compressed bgr8"),
        ("jpeg", "mono8", "L", "mono8; jpeg compressed mono8"),
        ("png", "rgb8", "RGB", "rgb8; png compressed bgr8"),
        ("jpeg", "16UC1", "I;16", "16UC1; png compressed 16UC1"),
    ],
)
def test_plain_files_open_as_any_picture(
    ros_context: Any, processes: Processes, codec: str, encoding: str, mode: str, format: str, target: str
) -> None:
    start(processes, "encoder", "-p", f"codec:={codec}", "-p", "plain:=true", "-p", f"target_bpp:={target}")
    probe = Probe(ros_context)
    files = probe.hear(probe.CompressedImage, "/cam/image_raw/compressed")
    probe.match("/cam/image_raw/embodiedcomp", "/cam/image_raw/compressed", "/encoder/stats")
    frame = FRAMES[0] if encoding != "16UC1" else np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) * 10
    probe.until(lambda: files, frame, show=lambda f, stamp: probe.show(f, stamp, encoding))
    picture = PIL.Image.open(io.BytesIO(bytes(files[-1].data)))
    assert (picture.mode, picture.size, files[-1].format) == (mode, (WIDTH, HEIGHT), format)
    assert files[-1].header.frame_id == "lens"
    if encoding == "16UC1" or codec == "png":
        assert np.array_equal(np.array(picture), frame)
    else:
        assert mean_square_error(np.array(picture.convert("L")), frame.mean(axis=2)) < 1500
    probe.wait(lambda: len(probe.stats) == len(probe.bits))
    sizes = {stats.header.stamp.nanosec: stats.payload_bytes for stats in probe.stats}
    for bits in probe.bits:  # what counts is the packet alone
        assert sizes[bits.header.stamp.nanosec] == len(bits.data)


def test_whoever_wants_plain_files_alone_gets_them(ros_context: Any, processes: Processes) -> None:
    start(processes, "encoder", "-p", "codec:=png", "-p", "plain:=true", reliable=False)
    probe = Probe(ros_context, "/elsewhere", reliable=False)
    from sensor_msgs.msg import Image

    files = probe.hear(probe.CompressedImage, "/cam/image_raw/compressed", reliable=False)
    camera = probe.node.create_publisher(Image, "/cam/image_raw", 10)
    message = probe.conversion.frame_to_image(FRAMES[0], "rgb8")
    probe.until(lambda: files, FRAMES[0], show=lambda f, stamp: probe.send(message, stamp, camera))


@pytest.mark.slow
@pytest.mark.parametrize("reliable", [True, False])
@pytest.mark.parametrize(("transport", "codec"), [("ffmpeg", "h264"), ("ffmpeg", "av1"), ("foxglove", "hevc"),
                                                  ("foxglove", "vp9"), ("foxglove", "h264"), ("foxglove", "av1")])  # fmt: skip
def test_another_packages_viewer_decodes_the_stream(
    processes: Processes,
    optional_packages: dict[str, str],
    tmp_path: pathlib.Path,
    transport: str,
    codec: str,
    reliable: bool,
) -> None:
    np.savez(tmp_path / "frames.npz", frames=np.stack(FRAMES))
    arguments = ["-r", "image:=/cam", "-p", f"codec:={codec}", "-p", "target_bpp:=1", "-p", f"also:=['{transport}']"]
    if reliable:
        arguments += ["-p", "reliability:=reliable"]
    else:
        for topic in ("embodiedcomp", transport):
            arguments += ["-p", f"qos_overrides./cam/{topic}.publisher.reliability:=reliable"]
    processes.start("embodiedcomp_codec", "encoder", *arguments, environment=optional_packages).wait_for("ready")
    path = os.pathsep.join([str(TEST), optional_packages["PYTHONPATH"]])
    command = [
        sys.executable,
        str(TEST / "video_viewer.py"),
        str(tmp_path / "frames.npz"),
        str(tmp_path / "out"),
        "/cam",
        transport,
        "4",
    ]
    viewer = processes.command(command, optional_packages | {"PYTHONPATH": path})
    viewer.wait_for("^kept$", timeout=90)

    told = {
        name: json.loads((tmp_path / "out" / name / "fields.json").read_text()) for name in ("video", "bits", "late")
    }
    packets = {
        name: [(tmp_path / "out" / name / f"{index:03d}").read_bytes() for index in range(len(told[name]))]
        for name in told
    }
    ours = DecoderStream()
    received = {f["stamp"]: ours.decode(packet) for f, packet in zip(told["bits"], packets["bits"], strict=True)}
    # A viewer may be heard a frame before its coming is known; then it has a key frame.
    waited = [received[fields["stamp"]].key for fields in told["late"]].index(True)
    assert waited <= 1
    told["late"], packets["late"] = told["late"][waited:], packets["late"][waited:]
    for name in ("video", "late"):
        shown = decode_fresh(codec, packets[name])
        assert len(shown) == len(told[name]) >= 3
        for fields, picture in zip(told[name], shown, strict=True):
            assert np.array_equal(picture, received[fields["stamp"]].image), (name, fields)
    late = told["late"][0]
    assert late["frame_id"] == "lens"
    if transport == "ffmpeg":
        assert late["flags"] == 1 and [fields["pts"] for fields in told["video"]] == list(range(len(told["video"])))
        assert (late["width"], late["height"], late["encoding"]) == (WIDTH, HEIGHT, f"{codec};yuv420p;rgb8;bgr8")
    else:
        assert late["format"] == FOXGLOVE_NAMES[codec]
    replay_reads(transport, told["late"], packets["late"], shown)


def decode_fresh(codec: str, packets: list[bytes]) -> list[np.ndarray]:
    """One picture a packet, from a decoder that knows nothing but the packets."""
    context = av.CodecContext.create(DECODERS[codec], "r")
    context.thread_count = 1
    context.flags |= av.codec.context.Flags.low_delay
    found = []
    for packet in packets:
        (picture,) = context.decode(av.Packet(packet))
        found.append(picture.to_ndarray(format="rgb24"))
    return found


def replay_reads(transport: str, told: list[dict[str, Any]], packets: list[bytes], shown: list[np.ndarray]) -> None:
    """The replay verb's own decoder takes the same messages, as they lie in a bag."""
    decoder = make_decoder(Source(f"/cam/{transport}", {"ffmpeg": FFMPEG, "foxglove": FOXGLOVE}[transport], "/cam"))
    for fields, packet, picture in zip(told, packets, shown, strict=True):
        message = type("Message", (), {**fields, "data": np.frombuffer(packet, np.uint8)})()
        assert np.array_equal(decoder.decode(message), picture)


@pytest.mark.parametrize(
    ("transport", "package"), [("ffmpeg", "ffmpeg_image_transport_msgs"), ("foxglove", "foxglove_msgs")]
)
def test_a_missing_package_is_one_line(processes: Processes, transport: str, package: str) -> None:
    process = processes.start("embodiedcomp_codec", "encoder", "-p", f"also:=['{transport}']")
    assert process.wait() == 2
    assert len(process.output.strip().splitlines()) == 1
    assert f"needs the ROS package {package}, which is not installed here" in process.output
