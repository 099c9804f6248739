import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodiedcomp_codec.codec import BitstreamError, CodecError
from embodiedcomp_codec.packet import (
    MAX_BANDS,
    MAX_SIDE,
    SEQUENCE_MODULUS,
    Header,
    KeyInfo,
    Wave,
    pack,
    sequence_follows,
    unpack,
)

NO_LIMIT = MAX_SIDE * MAX_SIDE
names = st.sampled_from(["av1", "none", "jpeg", "my-codec", "x" * 255])
infos = st.builds(
    KeyInfo, names, st.sampled_from(["intra", "inter"]), st.integers(1, MAX_SIDE), st.integers(1, MAX_SIDE)
)
sequences, rate_points = st.integers(0, SEQUENCE_MODULUS - 1), st.integers(1, 8)
waves = st.integers(1, MAX_BANDS).flatmap(
    lambda bands: st.builds(Wave, st.just(bands), st.none() | st.integers(0, bands - 1))
)
rolling_infos = st.builds(KeyInfo, names, st.just("inter"), st.integers(1, MAX_SIDE), st.integers(1, MAX_SIDE))
headers = (
    st.builds(Header, sequences, rate_points, st.none() | infos)
    | st.builds(Header, sequences, rate_points, st.none(), st.just(True))
    | st.builds(Header, sequences, rate_points, rolling_infos, st.just(True), waves)
)


@given(headers, st.binary(max_size=40))
def test_round_trip(header: Header, data: bytes) -> None:
    assert unpack(pack(header) + data, NO_LIMIT) == (header, data)


def test_sizes_on_the_wire() -> None:
    assert len(pack(Header(5, 8, None))) == 2
    assert len(pack(Header(5, 8, KeyInfo("av1", "inter", 256, 256)))) == 4
    assert len(pack(Header(5, 8, KeyInfo("av1", "inter", 255, 256)))) == 8
    assert len(pack(Header(5, 8, KeyInfo("mine", "inter", 640, 480)))) == 9
    assert len(pack(Header(5, 8, None, True))) == 2
    assert len(pack(Header(5, 8, KeyInfo("av1", "inter", 256, 256), True, Wave(4, 1)))) == 5


def test_a_band_anew_is_no_key_frame() -> None:
    info = KeyInfo("av1", "inter", 256, 256)
    assert Header(0, 8, info).key and Header(0, 8, info, True, Wave(4, None)).key
    assert not Header(0, 8, info, True, Wave(4, 3)).key and not Header(0, 8, None, True).key


@pytest.mark.parametrize("byte", [0b0011_0100, 0b1011_0001, 0b0000_1000, 0b0001_0010])
def test_a_band_that_cannot_be_is_refused(byte: int) -> None:
    good = pack(Header(0, 8, KeyInfo("av1", "inter", 256, 256), True, Wave(4, 1)))
    with pytest.raises(BitstreamError, match="rolling stream's header is damaged"):
        unpack(good[:-1] + bytes([byte]), NO_LIMIT)
    with pytest.raises(BitstreamError, match="rolling stream's header is damaged"):
        unpack(good[:-1], NO_LIMIT)


@given(st.binary(max_size=60))
def test_garbage_is_refused_or_is_what_we_would_write(data: bytes) -> None:
    try:
        header, rest = unpack(data, NO_LIMIT)
    except BitstreamError:
        return
    assert pack(header) + rest == data


@given(headers, st.data())
def test_a_truncated_header_is_refused(header: Header, data: st.DataObject) -> None:
    packed = pack(header)
    cut = data.draw(st.integers(0, len(packed) - 1))
    if header.info is None or cut < 2:
        with pytest.raises(BitstreamError):
            unpack(packed[: min(cut, 1)], NO_LIMIT)
    else:
        with pytest.raises(BitstreamError):
            unpack(packed[:cut], NO_LIMIT)


def test_size_is_checked_before_anything_is_decoded() -> None:
    packet = pack(Header(0, 8, KeyInfo("av1", "intra", 60000, 60000)))
    with pytest.raises(BitstreamError, match="60000x60000 exceeds max_pixels 1000000"):
        unpack(packet, 1_000_000)


@pytest.mark.parametrize(
    "header",
    [
        Header(SEQUENCE_MODULUS, 8, None),
        Header(0, 9, None),
        Header(0, 8, KeyInfo("", "intra", 1, 1)),
        Header(0, 8, KeyInfo("é", "intra", 1, 1)),
        Header(0, 8, KeyInfo("av1", "intra", 0, 1)),
        Header(0, 8, KeyInfo("av1", "often", 2, 2)),  # type: ignore[arg-type]
        Header(0, 8, KeyInfo("av1", "inter", 2, 2), True),
        Header(0, 8, KeyInfo("av1", "inter", 2, 2), False, Wave(1, 0)),
        Header(0, 8, None, True, Wave(1, 0)),
        Header(0, 8, KeyInfo("av1", "intra", 2, 2), True, Wave(1, 0)),
        Header(0, 8, KeyInfo("av1", "inter", 2, 2), True, Wave(9, 0)),
        Header(0, 8, KeyInfo("av1", "inter", 2, 2), True, Wave(4, 4)),
    ],
)
def test_impossible_headers_are_not_packed(header: Header) -> None:
    with pytest.raises(CodecError):
        pack(header)


def test_sequence_wraps() -> None:
    assert sequence_follows(0, SEQUENCE_MODULUS - 1)
    assert not sequence_follows(1, SEQUENCE_MODULUS - 1)
