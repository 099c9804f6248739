"""The codec nodes in the stacks they meet: any quality of service, names, sizes, clocks, garbage, late and lossy listeners."""

from __future__ import annotations

import os
import pathlib
import sys
import time
from typing import Any

import numpy as np
import pytest
from codec_probe import PERIOD_NS, Probe, start

from embodiedcomp_codec.packet import unpack
from embodiedcomp_codec.sequences import mean_square_error, panning
from embodiedcomp_codec.stream import DecoderStream
from ros_harness import Processes, spin_until

FRAMES = panning(20)
INTER = ["h264", "hevc", "av1", "vp9"]


@pytest.mark.parametrize("reliability", ["BEST_EFFORT", "RELIABLE"])
@pytest.mark.parametrize("durability", ["VOLATILE", "TRANSIENT_LOCAL"])
@pytest.mark.parametrize("kind", ["raw", "files"])
def test_a_camera_of_any_quality_of_service_is_heard(
    ros_context: Any, processes: Processes, reliability: str, durability: str, kind: str
) -> None:
    from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import Image

    start(processes, "encoder", "-p", "codec:=png", "-p", "plain:=false", reliable=False)
    probe = Probe(ros_context, "/elsewhere", reliable=False)
    bits = probe.hear(probe.CompressedImage, "/cam/image_raw/embodiedcomp", reliable=False)
    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy[reliability], durability=DurabilityPolicy[durability])
    message = probe.conversion.frame_to_image(FRAMES[0], "rgb8")
    topic = "/cam/image_raw"
    if kind == "files":
        topic += "/compressed"
        message = probe.CompressedImage(format="rgb8; png compressed bgr8", data=png(FRAMES[0]))
    camera = probe.node.create_publisher(Image if kind == "raw" else probe.CompressedImage, topic, qos)
    probe.until(lambda: bits, FRAMES[0], show=lambda frame, stamp: probe.send(message, stamp, camera))


def png(frame: np.ndarray) -> bytes:
    from embodiedcomp_codec.codecs.pictures import picture_file

    return picture_file(frame, "png", 1.0, False)


def test_a_topics_quality_of_service_can_be_overridden(ros_context: Any, processes: Processes) -> None:
    """RViz asks for reliable pictures; best effort ones would not reach it."""
    override = ("-p", "qos_overrides./cam/image_raw/decoded.publisher.reliability:=reliable")
    start(processes, "encoder", "-p", "codec:=jpeg", reliable=False)
    start(processes, "decoder", *override, reliable=False)
    far = ("-p", "qos_overrides./far.publisher.reliability:=reliable", "-r", "out:=/far")
    start(processes, "link", *far, "-r", "in:=/cam/image_raw/embodiedcomp", reliable=False)
    probe = Probe(ros_context, reliable=False)
    from sensor_msgs.msg import Image

    pictures = probe.hear(Image, "/cam/image_raw/decoded", reliable=True)
    packets = probe.hear(probe.CompressedImage, "/far", reliable=True)
    probe.until(lambda: pictures and packets, FRAMES[0])


def test_any_remapping(ros_context: Any, processes: Processes) -> None:
    from sensor_msgs.msg import CompressedImage, Image

    from embodiedcomp_msgs.msg import CodecStats

    names = ("-r", "__ns:=/robot", "-r", "__node:=eyes", "-r", "image:=front/image")
    thin = ("-r", "/robot/front/image/embodiedcomp:=/thin")
    for node in ("encoder", "decoder"):
        arguments = (*names[:2], "-r", f"__node:={node}_of_eyes", *names[4:], *thin, "-p", "reliability:=reliable")
        processes.start("embodiedcomp_codec", node, *arguments).wait_for("ready")
    probe = Probe(ros_context, "/robot/front/image")
    bits = probe.hear(CompressedImage, "/thin")
    pictures = probe.hear(Image, "/robot/front/image/decoded")
    stats = probe.hear(CodecStats, "/robot/encoder_of_eyes/stats")
    probe.until(lambda: bits and pictures and stats, FRAMES[0])
    assert stats[0].camera == "/robot/front/image"


@pytest.mark.parametrize("codec", ["h264", "av1", "jpeg"])
def test_size_and_encoding_may_change_at_any_frame(ros_context: Any, processes: Processes, codec: str) -> None:
    start(processes, "encoder", "-p", f"codec:={codec}", "-p", "target_bpp:=0.5")
    start(processes, "decoder")
    probe = Probe(ros_context)
    probe.match("/cam/image_raw/embodiedcomp", "/cam/image_raw/decoded")
    probe.until(lambda: probe.decoded, FRAMES[0])
    probe.settle()
    probe.reset("encoder", "decoder")
    shapes = [
        (2, 2, "rgb8"),
        (33, 17, "bgr8"),
        (33, 17, "mono8"),
        (4096, 2160, "rgb8"),
        (96, 64, "rgba8"),
        (96, 64, "bgra8"),
    ]
    for index, (width, height, encoding) in enumerate(shapes):
        probe.show(panning(1, height, width)[0], index * PERIOD_NS, encoding)
        probe.wait(lambda count=index + 1: len(probe.decoded) == count, timeout=60.0)
    shown = [(image.width, image.height, image.encoding) for image in probe.decoded]
    assert shown == shapes and probe.stamps(probe.decoded) == list(range(len(shapes)))
    for image, (width, height, encoding) in zip(probe.decoded, shapes, strict=True):
        if width >= 96:  # the headers of a smaller JPEG take more than the target
            frame = panning(1, height, width)[0]
            picture = probe.conversion.image_to_frame(image)
            assert mean_square_error(picture.mean(axis=2), frame.mean(axis=2)) < 0.5 * frame.mean(axis=2).var(), (
                encoding
            )


def test_a_clock_that_jumps_back_changes_nothing(ros_context: Any, processes: Processes) -> None:
    """A bag that is played in a loop."""
    start(processes, "encoder", "-p", "codec:=av1", "-p", "target_bpp:=0.5")
    start(processes, "decoder")
    probe = Probe(ros_context)
    probe.match("/cam/image_raw/embodiedcomp", "/cam/image_raw/decoded", "/encoder/stats")
    probe.until(lambda: probe.decoded, FRAMES[0])
    probe.settle()
    probe.reset("encoder", "decoder")
    stamps = [*range(100, 112), *range(3, 15)]
    for number in stamps:
        probe.show(FRAMES[number % 12], number * PERIOD_NS)
    probe.wait(lambda: len(probe.decoded) == len(probe.stats) == len(stamps))
    assert probe.stamps(probe.decoded) == probe.stamps(probe.stats) == stamps
    rates = [stats.achieved_bitrate for stats in probe.stats]
    target = 0.5 * 96 * 64 * 10
    assert all(0 <= rate < 3 * target for rate in rates) and rates[-1] == pytest.approx(target, rel=0.15)


def _film_from_the_start(ros_context: Any) -> Probe:
    """A probe that has shown all frames to an encoder that was reset, and has their packets."""
    probe = Probe(ros_context)
    probe.match("/cam/image_raw/embodiedcomp")
    probe.until(lambda: probe.bits, FRAMES[0])
    probe.reset("encoder")
    for number in range(12):
        probe.show(FRAMES[number], number * PERIOD_NS)
    probe.wait(lambda: len(probe.bits) == 12)
    return probe


def test_key_frames_come_as_often_as_asked(ros_context: Any, processes: Processes) -> None:
    start(processes, "encoder", "-p", "codec:=h264", "-p", "target_bpp:=0.5", "-p", "key_period:=0.5")
    probe = _film_from_the_start(ros_context)
    assert [index for index, bits in enumerate(probe.bits) if unpack(bytes(bits.data), 1 << 20)[0].key] == [0, 5, 10]


def test_rolling_refresh_shows_a_picture_to_whoever_missed_the_key_frame(
    ros_context: Any, processes: Processes
) -> None:
    start(processes, "encoder", "-p", "codec:=h264", "-p", "target_bpp:=0.5", "-p", "refresh_frames:=4")
    probe = _film_from_the_start(ros_context)
    packets = [bytes(bits.data) for bits in probe.bits]
    assert [unpack(packet, 1 << 20)[0].key for packet in packets] == [True] + 11 * [False]
    late = DecoderStream()
    assert [late.decode(packet).image is not None for packet in packets[1:]] == 3 * [False] + 8 * [True]


def test_garbage_is_one_warning_and_no_more(ros_context: Any, processes: Processes) -> None:
    start(processes, "encoder", "-p", "codec:=av1", "-p", "target_bpp:=0.5")
    decoder = start(processes, "decoder")
    probe = Probe(ros_context)
    forger = probe.node.create_publisher(probe.CompressedImage, "/cam/image_raw/embodiedcomp", 1000)
    probe.match("/cam/image_raw/embodiedcomp", "/cam/image_raw/decoded")
    probe.wait(lambda: forger.get_subscription_count() >= 2)
    probe.until(lambda: probe.decoded, FRAMES[0])
    generator = np.random.default_rng(0)

    def forge(sizes: list[int]) -> None:
        heard = len(probe.bits)
        for size in sizes:
            # Version 0, 2 or 3: a damaged sequence number could be anything.
            data = generator.integers(0, 64, size, dtype=np.uint8).tobytes()
            forger.publish(probe.CompressedImage(format="rgb8; av1 compressed rgb8", data=data))
        probe.wait(lambda: len(probe.bits) == heard + len(sizes))

    forge([0, 1, 2, 3, 5, 9, 200, 5000] * 6)
    probe.wait(lambda: len(probe.lost) >= 48)
    # One about a late join, if there was one, holds others back for some seconds.
    deadline = time.monotonic() + 20.0
    while "corrupt: " not in decoder.output and time.monotonic() < deadline:
        forge([200])
    warned = [line for line in decoder.output.splitlines() if "WARN" in line and "late join" not in line]
    assert len(warned) == 1 and "corrupt: " in warned[0]
    before = len(probe.decoded)
    probe.show(FRAMES[1], 500 * PERIOD_NS)
    probe.wait(lambda: len(probe.decoded) == before + 1)
    assert not unpack(bytes(probe.bits[-1].data), 1 << 20)[0].key  # the stream went on as if nothing had been


@pytest.mark.timing
@pytest.mark.parametrize("codec", INTER)
def test_a_late_decoder_has_its_first_picture_within_five_frames(
    ros_context: Any, processes: Processes, codec: str
) -> None:
    """0.5 s at 10 Hz, counted in frames."""
    start(processes, "encoder", "-p", f"codec:={codec}", "-p", "target_bpp:=0.5", reliable=False)
    probe = Probe(ros_context, reliable=False)
    probe.match("/cam/image_raw/embodiedcomp")
    probe.until(lambda: len(probe.bits) >= 4, FRAMES[0])
    assert not unpack(bytes(probe.bits[-1].data), 1 << 20)[0].key
    start(processes, "decoder", reliable=False)
    bits = "/cam/image_raw/embodiedcomp"
    probe.wait(lambda: probe.node.count_subscribers(bits) == 2 and probe.node.count_publishers(f"{bits}/key_request"))
    for shown in range(1, 16):
        coded = len(probe.bits)
        probe.show(FRAMES[shown], (1000 + shown) * PERIOD_NS)
        probe.wait(lambda count=coded + 1: len(probe.bits) >= count)
        if spin_until(probe.node, lambda: probe.decoded, 0.3):
            break
    # By its stamp: on a busy machine a picture may take longer to come than a robot's next frame.
    probe.wait(lambda: probe.decoded)
    assert 1001 <= probe.stamps(probe.decoded)[0] <= 1005
    # The very picture that a decoder from the start would show.
    mirror = DecoderStream()
    pictures = {
        stamp: mirror.decode(bytes(m.data)).image for stamp, m in zip(probe.stamps(probe.bits), probe.bits, strict=True)
    }
    first = probe.decoded[0]
    assert np.array_equal(probe.conversion.image_to_frame(first), pictures[probe.stamps([first])[0]])


def test_the_weights_parameter_reaches_the_codec(processes: Processes, tmp_path: pathlib.Path) -> None:
    process = processes.start(
        "embodiedcomp_codec", "encoder", "-p", "codec:=mbt2018-mean", "-p", f"weights:={tmp_path}"
    )
    assert process.wait(timeout=120.0) == 2
    assert f"weights '{tmp_path}': no file mbt2018-mean-NUMBER.safetensors" in process.output
    process = processes.start("embodiedcomp_codec", "decoder", "-p", "weights:=/no/such")
    assert process.wait() == 2
    assert process.output.strip().endswith("weights '/no/such': no such file or folder")


@pytest.mark.parametrize("node", ["encoder", "decoder"])
def test_a_node_starts_in_little_time_and_without_torch(ros_domain: int, processes: Processes, node: str) -> None:
    process = start(processes, node, *(("-p", "codec:=h264") if node == "encoder" else ()))
    user, system = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    # Of the processor: the clock on the wall would measure the other tests. Alone on a core both are the same.
    assert (int(user) + int(system)) / os.sysconf("SC_CLK_TCK") < 1.5
    assert "torch" not in pathlib.Path(f"/proc/{process.pid}/maps").read_text()


SLOW = """
import sys, threading
from embodiedcomp_codec.encoder_group import EncoderGroup
from embodiedcomp_codec.nodes.encoder import EncoderNode, main
coding, reports, encode, report = threading.Event(), threading.Semaphore(0), EncoderGroup.encode, EncoderNode._on_second
def slow_once(*arguments):
    if not coding.is_set():
        coding.set()
        for _ in range(2):
            assert reports.acquire(timeout=10), "no diagnostics while a picture is coded"
    return encode(*arguments)
def counted(node):
    while_coding = coding.is_set()
    report(node)
    if while_coding:
        reports.release()
EncoderGroup.encode, EncoderNode._on_second = slow_once, counted
sys.exit(main())
"""


def test_diagnostics_do_not_wait_for_a_slow_picture_and_stamps_that_stand_are_timed_by_arrival(
    ros_context: Any, processes: Processes
) -> None:
    arguments = ("-r", "image:=/cam/image_raw", "-p", "codec:=jpeg", "-p", "target_bitrate:=200000.0")
    encoder = processes.command([sys.executable, "-c", SLOW, "--ros-args", *arguments])
    encoder.wait_for("ready")
    probe = Probe(ros_context, reliable=False)
    probe.match("/cam/image_raw/embodiedcomp", "/encoder/stats")
    probe.until(
        lambda: probe.stats and probe.stats[-1].achieved_bitrate > 0,
        FRAMES[0],
        lambda frame, _: probe.show(frame, 0),
    )
    assert probe.stamps(probe.stats) == [0] * len(probe.stats)
    assert "no diagnostics" not in encoder.output
