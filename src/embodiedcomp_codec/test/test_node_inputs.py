"""What goes into the encoder node, as processes over DDS: depth, picture files, a part of the picture at another size."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import PIL.Image
import pytest
from codec_probe import PERIOD_NS, Probe, start

from embodiedcomp_codec.packet import unpack
from embodiedcomp_codec.sequences import mean_square_error, panning
from embodiedcomp_codec.view import View, adjust
from ros_harness import Processes

FRAME = panning(1)[0]
HEIGHT, WIDTH = FRAME.shape[:2]
RNG = np.random.default_rng(5)
DEPTH = (1000 + 3 * np.arange(48)[:, None] + RNG.integers(0, 9, (48, 64))).astype(np.uint16)
DEPTH[3, 4], DEPTH[5, 6] = 0, 65535


def file(frame: np.ndarray, format: str = "PNG", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    PIL.Image.fromarray(frame).convert(mode).save(out, format)
    return out.getvalue()


class FileProbe(Probe):
    """A camera that publishes JPEG and PNG files."""

    def __init__(self, context: Any, topic: str, camera: str = "/cam/image_raw", reliable: bool = True) -> None:
        from sensor_msgs.msg import Image

        super().__init__(context, camera, reliable)
        self.node.destroy_publisher(self.camera)
        self.camera = self.node.create_publisher(self.CompressedImage, topic, 1000)
        self.Image = Image

    def show_file(self, data: bytes, stamp_ns: int, format: str = "rgb8; png compressed rgb8") -> None:
        message = self.CompressedImage(format=format, data=data)
        self.send(message, stamp_ns)


@pytest.mark.parametrize("encoding", ["16UC1", "mono16"])
def test_depth_comes_back_value_for_value(ros_context: Any, processes: Processes, encoding: str) -> None:
    encoder = start(processes, "encoder", "-p", "codec:=av1", "-p", "target_bpp:=0.01")
    start(processes, "decoder")
    probe = Probe(ros_context)
    from diagnostic_msgs.msg import DiagnosticArray

    reports = probe.hear(DiagnosticArray, "/diagnostics")
    probe.match("/cam/image_raw/embodiedcomp", "/cam/image_raw/decoded", "/encoder/stats", "/diagnostics")
    probe.until(lambda: probe.decoded, DEPTH)
    probe.settle()
    probe.reset("encoder", "decoder")
    for index in range(3):
        probe.show(DEPTH + index, index * PERIOD_NS, encoding)
    probe.wait(lambda: len(probe.decoded) == 3 and len(probe.stats) == 3)
    for index, (bits, image, stats) in enumerate(zip(probe.bits, probe.decoded, probe.stats, strict=True)):
        assert (image.encoding, image.width, image.height, image.step, image.is_bigendian) == (encoding, 64, 48, 128, 0)
        assert np.array_equal(probe.conversion.image_to_depth(image), DEPTH + index)
        assert (image.header.frame_id, bits.format) == ("lens", f"{encoding}; jpegxl16 compressed {encoding}")
        assert (stats.codec, stats.mode, stats.key, stats.at_floor) == ("jpegxl16", "intra", True, True)
    assert probe.stamps(probe.decoded) == [0, 1, 2]
    said = "the target lies below what jpegxl16 can reach; depth, coded without loss by jpegxl16 instead of av1"
    probe.wait(lambda: any(status.message == said for report in reports for status in report.status))
    assert "ready" in encoder.output and "error" not in encoder.output.lower()


def test_depth_and_colour_may_take_turns_on_one_topic(ros_context: Any, processes: Processes) -> None:
    start(processes, "encoder", "-p", "codec:=av1")
    start(processes, "decoder")
    probe = Probe(ros_context)
    probe.match("/cam/image_raw/embodiedcomp", "/cam/image_raw/decoded")
    probe.until(lambda: probe.decoded, FRAME)
    probe.settle()
    probe.reset("encoder", "decoder")
    for index in range(6):
        kind = (DEPTH, "16UC1") if index in (2, 3) else (FRAME, "rgb8")
        probe.show(kind[0], index * PERIOD_NS, kind[1])
    probe.wait(lambda: len(probe.decoded) == 6)
    assert [image.encoding for image in probe.decoded] == ["rgb8", "rgb8", "16UC1", "16UC1", "rgb8", "rgb8"]
    assert [unpack(bytes(m.data), 1 << 20)[0].key for m in probe.bits] == [True, False, True, True, True, False]
    assert not probe.lost


@pytest.mark.parametrize(
    ("arguments", "topic", "image"),
    [
        (("-p", "transport:=compressed"), "/cam/image_raw/compressed", "/cam/image_raw"),
        ((), "/cam/image_raw/compressed", "/cam/image_raw"),
        ((), "/cam/image_raw", "/cam/image_raw"),
        ((), "/cam/image_raw/compressed", "/cam/image_raw/compressed"),
    ],
    ids=["named", "found beside the image", "found as the image", "named by its topic"],
)
def test_picture_files_are_coded_anew(
    ros_context: Any, processes: Processes, arguments: tuple[str, ...], topic: str, image: str
) -> None:
    start(processes, "encoder", "-p", "codec:=jpeg", "-p", "target_bpp:=1", *arguments, camera=image)
    start(processes, "decoder")
    probe = FileProbe(ros_context, topic)
    probe.match("/cam/image_raw/embodiedcomp", "/cam/image_raw/decoded", "/encoder/stats")
    probe.until(lambda: probe.decoded, FRAME, show=lambda frame, stamp: probe.show_file(file(frame), stamp))
    probe.settle()
    probe.reset("encoder", "decoder")
    shown = [
        (file(FRAME), "bgr8; png compressed bgr8", "bgr8"),
        (file(FRAME, "JPEG"), "jpeg", "rgb8"),
        (file(FRAME, "JPEG", "L"), "mono8; jpeg compressed mono8", "mono8"),
        (file(FRAME, "JPEG", "L"), "jpeg", "mono8"),
    ]
    for index, (data, format, _) in enumerate(shown):
        probe.show_file(data, index * PERIOD_NS, format)
    probe.wait(lambda: len(probe.decoded) == len(probe.stats) == len(shown))
    for bits, picture, (_, _, encoding) in zip(probe.bits, probe.decoded, shown, strict=True):
        assert (picture.encoding, picture.width, picture.height) == (encoding, WIDTH, HEIGHT)
        assert bits.format.startswith(f"{encoding}; jpeg compressed")
        decoded = probe.conversion.image_to_frame(picture)
        assert mean_square_error(decoded.mean(axis=2), FRAME.mean(axis=2)) < 200
    spent = 8 * sum(len(bits.data) for bits in probe.bits) / (len(shown) * WIDTH * HEIGHT)
    assert spent == pytest.approx(1.0, rel=0.05)


def test_bad_picture_files_are_said_once_and_skipped(ros_context: Any, processes: Processes) -> None:
    arguments = ("-p", "transport:=compressed", "-p", "max_pixels:=10000")
    encoder = start(processes, "encoder", "-p", "codec:=jpeg", *arguments)
    probe = FileProbe(ros_context, "/cam/image_raw/compressed")
    probe.match("/cam/image_raw/embodiedcomp", "/frame_lost")
    large = np.zeros((200, 200, 3), np.uint8)
    for index, data in enumerate([file(large), b"GIF89a", file(FRAME)[:200], file(FRAME)]):
        probe.show_file(data, index * PERIOD_NS)
    probe.wait(lambda: len(probe.bits) == 1 and len(probe.lost) == 3)
    probe.wait(lambda: "skipped" in encoder.output)  # what it prints comes another way
    lines = [line for line in encoder.output.splitlines() if "skipped" in line]
    assert len(lines) == 1 and "a picture file of 200x200; at most max_pixels 10000" in lines[0]


def test_auto_follows_a_camera_that_comes_back_as_another_type(ros_context: Any, processes: Processes) -> None:
    start(processes, "encoder", "-p", "codec:=jpeg")
    probe = Probe(ros_context)
    probe.match("/cam/image_raw/embodiedcomp")
    probe.until(lambda: probe.bits, FRAME)
    probe.node.destroy_publisher(probe.camera)
    files = FileProbe(ros_context, "/cam/image_raw/compressed")
    files.until(lambda: files.bits, FRAME, show=lambda frame, stamp: files.show_file(file(frame), stamp))
    files.node.destroy_publisher(files.camera)
    again = Probe(ros_context)
    again.until(lambda: again.bits, FRAME)


@pytest.mark.parametrize(("encoding", "codec"), [("rgb8", "png"), ("rgb8", "webp"), ("16UC1", "webp")])
def test_a_part_at_another_size_with_its_camera_info(
    ros_context: Any, processes: Processes, encoding: str, codec: str
) -> None:
    from sensor_msgs.msg import CameraInfo

    view = ("-p", "crop:=[8,4,64,40]", "-p", "resize:=[32,30]")
    start(processes, "encoder", "-p", f"codec:={codec}", "-p", "target_bpp:=3", *view)
    start(processes, "decoder")
    probe = Probe(ros_context)
    calibration = probe.node.create_publisher(CameraInfo, "/cam/camera_info", 10)
    infos = probe.hear(CameraInfo, "/cam/image_raw/camera_info")
    probe.match("/cam/image_raw/embodiedcomp", "/cam/image_raw/decoded", "/cam/image_raw/camera_info")
    probe.wait(calibration.get_subscription_count)
    frame = FRAME if encoding == "rgb8" else np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH)
    probe.until(lambda: probe.decoded, frame, show=lambda f, stamp: probe.show(f, stamp, encoding))
    picture, stats = probe.decoded[-1], probe.stats[-1]
    assert (picture.width, picture.height, stats.width, stats.height) == (32, 30, 32, 30)
    part = frame[4:44, 8:72]
    if encoding == "rgb8":
        expected = np.asarray(PIL.Image.fromarray(part).resize((32, 30), PIL.Image.Resampling.BILINEAR))
        error = mean_square_error(probe.conversion.image_to_frame(picture), expected)
        if codec == "png":
            assert error == 0
        else:
            assert error < 300
            assert 8 * len(probe.bits[-1].data) / (32 * 30) == pytest.approx(3.0, rel=0.05)  # of the frame as sent
    else:
        depth = probe.conversion.image_to_depth(picture)
        assert np.array_equal(depth, part[((2 * np.arange(30) + 1) * 40 // 60)[:, None], 2 * np.arange(32) + 1])
    k = [90.0, 0, 47.5, 0, 91.0, 31.5, 0, 0, 1]
    p = [80.0, 0, 48.0, -8.0, 0, 81.0, 32.0, 0, 0, 0, 1, 0]
    info = CameraInfo(
        width=WIDTH, height=HEIGHT, distortion_model="plumb_bob", d=[0.1] * 5, k=k, p=p, r=np.eye(3).ravel()
    )
    probe.send(info, 7 * PERIOD_NS, calibration)
    probe.wait(lambda: infos)
    new_k, new_p = adjust(k, p, View((8, 4, 64, 40), (32, 30)).matrix((WIDTH, HEIGHT)))
    assert (infos[0].width, infos[0].height, list(infos[0].d)) == (32, 30, [0.1] * 5)
    assert list(infos[0].k) == pytest.approx(new_k) and list(infos[0].p) == pytest.approx(new_p)
    assert new_k[2] == pytest.approx(0.5 * (47.5 - 8 + 0.5) - 0.5) and new_p[3] == -4.0
    assert infos[0].header.frame_id == "lens" and probe.stamps(infos) == [7]
    assert infos[0].roi.width == infos[0].binning_x == 0


def test_a_crop_outside_the_picture_is_said_once(ros_context: Any, processes: Processes) -> None:
    encoder = start(processes, "encoder", "-p", "codec:=jpeg", "-p", "crop:=[0,0,500,10]")
    probe = Probe(ros_context)
    probe.match("/cam/image_raw/embodiedcomp", "/frame_lost")
    for index in range(3):
        probe.show(FRAME, index * PERIOD_NS)
    probe.wait(lambda: len(probe.lost) == 3)
    said = f"crop [0, 0, 500, 10] lies outside a picture of {WIDTH}x{HEIGHT}; such frames are skipped"
    encoder.wait_for(re.escape(said))
    assert encoder.output.count(said) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("crop:=[1,2,3]",), "crop [1, 2, 3] has 3 numbers; valid: 4"),
        (("crop:=[0,0,0,3]",), "crop [0, 0, 0, 3] is impossible"),
        (("resize:=[0,5]",), "resize [0, 5] is impossible; valid: [width, height], each 1 to 65535 pixels"),
        (("images:=['bad topic','/a']",), "images holds 'bad topic': topic name must not contain"),
        (("crop:=5",), "crop must be a list, not 5"),
        (("resize:=['a','b']",), "resize must be a list of integers"),
        (("transport:=theora",), "transport is 'theora'; choose one of: auto, raw, compressed"),
        (("transport:=compressed", "plain:=true", "codec:=jpeg"), "plain publishes <image>/compressed, which is this"),
        (("plain:=true",), "plain files are of the codecs jpeg and png, not of av1"),
        (("also:=theora",), "also holds 'theora'; choose from: ffmpeg, foxglove"),
        (("also:=['foxglove']", "codec:=jpeg"), "CompressedVideo holds no jpeg; choose one of: h264, hevc, av1, vp9"),
        (("refresh_frames:=1",), "refresh_frames 1 is impossible; choose 0 (off) or 2 to 10000 frames"),
        (("refresh_frames:=9", "key_period:=1.0"), "refresh_frames and key_period are both set; set one"),
        (("refresh_frames:=9", "also:=['ffmpeg']"), "refresh_frames and also are both set; set one"),
        (("weights:=/no/such",), "weights '/no/such': no such file or folder"),
    ],
)
def test_a_bad_parameter_is_one_line_and_status_2(
    processes: Processes, arguments: tuple[str, ...], message: str
) -> None:
    process = processes.start("embodiedcomp_codec", "encoder", *(word for a in arguments for word in ("-p", a)))
    assert process.wait() == 2
    assert message in process.output and len(process.output.strip().splitlines()) == 1
