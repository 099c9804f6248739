"""Exported pictures and video hold the decoded frames bit for bit."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from bag_examples import PERIOD, START, compressed, image, picture, put, write_bag
from PIL import Image as Pillow

from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.export import export
from embodiedcomp_eval.bags.writer import BagWriter

BITS = "/cam/image_raw/embodiedcomp"


def stream_bag(path: Path) -> list[np.ndarray]:
    """A bag with our stream alone, its second packet lost; returns what a live decoder shows."""
    encoder, decoder, shown = EncoderStream(StreamConfig("av1", target_bpp=0.5)), DecoderStream(), []
    with BagWriter(path) as writer:
        for index in range(8):
            stamp_ns = START + index * PERIOD
            if index == 5:
                encoder.request_key()
            packet = encoder.encode(picture(index), stamp_ns).packet
            if index == 1:
                continue
            put(writer, BITS, stamp_ns, compressed(stamp_ns, packet, "rgb8; av1 compressed rgb8"))
            received = decoder.decode(packet).image
            if received is not None:
                shown.append(received)
    return shown


def test_pictures_are_those_of_the_live_decoder(tmp_path: Path) -> None:
    shown = stream_bag(tmp_path / "bag")
    (done,) = export(tmp_path / "bag", tmp_path / "out", "pictures")
    assert done.path is not None
    files = sorted(done.path.iterdir())
    assert (done.topic, done.frames, done.skipped) == (BITS, len(shown), 7 - len(shown)) and 3 <= len(shown) < 7
    assert files[0].name == f"000000_{START}.png"
    for file, frame in zip(files, shown, strict=True):
        assert np.array_equal(np.array(Pillow.open(file)), frame)


def test_video_is_lossless_and_keeps_the_times(tmp_path: Path) -> None:
    write_bag(tmp_path / "bag", 6)
    first, _ = export(tmp_path / "bag", tmp_path / "out", "video")
    assert first.path is not None and first.path.name == "base_camera.image_raw.mkv"
    with av.open(str(first.path)) as container:
        frames = list(container.decode(video=0))
    assert [round(1000 * frame.time) for frame in frames] == [0, 100, 200, 300, 400, 500]
    for index, frame in enumerate(frames):
        assert np.array_equal(frame.to_ndarray(format="rgb24"), picture(index))


def test_a_camera_that_changes_its_size_is_no_video(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        put(writer, "/cam", START, image(START, picture(0)))
        put(writer, "/cam", START + PERIOD, image(START + PERIOD, picture(0, 32, 96)))
    with pytest.raises(BagError, match="changes its size to 96x32"):
        export(tmp_path / "bag", tmp_path / "out", "video")
    assert [path.name for path in tmp_path.iterdir()] == ["bag"]


def test_depth_keeps_its_sixteen_bits_as_pictures_and_is_no_video(tmp_path: Path) -> None:
    depth = np.arange(48 * 64, dtype="<u2").reshape(48, 64) * 21
    with BagWriter(tmp_path / "bag") as writer:
        put(writer, "/depth", START, image(START, depth.view(np.uint8).reshape(48, 64, 2), "16UC1"))
        put(writer, "/cam", START, image(START, picture(0)))
    done = {one.topic: one for one in export(tmp_path / "bag", tmp_path / "out", "pictures")}
    assert done["/depth"].path is not None
    (file,) = done["/depth"].path.iterdir()
    assert np.array_equal(np.array(Pillow.open(file)), depth)
    videos = {one.topic: one for one in export(tmp_path / "bag", tmp_path / "video", "video")}
    assert videos["/depth"].path is None and "16-bit depth is no video" in videos["/depth"].problem
    assert [path.name for path in (tmp_path / "video").iterdir()] == ["cam.mkv"]


@pytest.mark.parametrize("kind", ["pictures", "video"])
def test_a_topic_that_gives_no_frame_is_told_and_an_error_where_it_was_asked_for(kind: str, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        put(writer, "/yuv", START, image(START, picture(0)[:, :, :2], "yuv422_yuy2"))
        put(writer, "/cam", START, image(START, picture(0)))
    done = {one.topic: one for one in export(tmp_path / "bag", tmp_path / "out", kind)}
    assert (done["/yuv"].path, done["/yuv"].frames, done["/yuv"].skipped) == (None, 0, 1)
    assert "'yuv422_yuy2' is not one of" in done["/yuv"].problem and done["/cam"].frames == 1
    assert len(list((tmp_path / "out").iterdir())) == 1
    with pytest.raises(BagError, match=r"no frame of /yuv could be decoded: image encoding 'yuv422_yuy2'"):
        export(tmp_path / "bag", tmp_path / "again", kind, ["/yuv"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bag", "out"]


def test_bad_input_names_the_choices(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", 2)
    with pytest.raises(BagError, match="choose from pictures, video"):
        export(bag, tmp_path / "out", "gif")
    with pytest.raises(BagError, match="not an empty folder"):
        export(bag, bag, "video")
