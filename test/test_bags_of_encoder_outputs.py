"""What the encoder node publishes lies in a bag and comes out of it again: depth packets, and other packages' video messages."""

from __future__ import annotations

import math
import pathlib
from typing import Any

import numpy as np
import PIL.Image
import pytest
from bag_examples import PERIOD, START, TYPES, compressed, header, make, picture, put
from rosbags.typesys import get_types_from_msg

from embodiedcomp_codec.depth import DepthStream
from embodiedcomp_codec.rate_control import Target
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_codec.video_bitstream import FFMPEG_NAMES, FOXGLOVE_NAMES, VideoFrame, VideoUnpacker
from embodiedcomp_eval.bags.export import export
from embodiedcomp_eval.bags.images import FFMPEG, FOXGLOVE
from embodiedcomp_eval.bags.writer import BagWriter

DEFINITIONS = pathlib.Path(__file__).resolve().parent / "optional_interfaces"


def know(msgtype: str) -> None:
    """Messages of packages that are not installed: a bag brings their definitions along."""
    package, _, name = msgtype.partition("/msg/")
    if msgtype not in TYPES.store.fielddefs:
        text = (DEFINITIONS / package / "msg" / f"{name}.msg").read_text()
        TYPES.store.register(get_types_from_msg(text, msgtype))


def message(msgtype: str, codec: str, stamp_ns: int, video: VideoFrame) -> Any:
    data = np.frombuffer(video.data, np.uint8)
    if msgtype == FFMPEG:
        return make(
            FFMPEG, header=header(stamp_ns, "lens"), width=video.width, height=video.height, data=data, pts=stamp_ns,
            encoding=f"{FFMPEG_NAMES[codec]};yuv420p;rgb8;rgb8", flags=int(video.key), is_bigendian=False,
        )  # fmt: skip
    stamp = header(stamp_ns).stamp
    return make(FOXGLOVE, timestamp=stamp, frame_id="lens", data=data, format=FOXGLOVE_NAMES[codec])


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9"])
@pytest.mark.parametrize(("msgtype", "transport"), [(FFMPEG, "ffmpeg"), (FOXGLOVE, "foxglove")])
def test_video_messages_in_a_bag_show_what_our_own_packets_show(
    tmp_path: pathlib.Path, codec: str, msgtype: str, transport: str
) -> None:
    know(msgtype)
    encoder, decoder = EncoderStream(StreamConfig(codec, target_bpp=2.0, frame_period=0.1)), DecoderStream()
    unpacker, shown = VideoUnpacker(), []
    with BagWriter(tmp_path / "bag", "mcap") as writer:
        for index in range(6):
            stamp_ns = START + index * PERIOD
            packet = encoder.encode(picture(index), stamp_ns).packet
            received = decoder.decode(packet)
            assert received.downsample == 8
            shown.append(received.image)
            put(writer, f"/cam/{transport}", stamp_ns, message(msgtype, codec, stamp_ns, unpacker.frame(packet)))
    (exported,) = export(tmp_path / "bag", tmp_path / "out", "pictures")
    assert (exported.topic, exported.frames, exported.skipped) == (f"/cam/{transport}", 6, 0)
    files = sorted(exported.path.iterdir())
    for file, picture_shown in zip(files, shown, strict=True):
        height, width = picture_shown.shape[
            :2
        ]  # a stranger's viewer doesn't know of what a small picture was padded with
        assert np.array_equal(np.array(PIL.Image.open(file))[:height, :width], picture_shown)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_depth_packets_come_out_of_a_bag_value_for_value(tmp_path: pathlib.Path, storage: str) -> None:
    stream = DepthStream(1.0)
    frames = [np.random.default_rng(index).integers(0, 65536, (20, 30), dtype=np.uint16) for index in range(3)]
    with BagWriter(tmp_path / "bag", storage) as writer:
        for index, frame in enumerate(frames):
            stamp_ns = START + index * PERIOD
            packet = stream.encode(frame, stamp_ns, Target(math.nan, math.nan)).packet
            form = "16UC1; jpegxl16 compressed 16UC1"
            put(writer, "/cam/depth/embodiedcomp", stamp_ns, compressed(stamp_ns, packet, form))
    (exported,) = export(tmp_path / "bag", tmp_path / "out", "pictures")
    files = sorted(exported.path.iterdir())
    assert exported.frames == 3 and [int(file.stem.split("_")[1]) for file in files] == [
        START + i * PERIOD for i in range(3)
    ]
    for file, frame in zip(files, frames, strict=True):
        picture_read = PIL.Image.open(file)
        assert picture_read.mode == "I;16" and np.array_equal(np.array(picture_read), frame)
