"""Small packets come back exactly, and headers that repeat cost little."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodiedcomp_codec.packet_model import MAX_BYTES, PacketModel
from embodiedcomp_codec.range_coder import RangeDecoder, RangeEncoder
from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stream import EncoderStream, StreamConfig


def coded(model: PacketModel, data: bytes) -> bytes:
    encoder = RangeEncoder()
    model.code(encoder, data)
    return encoder.finish()


@settings(deadline=None)
@given(st.lists(st.binary(max_size=MAX_BYTES), max_size=12))
def test_packets_come_back(packets: list[bytes]) -> None:
    writer, reader = PacketModel(), PacketModel()
    for data in packets:
        decoder = RangeDecoder(coded(writer, data))
        assert reader.code(decoder, b"") == data
        decoder.finish()


def test_a_longer_packet_is_refused() -> None:
    with pytest.raises(ValueError, match="256"):
        PacketModel().code(RangeEncoder(), bytes(MAX_BYTES + 1))


@pytest.mark.parametrize(("codec", "left"), [("av1", 0.8), ("hevc", 0.8), ("h264", 0.86), ("vp9", 0.8)])
def test_a_thin_stream_gets_thinner(codec: str, left: float) -> None:
    stream, model = EncoderStream(StreamConfig(codec, target_bpp=0.005, frame_period=0.1)), PacketModel()
    before = after = 0
    for index, frame in enumerate(panning(40, 256, 256)):
        sent = stream.encode(frame, index * 100_000_000)
        if sent.key:
            model = PacketModel()
        elif len(sent.packet) - 2 <= MAX_BYTES:
            before += len(sent.packet) - 2
            after += len(coded(model, sent.packet[2:]))
    assert 0 < after < left * before
