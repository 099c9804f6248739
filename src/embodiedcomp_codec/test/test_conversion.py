import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage

from embodiedcomp_codec.codecs.pictures import picture_file
from embodiedcomp_codec.nodes.conversion import (
    CHANNELS,
    DEPTH_ENCODINGS,
    MessageError,
    bits_format,
    byte_array,
    frame_to_image,
    image_to_depth,
    image_to_frame,
    plain_format,
    read_source,
    source_encoding,
)

DEPTH = np.random.default_rng(1).integers(0, 65536, (5, 7), dtype=np.uint16)
FRAME = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("encoding", CHANNELS)
def test_round_trip(encoding: str) -> None:
    frame = FRAME if encoding != "mono8" else np.repeat(FRAME[:, :, :1], 3, axis=2)
    message = frame_to_image(frame, encoding)
    assert len(message.data) == message.height * message.step
    assert np.array_equal(image_to_frame(message), frame)
    assert source_encoding(bits_format(encoding, "av1")) == encoding


def test_colours_stand_where_the_encoding_says() -> None:
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 0] = 200
    assert bytes(frame_to_image(red, "bgr8").data) == bytes([0, 0, 200])
    assert bytes(frame_to_image(red, "bgra8").data) == bytes([0, 0, 200, 255])


@pytest.mark.parametrize("encoding", CHANNELS)
def test_padding_at_row_ends_is_skipped(encoding: str) -> None:
    tight = frame_to_image(FRAME, encoding)
    rows = np.frombuffer(tight.data, np.uint8).reshape(5, tight.step)
    padded = np.pad(rows, ((0, 0), (0, 9)), constant_values=99)
    message = ImageMessage(height=5, width=7, encoding=encoding, step=padded.shape[1])
    message.data = byte_array(padded.tobytes())
    assert np.array_equal(image_to_frame(message), image_to_frame(tight))


def test_rgb8_is_not_copied() -> None:
    message = frame_to_image(FRAME, "rgb8")
    assert np.shares_memory(image_to_frame(message), np.frombuffer(message.data, np.uint8))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoding": "16UC1"}, "'16UC1' is not one of: rgb8"),
        ({"height": 6}, "holds 105 bytes"),
        ({"step": 20}, "step 20"),
        ({"width": 0}, "0x5"),
    ],
)
def test_a_message_that_is_no_frame_is_refused(change: dict, words: str) -> None:
    message = frame_to_image(FRAME, "rgb8")
    for name, value in change.items():
        setattr(message, name, value)
    with pytest.raises(MessageError, match=words):
        image_to_frame(message)


@pytest.mark.parametrize("encoding", DEPTH_ENCODINGS)
def test_depth_round_trip(encoding: str) -> None:
    message = frame_to_image(DEPTH, encoding)
    assert (message.encoding, message.step, message.is_bigendian) == (encoding, 14, 0)
    source = read_source(message, 1000)
    assert source.depth and source.encoding == encoding and np.array_equal(source.pixels, DEPTH)
    assert source_encoding(bits_format(encoding, "jpegxl16")) == encoding
    assert frame_to_image(DEPTH, "rgb8").encoding == "16UC1" and frame_to_image(FRAME, "16UC1").encoding == "rgb8"


def test_depth_of_the_other_byte_order_and_with_padded_rows() -> None:
    rows = np.pad(DEPTH.astype(">u2").view(np.uint8).reshape(5, 14), ((0, 0), (0, 3)), constant_values=99)
    message = ImageMessage(height=5, width=7, encoding="16UC1", step=17, is_bigendian=1)
    message.data = byte_array(rows.tobytes())
    depth = image_to_depth(message)
    assert depth.dtype == np.uint16 and np.array_equal(depth, DEPTH)


def test_depth_is_not_copied() -> None:
    message = frame_to_image(DEPTH, "16UC1")
    assert np.shares_memory(image_to_depth(message), np.frombuffer(message.data, np.uint8))


def test_depth_that_is_short_is_refused() -> None:
    message = frame_to_image(DEPTH, "16UC1")
    message.height = 6
    with pytest.raises(MessageError, match="holds 70 bytes"):
        image_to_depth(message)


def test_another_encoding_names_all_that_are_taken() -> None:
    with pytest.raises(MessageError, match="'32FC1' is not one of: rgb8, bgr8, rgba8, bgra8, mono8, 16UC1, mono16"):
        read_source(ImageMessage(height=1, width=1, encoding="32FC1", step=4), 1000)


@pytest.mark.parametrize(
    ("pixels", "grey", "format", "encoding"),
    [
        (FRAME, False, "bgra8; png compressed bgr8", "bgra8"),
        (FRAME, False, "bayer_rggb8; jpeg compressed bgr8", "rgb8"),
        (FRAME, False, "png", "rgb8"),
        (FRAME, True, "rgb8; png compressed", "mono8"),
        (DEPTH, False, "16UC1; png compressed 16UC1", "16UC1"),
        (DEPTH, False, "mono16; png compressed ", "mono16"),
        (DEPTH, False, "rgb8; png", "16UC1"),
    ],
)
def test_a_file_is_read_as_what_it_holds(pixels: np.ndarray, grey: bool, format: str, encoding: str) -> None:
    message = CompressedImage(format=format, data=picture_file(pixels, "png", 1.0, grey))
    source = read_source(message, 1000)
    assert source.encoding == encoding and source.depth == (pixels is DEPTH)
    assert np.array_equal(source.pixels, np.repeat(FRAME[:, :, 1:2], 3, axis=2) if grey else pixels)


def test_a_file_that_is_too_large_or_none_names_its_format() -> None:
    message = CompressedImage(format="rgb8; png", data=picture_file(FRAME, "png", 1.0, False))
    with pytest.raises(MessageError, match=r"of 7x5; at most max_pixels 34 are decoded \(format 'rgb8; png'\)"):
        read_source(message, 34)
    with pytest.raises(MessageError, match="no JPEG or PNG file"):
        read_source(CompressedImage(format="jpeg", data=b"abc"), 34)


def test_formats_are_those_of_image_transport() -> None:
    assert plain_format("rgb8", "jpeg") == "rgb8; jpeg compressed bgr8"
    assert plain_format("bgra8", "png") == "bgra8; png compressed bgr8"
    assert plain_format("mono8", "jpeg") == "mono8; jpeg compressed mono8"
    assert plain_format("16UC1", "png") == "16UC1; png compressed 16UC1"
