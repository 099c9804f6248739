"""JPEG without its header: a byte of quality, Huffman tables if they pay, the scan, and two bytes of check sum.

A JPEG file repeats some 600 bytes of markers and tables in every frame, which at low rates is nearly all of it. Sizes
travel in the key header, the quantisation tables follow from the quality, and Huffman tables of the frame's own (first bit
of the first byte) are sent only where the standard's would cost more. The decoder makes the rest itself. Every frame
decodes alone.
"""

from __future__ import annotations

import functools
import io
import zlib

import numpy as np
import PIL.Image

from embodiedcomp_codec.codec import BitstreamError, CodecError, Coded, Decoder, Encoder, Image, Mode
from embodiedcomp_codec.codecs.pillow import decode_still

_COARSEST, _FINEST = 1, 98
_MAX_SIDE = 65500
_CHECK_BYTES = 2
_END = b"\xff\xd9"
_TABLES, _FRAME, _SCAN = 0xC4, 0xC0, 0xDA  # markers: DHT, SOF0, SOS
_OWN_TABLES = 0x80
_TABLE_COUNT = 4  # DC and AC, for brightness and for colour


class BareJpeg:
    """Baseline, 4:2:0."""

    name = "jpeg-bare"
    modes: tuple[Mode, ...] = ("intra",)
    lossless = False
    levels = _FINEST - _COARSEST + 1

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """A stateless encoder. Raises CodecError for a size that JPEG can't say."""
        if max(width, height) > _MAX_SIDE:
            raise CodecError(f"jpeg-bare: a frame of {width}x{height} is too large; at most {_MAX_SIDE} a side")
        return _Encoder()

    def decoder(self, mode: Mode) -> Decoder:
        """A stateless decoder."""
        return _Decoder()


class _Encoder:
    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        number = _COARSEST + round(quality * (_FINEST - _COARSEST))
        _, _, scan = _parts(_file(image, number, optimize=False))
        _, tables, own_scan = _parts(_file(image, number, optimize=True))
        body = bytes([number]) + scan
        if len(tables) + len(own_scan) < len(scan):
            body = bytes([number | _OWN_TABLES]) + tables + own_scan
        return Coded(body + _check(body, image.shape[1], image.shape[0]), key=True)


class _Decoder:
    def decode(self, data: bytes, key: bool, width: int, height: int) -> Image:
        body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
        # A JPEG scan has no check of its own: a truncated one would decode to half a picture.
        if len(body) < 2 or check != _check(body, width, height):
            raise BitstreamError(f"no whole picture of {width}x{height}: its check sum is wrong")
        number, rest = body[0] & ~_OWN_TABLES, body[1:]
        if not _COARSEST <= number <= _FINEST:
            raise BitstreamError(f"a quality of {number} is outside {_COARSEST} to {_FINEST}")
        head, tables, start_of_scan = _template(number)
        if body[0] & _OWN_TABLES:
            length = _length_of_tables(rest)
            tables, rest = rest[:length], rest[length:]
        file = _sized(head, width, height) + _segment(_TABLES, tables) + start_of_scan + rest + _END
        return decode_still(file, "JPEG", width, height)


def _file(image: Image, number: int, optimize: bool) -> bytes:
    out = io.BytesIO()
    PIL.Image.fromarray(image).save(out, "JPEG", quality=number, subsampling=2, optimize=optimize)
    return out.getvalue()


def _parts(file: bytes) -> tuple[bytes, bytes, bytes]:
    """The markers before the Huffman tables, those tables, and the scan's own data."""
    head, tables, at = file[:2], b"", 2
    while True:
        marker, end = file[at + 1], at + 2 + int.from_bytes(file[at + 2 : at + 4], "big")
        if marker == _SCAN:
            return head, tables, file[end : -len(_END)]
        if marker == _TABLES:
            tables += file[at + 4 : end]
        else:
            head += file[at:end]
        at = end


@functools.lru_cache(maxsize=128)
def _template(number: int) -> tuple[bytes, bytes, bytes]:
    """What a file of this quality has before its tables, the standard tables, and what stands before its scan."""
    file = _file(np.zeros((16, 16, 3), dtype=np.uint8), number, optimize=False)
    head, tables, scan = _parts(file)
    start = file.rindex(bytes([0xFF, _SCAN]))
    return head, tables, file[start : len(file) - len(_END) - len(scan)]


def _sized(head: bytes, width: int, height: int) -> bytes:
    at = head.index(bytes([0xFF, _FRAME])) + 5
    return head[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + head[at + 4 :]


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def _length_of_tables(data: bytes) -> int:
    """Each table is a byte of class and number, 16 counts, and as many symbols as these add up to."""
    at = 0
    for _ in range(_TABLE_COUNT):
        at += 17 + sum(data[at + 1 : at + 17])
    if at >= len(data):
        raise BitstreamError("Huffman tables longer than their packet")
    return at


def _check(body: bytes, width: int, height: int) -> bytes:
    return zlib.crc32(body, width << 16 | height).to_bytes(4, "big")[-_CHECK_BYTES:]
