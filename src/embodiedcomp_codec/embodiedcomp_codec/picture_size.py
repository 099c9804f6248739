"""The size that a picture file claims, read from its first bytes: before a library allocates anything for it.

Of WebP, AVIF and JPEG 2000, only what this package's encoders write is understood; of JPEG and PNG, which cameras send too, every
file. Anything else is no size, ``None``.
"""

from __future__ import annotations

import struct

Size = tuple[int, int]
"""Width and height, in pixels."""


def webp_size(data: bytes) -> Size | None:
    """Of a lossy WebP file: RIFF, then one VP8 chunk, whose key frame says the size in 14 bits a side."""
    if len(data) < 30 or data[:4] != b"RIFF" or data[8:16] != b"WEBPVP8 " or data[23:26] != b"\x9d\x01\x2a":
        return None
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def avif_size(data: bytes) -> Size | None:
    """Of an AVIF file with one picture: its only ``ispe`` property (size, type, version and flags, width, height)."""
    at = data.find(b"ispe")
    if at < 4 or len(data) < at + 16 or data[at - 4 : at] != b"\0\0\0\x14" or data.find(b"ispe", at + 4) >= 0:
        return None
    width, height = struct.unpack_from(">II", data, at + 8)
    return width, height


def jpeg2000_size(data: bytes) -> Size | None:
    """Of a JPEG 2000 codestream of three 8-bit components without subsampling: its SIZ segment, right behind the start."""
    if len(data) < 51 or data[:4] != b"\xff\x4f\xff\x51" or data[40:51] != b"\0\3" + 3 * b"\7\1\1":
        return None
    width, height, left, top = struct.unpack_from(">4I", data, 8)
    return width - left, height - top


def png_size(data: bytes) -> Size | None:
    """Of a PNG file: its IHDR chunk, always the first."""
    if len(data) < 24 or data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def jpeg_size(data: bytes) -> Size | None:
    """Of a JPEG file: its first frame header (SOF0 to SOF15), behind segments that say their length."""
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
