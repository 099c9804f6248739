import numpy as np
import pytest
from sensor_msgs.msg import Image as ImageMessage

from embodiedcomp_codec.nodes.conversion import (
    CHANNELS,
    MessageError,
    bits_format,
    byte_array,
    frame_to_image,
    image_to_frame,
    source_encoding,
)

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
