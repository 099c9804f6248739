import io
import struct
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodiedcomp_codec.codec import BitstreamError
from embodiedcomp_codec.codecs.pictures import open_picture, picture_file, resize
from embodiedcomp_codec.picture_size import jpeg_size, png_size
from embodiedcomp_codec.sequences import panning

FRAME = panning(1)[0]
HEIGHT, WIDTH = FRAME.shape[:2]
LIMIT = 1 << 20


def file(mode: str, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    PIL.Image.fromarray(FRAME).convert(mode).save(out, format, **options)
    return out.getvalue()


def forged_png(width: int, height: int) -> bytes:
    data = bytearray(file("RGB", "PNG"))
    data[16:24] = struct.pack(">II", width, height)
    return bytes(data)


@pytest.mark.parametrize(("mode", "grey"), [("RGB", False), ("L", True), ("RGBA", False), ("P", False), ("1", True)])
def test_png_of_any_kind_opens(mode: str, grey: bool) -> None:
    picture = open_picture(file(mode, "PNG"), LIMIT)
    assert picture.pixels.shape == FRAME.shape and picture.grey == grey
    if mode in ("RGB", "RGBA"):
        assert np.array_equal(picture.pixels, FRAME)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"exif": b"Exif\0\0" + bytes(500)}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_of_any_kind_opens(mode: str, options: dict) -> None:
    data = file(mode, "JPEG", quality=95, **options)
    assert jpeg_size(data) == (WIDTH, HEIGHT)
    picture = open_picture(data, LIMIT)
    grey = FRAME if mode != "L" else np.array(PIL.Image.fromarray(FRAME).convert("L").convert("RGB"))
    assert picture.grey == (mode == "L")
    assert np.abs(picture.pixels.astype(int) - grey).mean() < 4


def test_sixteen_bit_grey_is_depth_and_loses_nothing() -> None:
    depth = np.random.default_rng(0).integers(0, 65536, (9, 7), dtype=np.uint16)
    picture = open_picture(picture_file(depth, "jpeg", 0.5, False), LIMIT)
    assert picture.pixels.dtype == np.uint16 and np.array_equal(picture.pixels, depth)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no JPEG or PNG file"),
        (b"GIF89a" + bytes(50), "no JPEG or PNG file"),
        (forged_png(60000, 60000), "a picture file of 60000x60000; at most max_pixels 1048576"),
        (forged_png(0, 5), "a picture file of 0x5"),
        (file("RGB", "PNG")[:100], f"no whole picture file of {WIDTH}x{HEIGHT}"),
        (file("RGB", "JPEG")[:300], "no"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(BitstreamError, match=words):
        open_picture(data, LIMIT)


def test_a_large_claim_allocates_nothing() -> None:
    code = (
        "import resource, sys\n"
        "from embodiedcomp_codec.codecs.pictures import open_picture, BitstreamError\n"
        "data = sys.stdin.buffer.read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    open_picture(data, 1 << 20)\nexcept BitstreamError:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    out = io.BytesIO()
    PIL.Image.fromarray(np.zeros((8000, 8000), np.uint8)).save(out, "JPEG")
    for data in (out.getvalue(), forged_png(30000, 30000)):
        run = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
        assert int(run.stdout) < 20_000


@given(st.binary(max_size=60), st.sampled_from([b"", b"\xff\xd8", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"]))
def test_garbage_has_no_size_or_is_refused(tail: bytes, head: bytes) -> None:
    for size in (jpeg_size(head + tail), png_size(head + tail)):
        assert size is None or min(size) >= 0
    with pytest.raises(BitstreamError):
        open_picture(head + tail, LIMIT)


def test_plain_files_open_as_what_they_are() -> None:
    colour = PIL.Image.open(io.BytesIO(picture_file(FRAME, "png", 1.0, False)))
    assert colour.mode == "RGB" and np.array_equal(np.array(colour), FRAME)
    grey = PIL.Image.open(io.BytesIO(picture_file(FRAME, "jpeg", 1.0, True)))
    assert (grey.mode, grey.format, grey.size) == ("L", "JPEG", (WIDTH, HEIGHT))
    assert len(picture_file(FRAME, "jpeg", 0.1, False)) < len(picture_file(FRAME, "jpeg", 0.9, False))


def test_resize_keeps_the_mean_and_does_not_alias() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    small = resize(stripes, (16, 8))
    assert small.shape == (8, 16, 3)
    assert np.abs(small.astype(int) - 100).max() <= 13
    assert resize(stripes, (64, 64)) is stripes
