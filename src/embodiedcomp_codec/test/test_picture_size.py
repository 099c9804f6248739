"""A forged size allocates nothing, in any codec."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.picture_size import avif_size, jpeg2000_size, webp_size
from embodiedcomp_codec.registry import get_codec

SIDE = 2560
FORGED = ["hevc", "h264", "vp9", "av1", "jpeg", "webp", "png", "avif", "jpegxl", "jpeg2000", "none"]
MEASURE = """
import resource, sys
import numpy as np
from embodiedcomp_codec.codec import BitstreamError
from embodiedcomp_codec.registry import get_codec
codec, forged = get_codec(sys.argv[1]), sys.stdin.buffer.read()
mode = codec.modes[0]
small = codec.encoder(64, 64, mode).encode(np.zeros((64, 64, 3), dtype=np.uint8), 0.3, True)
codec.decoder(mode).decode(small.data, True, 64, 64)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    codec.decoder(mode).decode(forged, True, 64, 64)
except BitstreamError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", FORGED)
def test_a_packet_that_claims_a_large_picture_allocates_nothing_for_it(name: str) -> None:
    codec = get_codec(name)
    large = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    forged = codec.encoder(SIDE, SIDE, codec.modes[0]).encode(large, 0.3, True).data[: 1 << 20]
    out = subprocess.run([sys.executable, "-c", MEASURE, name], input=forged, capture_output=True, check=True)
    kib = int(out.stdout)
    assert kib * 1024 < SIDE * SIDE  # its luma plane alone would be that


@pytest.mark.parametrize(
    ("name", "size"),
    [("webp", webp_size), ("avif", avif_size), ("jpeg2000", jpeg2000_size)],
)
def test_the_size_of_our_own_files_is_read(name: str, size: Callable[[bytes], tuple[int, int] | None]) -> None:
    codec = get_codec(name)
    for width, height in ((1, 1), (33, 64), (300, 7)):
        image = np.full((height, width, 3), 90, dtype=np.uint8)
        data = codec.encoder(width, height, "intra").encode(image, 0.5, True).data
        assert size(data) == (width, height)
        assert size(data[:20]) is None
    assert size(b"") is None and size(bytes(100)) is None


@pytest.mark.parametrize(("name", "limit"), [("webp", 16383), ("jpeg", 65500)])
def test_a_frame_beyond_the_format_is_a_codec_error(name: str, limit: int) -> None:
    encoder = get_codec(name).encoder(limit + 1, 1, "intra")
    with pytest.raises(CodecError, match=f"{name}: a frame of {limit + 1}x1 is too large; at most {limit} a side"):
        encoder.encode(np.zeros((1, limit + 1, 3), dtype=np.uint8), 0.5, True)


@pytest.mark.parametrize("name", ["avif", "jpegxl", "jpeg2000"])
def test_what_the_library_refuses_is_a_codec_error(name: str) -> None:
    encoder = get_codec(name).encoder(1, 1, "intra")
    with pytest.raises(CodecError, match=f"{name}: imagecodecs refused a frame of 0x0"):
        encoder.encode(np.zeros((0, 0, 3), dtype=np.uint8), 0.5, True)
