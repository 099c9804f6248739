import numpy as np
import pytest

from embodiedcomp_codec.codec import CodecError, Coded, Image
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.spare_encoder import KEPT_FRAMES, Spare


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_it_follows_and_is_replaced_once_spoilt(codec: str) -> None:
    frames = [*panning(6, 64, 96), *[panning(6, 64, 96)[-1]] * 14]
    opened, alone = (get_codec(codec).encoder(96, 64, "inter") for _ in range(2))
    for encoder in (opened, alone):
        encoder.encode(frames[0], 0.5, True)
    spare = Spare(get_codec(codec), "inter", [(frames[0], 0.5)])
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
        spare.add(frame, 0.5, sent.data)
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


def test_a_frame_costs_a_few_encodes_at_most_and_equal_pictures_no_memory() -> None:
    codec = Counting()
    picture = np.zeros((8, 8, 3), np.uint8)
    spare = Spare(codec, "inter", [(picture, 0.5)])  # type: ignore[arg-type]
    for _ in range(50):
        spare.add(picture.copy(), 0.5, b"")
    assert codec.encoded == 51
    assert spare.take() is not None
    for _ in range(30):
        before = codec.encoded
        spare.add(picture.copy(), 0.5, b"")
        assert codec.encoded - before <= 3
    assert spare.take() is not None
    assert len({id(frame) for frame, *_ in spare._frames}) == 1


@pytest.mark.parametrize("fails", [True, False])
def test_one_that_gives_other_bytes_or_none_is_never_used_again(fails: bool) -> None:
    codec = Counting()
    picture = np.zeros((8, 8, 3), np.uint8)
    spare = Spare(codec, "inter", [(picture, 0.5)])  # type: ignore[arg-type]
    for _ in range(5):
        spare.add(picture, 0.5, b"")
    assert spare.ready
    codec.fails, codec.data = fails, b"other"
    spare.add(picture, 0.5, b"")
    codec.fails, codec.data = False, b""
    for _ in range(20):
        spare.add(picture, 0.5, b"")
        assert not spare.ready
        assert spare.take() is None


def test_an_endless_still_picture_is_not_kept_without_end() -> None:
    codec = Counting()
    picture = np.zeros((8, 8, 3), np.uint8)
    spare = Spare(codec, "inter", [(picture, 0.5)])  # type: ignore[arg-type]
    for _ in range(2 * KEPT_FRAMES):
        spare.add(picture, 0.5, b"")
    assert spare.ready
    assert len(spare._frames) <= KEPT_FRAMES + 1
    assert spare.take() is not None
    for _ in range(2 * KEPT_FRAMES):
        spare.add(picture, 0.5, b"")
    assert not spare.ready
