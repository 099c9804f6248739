import numpy as np
import pytest

from embodiedcomp_codec.codec import CodecError, Coded, Image
from embodiedcomp_codec.picture_group import REPLAY_PIXELS, GroupFrame, PictureGroup
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.spare_encoder import Spare


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_it_follows_and_is_replaced_once_spoilt(codec: str) -> None:
    frames = [*panning(6, 64, 96), *[panning(6, 64, 96)[-1]] * 14]
    opened, alone = (get_codec(codec).encoder(96, 64, "inter") for _ in range(2))
    group = PictureGroup(get_codec(codec), "inter")
    for encoder in (opened, alone):
        sent = encoder.encode(frames[0], 0.5, True)
    group.add(frames[0], 1, 0.5, sent.data, True)
    spare = Spare(group)
    waited = 0
    for index, frame in enumerate(frames[1:]):
        tried = spare.take()
        if tried is not None and index == 8:
            tried.encode(frame, 0.9, False)  # too dear: not sent
            tried = None
        elif tried is None:
            waited += 1
        if tried is None:
            sent = opened.encode(frame, 0.5, False)
        else:
            sent = tried.encode(frame, 0.5, False)
            spare.give(opened)
            opened = tried
        assert sent.data == alone.encode(frame, 0.5, False).data, "it stands where the open one does"
        spare.add(group.add(frame, 1, 0.5, sent.data, False))
    assert 2 <= waited <= 6, "a fresh one catches up little by little"


class Counting:
    """A codec that only counts."""

    name, modes, lossless = "counting", ("inter",), False

    def __init__(self) -> None:
        self.encoded = 0
        self.fails, self.data = False, b""

    def encoder(self, width: int, height: int, mode: str) -> "Counting":
        return self

    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        self.encoded += 1
        if self.fails:
            raise CodecError("stalled")
        return Coded(self.data, key)


class Still:
    """A group of one picture that stands, and its second encoder."""

    def __init__(self, codec: Counting) -> None:
        self.picture = np.zeros((8, 8, 3), np.uint8)
        self.group = PictureGroup(codec, "inter")  # type: ignore[arg-type]
        self.take_in(True)
        self.spare = Spare(self.group)

    def take_in(self, key: bool = False, long: bool = True, pixels: int = 64) -> GroupFrame:
        """The next frame as it was sent."""
        return self.group.add(self.picture, pixels, 0.5, b"", key, long)


def test_a_frame_costs_a_few_encodes_at_most() -> None:
    codec = Counting()
    still = Still(codec)
    for _ in range(50):
        still.spare.add(still.take_in())
    assert codec.encoded == 51
    assert still.spare.take() is not None
    for _ in range(30):
        before = codec.encoded
        still.spare.add(still.take_in())
        assert codec.encoded - before <= 3
    assert still.spare.take() is not None


@pytest.mark.parametrize("fails", [True, False])
def test_one_that_gives_other_bytes_or_none_is_never_used_again(fails: bool) -> None:
    codec = Counting()
    still = Still(codec)
    for _ in range(5):
        still.spare.add(still.take_in())
    assert still.spare.ready and not still.spare.lost
    codec.fails, codec.data = fails, b"other"
    still.spare.add(still.take_in())
    assert still.spare.lost
    codec.fails, codec.data = False, b""
    for _ in range(20):
        still.spare.add(still.take_in())
        assert not still.spare.ready
        assert still.spare.take() is None


def test_one_goes_on_without_the_group_but_is_not_replaced() -> None:
    still = Still(Counting())
    for _ in range(5):
        still.spare.add(still.take_in())
    still.spare.add(still.take_in(long=False, pixels=REPLAY_PIXELS))
    assert not still.group.frames and still.spare.ready
    assert still.spare.take() is not None
    still.spare.add(still.take_in())
    assert still.spare.lost and not still.spare.ready
