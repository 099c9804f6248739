"""The size that a picture file claims, read from its first bytes: before a library allocates anything for it.

Only what this package's encoders write is understood; anything else is no size, ``None``.
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
