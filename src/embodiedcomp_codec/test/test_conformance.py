"""What every codec of this package must do. A codec of another package can be named in EMBODIEDCOMP_TEST_CODECS."""

import hashlib
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from embodiedcomp_codec.codec import BitstreamError, Codec, CodecError, Mode
from embodiedcomp_codec.registry import codec_names, get_codec
from embodiedcomp_codec.sequences import mean_square_error, panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig

# Learned codecs need weights and torch: test_shipped_weights.py runs them here.
BUILT_IN = [name for name in codec_names(package="embodiedcomp_codec") if not re.search("(bmshj|mbt|cheng)20", name)]
NAMES = os.environ.get("EMBODIEDCOMP_TEST_CODECS", "").split() or BUILT_IN


def can_encode(name: str) -> bool:
    codec = get_codec(name)
    try:
        codec.encoder(16, 16, codec.modes[0])
    except CodecError:
        return False
    return True


CASES = [(name, mode) for name in NAMES if can_encode(name) for mode in get_codec(name).modes]
ids = [f"{name}-{mode}" for name, mode in CASES]
every_codec = pytest.mark.parametrize(("name", "mode"), CASES, ids=ids)
LIMIT, TASK_LIMIT = 80, 400
"""Mean squared error at a high quality: of any codec, and of a small network that was trained on another kind of picture."""
SIZES = [(1, 1), (2, 2), (7, 5), (33, 64), (96, 66)]


def qualities(codec: Codec) -> list[float]:
    return [0.1, 0.5, 0.9] if getattr(codec, "levels", 64) > 1 else [1.0]


def encode_all(
    codec: Codec, mode: Mode, frames: list[np.ndarray], quality: float, keys: tuple[int, ...] = (0,)
) -> list:
    encoder = codec.encoder(frames[0].shape[1], frames[0].shape[0], mode)
    return [encoder.encode(frame, quality, index in keys) for index, frame in enumerate(frames)]


CHILD = """
import hashlib, json, sys
import numpy as np
from embodiedcomp_codec.registry import get_codec
name, mode, width, height = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
decoder = get_codec(name).decoder(mode)
digests = []
for line in sys.stdin:
    key, data = json.loads(line)
    image = decoder.decode(bytes.fromhex(data), key, width, height)
    assert image.shape == (height, width, 3) and image.dtype == np.uint8
    digests.append(hashlib.sha256(np.ascontiguousarray(image)).hexdigest())
print(json.dumps(digests))
"""


@every_codec
def test_another_process_gets_the_same_pixels(name: str, mode: Mode) -> None:
    frames = panning(4)
    codec = get_codec(name)
    coded = encode_all(codec, mode, frames, qualities(codec)[-1])
    decoder = codec.decoder(mode)
    here = [decoder.decode(item.data, item.key, 96, 64) for item in coded]
    limit = TASK_LIMIT if hasattr(codec, "strings") else LIMIT
    lines = "\n".join(json.dumps([item.key, item.data.hex()]) for item in coded)
    out = subprocess.run(
        [sys.executable, "-c", CHILD, name, mode, "96", "64"], input=lines, text=True, capture_output=True, check=True
    )
    there = json.loads(out.stdout.splitlines()[-1])
    assert there == [hashlib.sha256(np.ascontiguousarray(image)).hexdigest() for image in here]
    for frame, image in zip(frames, here, strict=True):
        assert np.array_equal(frame, image) if codec.lossless else mean_square_error(frame, image) < limit


@every_codec
def test_same_frames_same_bytes(name: str, mode: Mode) -> None:
    codec = get_codec(name)
    frames, quality = panning(5), qualities(codec)[len(qualities(codec)) // 2]
    first, second = (encode_all(codec, mode, frames, quality, keys=(0, 3)) for _ in range(2))
    assert first == second
    assert first[0].key and first[3].key
    assert all(item.key for item in first) == (mode == "intra")


@every_codec
def test_bits_grow_with_quality(name: str, mode: Mode) -> None:
    codec = get_codec(name)
    sizes = [
        sum(len(item.data) for item in encode_all(codec, mode, panning(4), quality)) for quality in qualities(codec)
    ]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == len(sizes)


@every_codec
def test_an_open_encoder_follows_any_quality(name: str, mode: Mode) -> None:
    codec, frames = get_codec(name), panning(4)
    for opened in qualities(codec):
        sizes = []
        for quality in qualities(codec):
            encoder = codec.encoder(96, 64, mode)
            encoder.encode(frames[0], opened, True)
            sizes.append(sum(len(encoder.encode(frame, quality, False).data) for frame in frames[1:]))
        assert sizes == sorted(set(sizes))


@every_codec
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_any_size(name: str, mode: Mode, width: int, height: int) -> None:
    codec = get_codec(name)
    frames = panning(3, height, width)
    decoder = codec.decoder(mode)
    for item in encode_all(codec, mode, frames, 0.5):
        assert decoder.decode(item.data, item.key, width, height).shape == (height, width, 3)


@every_codec
def test_damaged_bitstreams_raise_one_error(name: str, mode: Mode) -> None:
    codec = get_codec(name)
    (coded,) = encode_all(codec, mode, panning(1), 0.5)
    rng = np.random.default_rng(0)
    bad = [b"", b"\0", coded.data[: len(coded.data) // 2], coded.data[: len(coded.data) // 8]]
    bad += [rng.integers(0, 256, size, dtype=np.uint8).tobytes() for size in (1, 10, 100, 1000)]
    for data in bad:
        decoder = codec.decoder(mode)
        try:
            image = decoder.decode(data, True, 96, 64)
        except BitstreamError:
            continue
        # Some formats decode what is there: then it must at least be a picture of the size announced. FFmpeg does so with HEVC
        # however little it is.
        assert (len(data) > len(coded.data) // 4 or name == "hevc") and image.shape == (64, 96, 3)


@every_codec
def test_a_picture_of_another_size_is_refused(name: str, mode: Mode) -> None:
    codec = get_codec(name)
    (coded,) = encode_all(codec, mode, panning(1), 0.5)
    with pytest.raises(BitstreamError):
        codec.decoder(mode).decode(coded.data, True, 640, 480)


@every_codec
def test_intra_frames_decode_alone(name: str, mode: Mode) -> None:
    if mode != "intra":
        pytest.skip("inter frames need their reference")
    codec = get_codec(name)
    frames = panning(4)
    coded = encode_all(codec, mode, frames, qualities(codec)[-1])
    decoder = codec.decoder(mode)
    in_order = [decoder.decode(item.data, True, 96, 64) for item in coded]
    for item, image in zip(coded, in_order, strict=True):
        assert np.array_equal(codec.decoder(mode).decode(item.data, True, 96, 64), image)


@every_codec
def test_stream_reset_repeats_every_byte(name: str, mode: Mode) -> None:
    codec = get_codec(name)
    target = {} if codec.lossless else {"target_bpp": 0.4}
    stream = EncoderStream(StreamConfig(name, mode, frame_period=0.1, **target))
    runs = []
    for _ in range(2):
        runs.append([stream.encode(frame, i * 100_000_000) for i, frame in enumerate(panning(6))])
        stream.reset()
    assert runs[0] == runs[1]
    assert [sent.sequence for sent in runs[0]] == list(range(6))


@every_codec
def test_loss_never_shows_a_picture_on_a_missing_reference(name: str, mode: Mode) -> None:
    codec = get_codec(name)
    target = {} if codec.lossless else {"target_bpp": 0.5}
    encoder, decoder, mirror = EncoderStream(StreamConfig(name, mode, **target)), DecoderStream(), DecoderStream()
    frames, rng = panning(30), np.random.default_rng(3)
    pictures = 0
    for index, frame in enumerate(frames):
        packet = encoder.encode(frame, index * 100_000_000).packet
        whole = mirror.decode(packet).image
        assert whole is not None
        if rng.random() < 0.25:
            continue
        received = decoder.decode(packet)
        if received.need_key:
            assert received.image is None
            encoder.request_key()
            continue
        # What is shown is exactly what a decoder without losses shows.
        assert received.image is not None and np.array_equal(received.image, whole)
        pictures += 1
    assert pictures >= 10


@every_codec
def test_late_join(name: str, mode: Mode) -> None:
    encoder, decoder = EncoderStream(StreamConfig(name, mode)), DecoderStream()
    frames = panning(4)
    packets = [encoder.encode(frame, index).packet for index, frame in enumerate(frames[:3])]
    received = decoder.decode(packets[2])
    if mode == "inter":
        assert received.image is None and received.need_key and "late join" in received.reason
        encoder.request_key()
        received = decoder.decode(encoder.encode(frames[3], 3).packet)
    assert received.image is not None and received.key


@every_codec
def test_a_size_that_changes_mid_stream(name: str, mode: Mode) -> None:
    encoder, decoder = EncoderStream(StreamConfig(name, mode)), DecoderStream()
    for index, (width, height) in enumerate([(96, 64), (96, 64), (33, 40), (33, 40), (96, 64)]):
        received = decoder.decode(encoder.encode(panning(1, height, width)[0], index).packet)
        assert received.image is not None and received.image.shape == (height, width, 3)


def test_a_codec_that_only_decodes_here_says_so() -> None:
    for name in set(NAMES) - {name for name, _ in CASES}:
        assert name == "vvc"
        with pytest.raises(CodecError, match="no encoder libvvenc; only decoding works"):
            EncoderStream(StreamConfig(name))
        with pytest.raises(BitstreamError):
            get_codec(name).decoder("intra").decode(b"garbage", True, 16, 16)
