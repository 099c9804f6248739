import av
import numpy as np
import pytest

from embodiedcomp_codec.codec import Mode
from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_codec.video_bitstream import (
    ANNEX_B,
    FFMPEG_NAMES,
    FOXGLOVE_NAMES,
    START_CODES,
    TEMPORAL_DELIMITER,
    VideoUnpacker,
    elementary,
)

DECODERS = {"h264": "h264", "hevc": "hevc", "av1": "libdav1d", "vp9": "vp9"}


@pytest.mark.parametrize("mode", ["inter", "intra"])
@pytest.mark.parametrize("codec", DECODERS)
@pytest.mark.parametrize("size", [(64, 96), (33, 47), (2, 2)])
def test_a_decoder_that_knows_only_the_frames_shows_the_same(codec: str, mode: Mode, size: tuple[int, int]) -> None:
    """From any key frame on, and with sizes padded as the messages say."""
    encoder, decoder, unpacker = (
        EncoderStream(StreamConfig(codec, mode, target_bpp=2.0)),
        DecoderStream(),
        VideoUnpacker(),
    )
    context = None
    for index, frame in enumerate(panning(6, *size)):
        if index == 3:
            encoder.request_key()
        packet = encoder.encode(frame, index * 100_000_000).packet
        expected, video = decoder.decode(packet), unpacker.frame(packet)
        assert video.key == expected.key
        if index in (0, 3):
            context = av.CodecContext.create(DECODERS[codec], "r")
            context.thread_count = 1
        assert context is not None
        (picture,) = context.decode(av.Packet(video.data))
        assert (picture.width, picture.height) == (video.width, video.height)
        if expected.downsample == 8:
            pixels = picture.to_ndarray(format="rgb24")[: size[0], : size[1]]
            assert expected.image is not None and np.array_equal(pixels, expected.image)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_key_frames_carry_their_parameter_sets_as_annex_b(codec: str) -> None:
    encoder, unpacker = EncoderStream(StreamConfig(codec, target_bpp=1.0)), VideoUnpacker()
    first, second = (
        unpacker.frame(encoder.encode(frame, i * 10**8).packet).data for i, frame in enumerate(panning(2, 64, 96))
    )
    assert first.startswith(START_CODES) and second.startswith(START_CODES)
    kinds = nal_types(codec, first)
    assert {7, 8, 5} <= kinds if codec == "h264" else {32, 33, 34} <= kinds
    assert not nal_types(codec, second) & ({7, 8, 5} if codec == "h264" else {32, 33, 34})


def test_av1_is_a_temporal_unit_with_a_sequence_header_at_key_frames() -> None:
    encoder, unpacker = EncoderStream(StreamConfig("av1", target_bpp=1.0)), VideoUnpacker()
    first, second = (
        unpacker.frame(encoder.encode(frame, i * 10**8).packet).data for i, frame in enumerate(panning(2, 64, 96))
    )
    assert first.startswith(TEMPORAL_DELIMITER) and second.startswith(TEMPORAL_DELIMITER)
    assert first[2] >> 3 & 15 == 1  # OBU_SEQUENCE_HEADER
    assert second[2] >> 3 & 15 != 1


def test_a_missing_start_code_is_put_before_annex_b() -> None:
    for codec in ANNEX_B:
        assert elementary(codec, b"\x65abc") == b"\0\0\0\1\x65abc"
        assert elementary(codec, b"\0\0\1\x65") == b"\0\0\1\x65"
    assert elementary("vp9", b"abc!") == b"abc"
    assert set(FOXGLOVE_NAMES.values()) == {"h264", "h265", "av1", "vp9"} and set(FFMPEG_NAMES) == {*DECODERS, "vvc"}


def nal_types(codec: str, data: bytes) -> set[int]:
    """Types of the NAL units of an Annex B stream."""
    units = data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]
    return {unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63 for unit in units}
