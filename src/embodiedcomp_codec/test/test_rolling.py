import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodiedcomp_codec.codec import BitstreamError, Codec, CodecError, Coded, Decoder, Encoder, Image, Mode
from embodiedcomp_codec.packet import KeyInfo, Wave
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.rolling import (
    Held,
    RollingCodec,
    RollingDecoder,
    RollingEncoder,
    band_rows,
    cycle_problem,
    due_band,
    join,
    split,
)
from embodiedcomp_codec.sequences import panning


@given(st.integers(1, 3000), st.integers(1, 8))
def test_bands_cover_every_row_once(height: int, bands: int) -> None:
    if bands > height:
        return
    rows = band_rows(height, bands)
    assert len(rows) == bands and rows[0][0] == 0 and rows[-1][1] == height
    assert all(top < bottom for top, bottom in rows)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(rows))
    assert height < 16 * bands or all(top % 16 == 0 for top, _ in rows)


@given(st.integers(2, 300), st.integers(1, 8), st.integers(0, 10_000))
def test_any_cycle_of_frames_codes_every_band_anew_once(cycle: int, bands: int, start: int) -> None:
    if bands > cycle:
        return
    due = [due_band(count, cycle, bands) for count in range(start, start + cycle)]
    assert sorted(band for band in due if band is not None) == list(range(bands))


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8))
def test_bitstreams_of_bands_round_trip(parts: list[bytes]) -> None:
    assert split(join(parts), len(parts)) == parts


@given(st.binary(max_size=40), st.integers(1, 8))
def test_lengths_beyond_the_data_are_refused(data: bytes, bands: int) -> None:
    try:
        parts = split(data, bands)
    except BitstreamError:
        return
    assert len(parts) == bands and data.endswith(b"".join(parts))


def test_a_length_without_an_end_is_refused() -> None:
    with pytest.raises(BitstreamError, match="more than 4 bytes"):
        split(b"\xff" * 9, 2)
    with pytest.raises(BitstreamError, match="bands of 5 bytes in 2"):
        split(b"\x05ab", 2)
    with pytest.raises(BitstreamError, match="ends within its lengths"):
        split(b"\x01", 3)


@pytest.mark.parametrize("cycle", [-1, 1, 10_001])
def test_an_impossible_cycle_is_one_line(cycle: int) -> None:
    with pytest.raises(CodecError, match=f"refresh_frames {cycle} is impossible; choose 0 \\(off\\) or 2 to 10000"):
        RollingCodec(get_codec("h264"), cycle)


def test_no_refresh_and_a_cycle_of_two_are_possible() -> None:
    assert cycle_problem(0) is None and cycle_problem(2) is None


class Notes:
    """A codec that writes down how every picture was asked for. Only its third picture is a key picture unasked."""

    name, lossless = "notes", False
    modes: tuple[Mode, ...] = ("inter",)

    def __init__(self, surprise: bool = False) -> None:
        self.surprise = surprise

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        return _NotesEncoder(self.surprise)

    def decoder(self, mode: Mode) -> Decoder:
        raise NotImplementedError


class _NotesEncoder:
    def __init__(self, surprise: bool) -> None:
        self._surprise = surprise
        self._count = 0

    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        self._count += 1
        key = key or (self._surprise and self._count == 3)
        return Coded(f"{'K' if key else 'P'}{round(100 * quality)} ".encode() * (4 if key else 1), key)


def encoder_of(codec: Codec, cycle: int, height: int = 128) -> RollingEncoder:
    return RollingCodec(codec, cycle).encoder(64, height, "inter")


PICTURE = np.zeros((128, 64, 3), np.uint8)


def test_one_band_at_a_time_is_a_key_picture_of_its_own() -> None:
    encoder = encoder_of(Notes(), 4)
    coded = [encoder.encode(PICTURE, 0.5, False) for _ in range(9)]
    assert [each.key for each in coded] == [True] + 8 * [False]
    kinds = ["".join(part.decode()[0] for part in split(each.data, 2)) for each in coded]
    assert kinds == ["KK", "PP", "KP", "PP", "PK", "PP", "KP", "PP", "PK"]
    assert encoder.encode(PICTURE, 0.5, True).key  # and the wave begins anew
    assert [encoder.encode(PICTURE, 0.5, False).data.count(b"K") for _ in range(3)] == [0, 4, 0]


def test_what_a_band_would_cost_changes_nothing() -> None:
    encoder = encoder_of(Notes(), 2)
    encoder.encode(PICTURE, 0.5, True)
    assert encoder.due == 0
    assert [encoder.try_fresh(PICTURE, quality) for quality in (0.1, 1.0)] == [16, 20]
    assert split(encoder.encode(PICTURE, 1.0, False).data, 2) == [b"K100 " * 4, b"P100 "]
    assert encoder.usual_bytes == [4, 5]  # of the first band: a quarter of its key picture


def test_bands_are_held_at_the_quality_at_which_they_stand() -> None:
    encoder = encoder_of(Notes(), 2)
    encoder.encode(PICTURE, 0.5, True)
    assert split(encoder.encode(PICTURE, Held(0.7), False).data, 2) == [b"K70 " * 4, b"P50 "]
    assert split(encoder.encode(PICTURE, Held(0.9), False).data, 2) == [b"P70 ", b"K90 " * 4]
    assert split(encoder.encode(PICTURE, 0.2, False).data, 2) == [b"K20 " * 4, b"P20 "]


def test_a_key_picture_that_nobody_asked_for_becomes_a_whole_one() -> None:
    encoder = encoder_of(Notes(surprise=True), 100)
    coded = [encoder.encode(PICTURE, 0.5, False) for _ in range(3)]
    assert [each.key for each in coded] == [True, False, True]
    assert split(coded[2].data, 2) == [b"K50 " * 4, b"K50 " * 4]


@pytest.mark.parametrize(("height", "bands"), [(1, 1), (64, 1), (130, 2), (256, 4), (2160, 4)])
def test_small_pictures_have_fewer_bands(height: int, bands: int) -> None:
    codec = RollingCodec(get_codec("h264"), 10)
    assert codec.bands(height) == codec.encoder(64, height, "inter").bands == bands
    assert RollingCodec(get_codec("h264"), 2).bands(height) == min(bands, 2)


@pytest.mark.parametrize("name", ["h264", "hevc", "av1", "vp9"])
def test_a_group_that_is_coded_again_comes_out_the_same(name: str) -> None:
    codec = RollingCodec(get_codec(name), 3)
    frames = panning(6, 128, 96)
    qualities = [0.4, 0.5, Held(0.6), 0.3, Held(0.2), 0.5]
    runs = []
    for _ in range(2):
        encoder = codec.encoder(96, 128, "inter")
        runs.append([encoder.encode(*each, False) for each in zip(frames, qualities)])
    assert runs[0] == runs[1]


def test_more_bands_than_rows_are_refused() -> None:
    info = KeyInfo("h264", "inter", 8, 3)
    with pytest.raises(BitstreamError, match="8 bands of a picture of 3 rows"):
        RollingDecoder(info, 8, 8, lambda: get_codec("h264").decoder("inter"))


def test_the_picture_size_cannot_change_without_a_key_picture() -> None:
    decoder = RollingDecoder(KeyInfo("h264", "inter", 64, 64), 1, 8, lambda: get_codec("h264").decoder("inter"))
    with pytest.raises(BitstreamError, match="from 8/8 to 4/8"):
        decoder.decode(b"", Wave(1, 0), 4)
