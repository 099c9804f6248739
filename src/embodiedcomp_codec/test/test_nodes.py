"""Encoder, decoder and link as processes over DDS."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from codec_probe import PERIOD_NS, Probe, start

from embodiedcomp_codec.sequences import frozen, mean_square_error, noise, panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from ros_harness import Processes

AV1 = StreamConfig("av1", "inter", target_bpp=0.2, frame_period=0.1)


ENCODE_AV1 = ("-p", "codec:=av1", "-p", "target_bpp:=0.2", "-p", "frame_period:=0.1")


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_the_loop_over_dds_is_the_loop_in_process(ros_context: Any, processes: Processes, encoding: str) -> None:
    start(processes, "encoder", *ENCODE_AV1)
    start(processes, "decoder")
    probe = Probe(ros_context)
    probe.match("/cam/image_raw/embodiedcomp", "/cam/image_raw/decoded", "/encoder/stats")
    frames = panning(8)
    probe.until(lambda: probe.decoded, frames[0])
    probe.settle()
    probe.reset("encoder", "decoder")
    encoder, decoder = EncoderStream(AV1), DecoderStream()
    for index, frame in enumerate(frames):
        probe.show(frame, index * PERIOD_NS, encoding)
    probe.wait(lambda: len(probe.decoded) == 8 and len(probe.stats) == 8)
    for index, frame in enumerate(frames):
        sent = encoder.encode(frame, index * PERIOD_NS)
        bits, image, stats = probe.bits[index], probe.decoded[index], probe.stats[index]
        assert bytes(bits.data) == sent.packet
        assert bits.format == f"{encoding}; av1 compressed rgb8"
        stamp = divmod(index * PERIOD_NS, 1_000_000_000)
        for message in (bits, image, stats):
            assert (message.header.stamp.sec, message.header.stamp.nanosec) == stamp
            assert message.header.frame_id == "lens"
        assert (image.encoding, image.width, image.height, image.step) == (encoding, 96, 64, 96 * 3)
        expected = decoder.decode(sent.packet).image
        assert expected is not None and np.array_equal(probe.conversion.image_to_frame(image), expected)
        assert (stats.sequence, stats.key, stats.payload_bytes) == (index, index == 0, len(sent.packet))
        assert (stats.camera, stats.codec, stats.mode) == ("/cam/image_raw", "av1", "inter")


def test_reset_episode_repeats_every_byte(ros_context: Any, processes: Processes) -> None:
    start(processes, "encoder", *ENCODE_AV1)
    probe = Probe(ros_context)
    probe.match("/cam/image_raw/embodiedcomp")
    packets: list[bytes] = []
    for episode in range(2):
        probe.reset("encoder", episode=episode)
        for index, frame in enumerate(panning(5)):
            probe.show(frame, index * PERIOD_NS)
        probe.wait(lambda: len(probe.bits) == 5)
        packets += [bytes(message.data) for message in probe.bits]
    assert packets[:5] == packets[5:]


def test_target_changes_while_running(ros_context: Any, processes: Processes) -> None:
    start(processes, "encoder", "-p", "codec:=jpeg", "-p", "target_bpp:=1")
    probe = Probe(ros_context)
    probe.match("/cam/image_raw/embodiedcomp", "/encoder/stats")
    frame = panning(1)[0]
    for index in range(10):
        probe.show(frame, index * PERIOD_NS)
    probe.wait(lambda: len(probe.bits) == 10)
    assert probe.set("target_bitrate", 64 * 96 * 2.0 * 10).successful
    probe.wait(lambda: np.isnan(probe.get("target_bpp")[0]))
    for index in range(10, 20):
        probe.show(frame, index * PERIOD_NS)
    probe.wait(lambda: len(probe.bits) == 20)
    before, after = (sum(len(m.data) for m in probe.bits[at : at + 10]) * 8 / 10 / (64 * 96) for at in (0, 10))
    assert before == pytest.approx(1.0, rel=0.05)
    assert after == pytest.approx(2.0, rel=0.05)
    for value, reason in ((0.0, "target_bpp 0 is impossible"), (25.0, "at most 24"), (float("inf"), "impossible")):
        result = probe.set("target_bpp", value)
        assert not result.successful and reason in result.reason
    assert probe.get("target_bitrate") == [64 * 96 * 2.0 * 10]
    assert not probe.set("budget_window", 2.0).successful


def test_several_cameras_share_one_bit_rate(ros_context: Any, processes: Processes) -> None:
    budget = ("-p", "target_bitrate:=60000.0", "-p", "frame_period:=0.1")
    start(processes, "encoder", "-p", "codec:=h264", "-p", "images:=[/busy,/easy]", *budget)
    busy, easy = Probe(ros_context, "/busy"), Probe(ros_context, "/easy")
    busy.match("/busy/embodiedcomp")
    easy.match("/easy/embodiedcomp")
    for index, (hard, soft) in enumerate(zip(noise(60), frozen(60), strict=True)):
        busy.show(hard, index * PERIOD_NS)
        easy.show(soft, index * PERIOD_NS)
        # As on a robot: the next instant begins when both cameras' frames of this one are through.
        for probe in (busy, easy):
            probe.wait(lambda probe=probe, count=index + 1: len(probe.bits) == count)
    spent = [sum(8 * len(message.data) for message in probe.bits) / 6 for probe in (busy, easy)]
    assert spent[0] > 1.1 * 30000
    assert sum(spent) <= 1.05 * 60000
    busy.wait(lambda: len(busy.stats) == 120)
    targets = {stats.camera: stats.target_bitrate for stats in busy.stats}
    assert targets.keys() == {"/busy", "/easy"} and sum(targets.values()) == pytest.approx(60000, rel=0.05)


def test_a_loss_is_announced_and_repaired(ros_context: Any, processes: Processes) -> None:
    start(processes, "encoder", *ENCODE_AV1)
    asks = ("-r", "/far/embodiedcomp/key_request:=/cam/image_raw/embodiedcomp/key_request")
    start(processes, "decoder", *asks, camera="/far")
    links = ("-p", "timing:=lockstep", "-p", "loss:=0.2", "-p", "seed:=3", "-p", "camera:=/cam/image_raw")
    start(processes, "link", *links, "-r", "in:=/cam/image_raw/embodiedcomp", "-r", "out:=/far/embodiedcomp")
    probe, far = Probe(ros_context), []
    from sensor_msgs.msg import Image

    probe.node.create_subscription(Image, "/far/decoded", far.append, 1000)
    probe.match("/cam/image_raw/embodiedcomp", "/far/embodiedcomp", "/far/decoded")
    probe.wait(lambda: probe.node.count_publishers("/frame_lost") == 3)
    probe.until(lambda: far, panning(1)[0])
    probe.settle(far)
    probe.reset("encoder", "link", "decoder", episode=7)
    far.clear()
    mirror, whole = DecoderStream(), {}
    for index, frame in enumerate(panning(20)):
        probe.show(frame, index * PERIOD_NS)
        # In lockstep every frame ends as a picture or as an announcement.
        probe.wait(lambda count=index + 1: len(far) + len(probe.lost) == count and len(probe.bits) == count)
        whole[index] = mirror.decode(bytes(probe.bits[index].data)).image
    assert probe.lost and far
    assert {(lost.episode, lost.topic) for lost in probe.lost} <= {(7, "/cam/image_raw"), (7, "/far")}
    for image in far:
        index = (image.header.stamp.sec * 1_000_000_000 + image.header.stamp.nanosec) // PERIOD_NS
        assert np.array_equal(probe.conversion.image_to_frame(image), whole[index])


def test_a_late_decoder_asks_for_a_key_frame(ros_context: Any, processes: Processes) -> None:
    start(processes, "encoder", *ENCODE_AV1)
    probe = Probe(ros_context)
    probe.match("/cam/image_raw/embodiedcomp")
    frames = panning(40)
    for index in range(4):
        probe.show(frames[index], index * PERIOD_NS)
    probe.wait(lambda: len(probe.bits) == 4)
    start(processes, "decoder")
    probe.match("/cam/image_raw/decoded", "/cam/image_raw/embodiedcomp/key_request")
    probe.until(lambda: probe.requests, frames[4])
    assert probe.requests[0].reason == "late join"
    probe.until(lambda: probe.decoded, frames[5])
    assert mean_square_error(probe.conversion.image_to_frame(probe.decoded[-1]), frames[5]) < 500


def test_nothing_is_coded_while_nobody_listens(ros_context: Any, processes: Processes) -> None:
    start(processes, "encoder", "-p", "codec:=jpeg", camera="/alone", reliable=False)
    probe = Probe(ros_context, "/unheard", reliable=False)
    from sensor_msgs.msg import Image

    camera = probe.node.create_publisher(Image, "/alone", 10)
    probe.wait(lambda: camera.get_subscription_count() and probe.node.count_publishers("/encoder/stats"))
    for _ in range(3):
        camera.publish(probe.conversion.frame_to_image(panning(1)[0], "rgb8"))
    # The node has served its queue once it has answered a service call that came after.
    probe.get("target_bpp")
    assert not probe.stats


def test_a_wrong_encoding_is_said_once_then_skipped(ros_context: Any, processes: Processes) -> None:
    encoder = start(processes, "encoder", "-p", "codec:=jpeg")
    probe = Probe(ros_context)
    probe.match("/cam/image_raw/embodiedcomp")
    good = panning(1)[0]
    for index in range(4):
        message = probe.conversion.frame_to_image(good, "rgb8")
        message.encoding = "rgb8" if index == 3 else "yuv422"
        probe.camera.publish(message)
    probe.wait(lambda: len(probe.bits) == 1)
    lines = [line for line in encoder.output.splitlines() if "yuv422" in line]
    assert len(lines) == 1 and "rgb8, bgr8, rgba8, bgra8, mono8" in lines[0]


@pytest.mark.parametrize(
    ("node", "argument", "message"),
    [
        ("encoder", "codec:=h999", "unknown codec 'h999'; choose one of: av1"),
        ("encoder", "mode:=often", "parameter mode is 'often'; choose one of: inter, intra"),
        ("encoder", "target_bpp:=0.0", "target_bpp 0 is impossible"),
        ("encoder", "target_bitrate:=.inf", "target_bitrate inf is impossible"),
        ("encoder", "target_bpp:=soon", "target_bpp must be a number, not 'soon'"),
        ("decoder", "reliability:=maybe", "reliability is 'maybe'; choose one of: best_effort, reliable"),
        ("link", "loss:=1.5", "loss out of range"),
    ],
)
def test_a_bad_parameter_is_one_line_and_status_2(processes: Processes, node: str, argument: str, message: str) -> None:
    process = processes.start("embodiedcomp_codec", node, "-p", argument)
    assert process.wait() == 2
    assert message in process.output and len(process.output.strip().splitlines()) == 1


def test_a_node_without_a_learned_codec_needs_no_torch() -> None:
    code = (
        "import sys, embodiedcomp_codec.nodes.encoder, embodiedcomp_codec.nodes.decoder\n"
        "from embodiedcomp_codec.registry import get_codec, codec_names\n"
        "[get_codec(name) for name in ('none', 'jpeg', 'webp', 'hevc', 'av1')]; codec_names()\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_frame_beyond_the_format_is_skipped_and_announced(ros_context: Any, processes: Processes) -> None:
    encoder = start(processes, "encoder", "-p", "codec:=webp")
    probe = Probe(ros_context)
    probe.match("/cam/image_raw/embodiedcomp", "/frame_lost", "/encoder/stats")
    probe.reset("encoder", episode=5)
    probe.show(np.zeros((8, 16400, 3), dtype=np.uint8), PERIOD_NS)
    probe.wait(lambda: probe.lost and probe.stats)
    encoder.wait_for("webp: a frame of 16400x8 is too large; at most 16383 a side")
    (lost,), (stats,) = probe.lost, probe.stats
    assert (lost.episode, lost.topic, lost.header.stamp.nanosec) == (5, "/cam/image_raw", PERIOD_NS)
    assert (stats.payload_bytes, stats.width, stats.height) == (0, 16400, 8)
    assert not probe.bits
    probe.show(panning(1)[0], 2 * PERIOD_NS)
    probe.wait(lambda: probe.bits)
    # In lockstep on a wall clock, no age can be told from a simulated stamp.
    probe.wait(lambda: len(probe.stats) == 2)
    assert probe.stats[1].payload_bytes and np.isnan(probe.stats[1].age_seconds)


BROKEN = """
import sys
from embodiedcomp_codec.encoder_group import EncoderGroup
from embodiedcomp_codec.nodes import encoder
def broken(*arguments):
    raise RuntimeError("the library is gone")
EncoderGroup.encode = broken
sys.exit(encoder.main())
"""


def test_a_coding_thread_that_breaks_ends_the_node(ros_context: Any, processes: Processes) -> None:
    code = [sys.executable, "-c", BROKEN, "--ros-args", "-r", "image:=/cam/image_raw", "-p", "reliability:=reliable"]
    encoder = processes.command([*code, "-p", "codec:=jpeg"])
    encoder.wait_for("ready")
    probe = Probe(ros_context)
    probe.match("/cam/image_raw/embodiedcomp")
    probe.show(panning(1)[0], PERIOD_NS)
    assert encoder.wait() == 1
    lines = [line for line in encoder.output.splitlines() if "ready" not in line]
    assert len(lines) == 1 and "coding failed: RuntimeError: the library is gone" in lines[0]


def test_the_encoder_announces_the_loss_once_it_knows_that_a_key_is_wanted(
    ros_context: Any, processes: Processes
) -> None:
    from embodiedcomp_msgs.msg import KeyFrameRequest

    start(processes, "encoder", *ENCODE_AV1)
    probe = Probe(ros_context)
    request = probe.node.create_publisher(KeyFrameRequest, "/cam/image_raw/embodiedcomp/key_request", 1000)
    probe.match("/cam/image_raw/embodiedcomp", "/frame_lost")
    probe.wait(request.get_subscription_count)
    probe.reset("encoder", episode=2)
    for index in range(12):
        probe.show(panning(12)[index], index * PERIOD_NS)
        probe.wait(lambda count=index + 1: len(probe.bits) == count)
        if index % 3 == 1:
            message = KeyFrameRequest(last_sequence=index, reason="gap")
            message.header = probe.bits[-1].header
            request.publish(message)
            probe.wait(lambda count=index // 3 + 1: len(probe.lost) == count)
            assert probe.lost[-1].header == message.header and probe.lost[-1].episode == 2
    probe.wait(lambda: len(probe.stats) == 12)
    keys = [probe.conversion.stamp_to_ns(s.header.stamp) // PERIOD_NS for s in probe.stats if s.key]
    assert keys == [0, 2, 5, 8, 11]


def test_a_decoder_with_an_encoder_leaves_the_announcement_to_it(ros_context: Any, processes: Processes) -> None:
    start(processes, "encoder", *ENCODE_AV1)
    start(processes, "decoder")
    probe = Probe(ros_context)
    forger = probe.node.create_publisher(probe.CompressedImage, "/cam/image_raw/embodiedcomp", 1000)
    probe.match("/cam/image_raw/embodiedcomp", "/cam/image_raw/decoded")
    probe.wait(lambda: probe.node.count_publishers("/frame_lost") == 2 and forger.get_subscription_count() >= 2)
    probe.until(lambda: probe.decoded, panning(1)[0])
    probe.reset("encoder", "decoder", episode=4)
    late = probe.CompressedImage(format="rgb8; av1 compressed rgb8", data=b"\x40\x05some bits")
    late.header.stamp.sec = 3
    forger.publish(late)
    probe.wait(lambda: probe.lost and probe.requests)
    assert [(lost.header.stamp.sec, lost.episode, lost.topic) for lost in probe.lost] == [(3, 4, "/cam/image_raw")]
    assert probe.requests[0].header.stamp.sec == 3
