"""The packet header: what stands before every bitstream in ``CompressedImage.data``.

Two bytes on every frame, big-endian bits: version (2), key flag (1), downsampling rate point n/8 as n - 1 (3), sequence
number (10). A key frame adds all that a late joiner needs: one byte with the mode (1 bit) and the codec's number (7 bits;
0 = its name follows as one length byte and ASCII), and the source size (one byte for a common size, else 0 and two
unsigned 16-bit integers). So a key frame of a built-in codec at 256x256 costs 4 bytes. ``docs/decisions/0020-packet-format.md``.

A stream with rolling refresh (``rolling.py``) has another version number on every packet. There a packet that codes a band of
the picture anew says the same as a key frame, and one byte more: whether it is the whole picture (1 bit), the number of bands
less 1 (3), a zero (1), and the band (3).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from embodiedcomp_codec.codec import BitstreamError, CodecError, Mode

VERSION, ROLLING_VERSION = 1, 2
MAX_BANDS = 8
SEQUENCE_MODULUS = 1024
MAX_SIDE = 65535

# Numbers on the wire: append only, never renumber.
_CODEC_IDS = {
    "none": 1,
    "jpeg": 2,
    "webp": 3,
    "hevc": 4,
    "av1": 5,
    "png": 6,
    "avif": 7,
    "jpegxl": 8,
    "jpeg2000": 9,
    "jpeg-bare": 10,
    "h264": 11,
    "vp9": 12,
    "vvc": 13,
    "bmshj2018-factorized": 14,
    "bmshj2018-hyperprior": 15,
    "mbt2018-mean": 16,
    "mbt2018": 17,
    "cheng2020-anchor": 18,
    "cheng2020-attn": 19,
    "jpegxl16": 20,
}
_CODEC_NAMES = {number: name for name, number in _CODEC_IDS.items()}
_SIZES = (
    (256, 256),
    (224, 224),
    (320, 240),
    (424, 240),
    (640, 360),
    (640, 480),
    (848, 480),
    (960, 540),
    (1280, 720),
    (1280, 800),
    (1920, 1080),
    (3840, 2160),
    (128, 128),
    (512, 512),
)
_SIZE_CODES = {size: code for code, size in enumerate(_SIZES, start=1)}


@dataclass(frozen=True)
class KeyInfo:
    """What a key frame adds: the codec's name and mode, and the source frame's width and height in pixels."""

    codec: str
    mode: Mode
    width: int
    height: int


@dataclass(frozen=True)
class Wave:
    """What a packet of a rolling stream codes anew: one of ``bands`` bands from above, or all of them (None)."""

    bands: int
    band: int | None


@dataclass(frozen=True)
class Header:
    """One packet's header. ``downsample`` n means that n/8 of each source side was coded; ``info`` is None off key frames.

    ``rolling``: of a stream with rolling refresh, where ``info`` comes with ``wave`` whenever anything is coded anew.
    """

    sequence: int
    downsample: int
    info: KeyInfo | None
    rolling: bool = False
    wave: Wave | None = None

    @property
    def key(self) -> bool:
        """Whether a decoder can start at this packet, and has a whole picture."""
        return self.info is not None and (self.wave is None or self.wave.band is None)


def pack(header: Header) -> bytes:
    """Return the header's bytes. Raises CodecError on a field out of range."""
    if not 0 <= header.sequence < SEQUENCE_MODULUS:
        raise CodecError(f"sequence {header.sequence} is outside 0 to {SEQUENCE_MODULUS - 1}")
    if not 1 <= header.downsample <= 8:
        raise CodecError(f"downsample {header.downsample} is outside 1 to 8")
    if (header.wave is not None) != (header.rolling and header.info is not None):
        raise CodecError(
            "a header says what is coded anew where, and only where, a rolling stream codes something anew"
        )
    version = ROLLING_VERSION if header.rolling else VERSION
    word = version << 14 | int(header.info is not None) << 13 | (header.downsample - 1) << 10 | header.sequence
    head = word.to_bytes(2, "big")
    if header.info is None:
        return head
    head += _pack_info(header.info)
    return head if header.wave is None else head + _pack_wave(header.wave, header.info.mode)


def unpack(packet: bytes, max_pixels: int) -> tuple[Header, bytes]:
    """Split a packet into its header and the bitstream. Raises BitstreamError on anything that no encoder of ours wrote.

    ``max_pixels`` bounds width x height, before anything is allocated for them.
    """
    if len(packet) < 2:
        raise BitstreamError(f"a packet of {len(packet)} bytes is shorter than its header")
    word = int.from_bytes(packet[:2], "big")
    if word >> 14 not in (VERSION, ROLLING_VERSION):
        raise BitstreamError(f"packet version {word >> 14} is neither {VERSION} nor {ROLLING_VERSION}")
    rolling = word >> 14 == ROLLING_VERSION
    sequence, downsample = word % SEQUENCE_MODULUS, (word >> 10 & 7) + 1
    if not word >> 13 & 1:
        return Header(sequence, downsample, None, rolling), packet[2:]
    info, end = _unpack_info(packet)
    if info.width * info.height > max_pixels:
        raise BitstreamError(f"a frame of {info.width}x{info.height} exceeds max_pixels {max_pixels}")
    if not rolling:
        return Header(sequence, downsample, info), packet[end:]
    return Header(sequence, downsample, info, True, _unpack_wave(packet[end : end + 1], info.mode)), packet[end + 1 :]


def sequence_follows(sequence: int, last: int) -> bool:
    """Whether ``sequence`` is the one right after ``last``."""
    return sequence == (last + 1) % SEQUENCE_MODULUS


def _pack_info(info: KeyInfo) -> bytes:
    if info.mode not in ("intra", "inter"):
        raise CodecError(f"mode {info.mode!r} is none of intra, inter")
    if not (1 <= info.width <= MAX_SIDE and 1 <= info.height <= MAX_SIDE):
        raise CodecError(f"size {info.width}x{info.height} is outside 1x1 to {MAX_SIDE}x{MAX_SIDE}")
    number = _CODEC_IDS.get(info.codec, 0)
    out = bytes([(info.mode == "inter") << 7 | number])
    if number == 0:
        name = info.codec.encode("ascii", errors="replace")
        if not 1 <= len(name) <= 255 or not info.codec.isascii() or not info.codec.isprintable():
            raise CodecError(f"codec name {info.codec!r} is not 1 to 255 printable ASCII characters")
        out += bytes([len(name)]) + name
    code = _SIZE_CODES.get((info.width, info.height), 0)
    out += bytes([code])
    return out if code else out + struct.pack(">HH", info.width, info.height)


def _unpack_info(packet: bytes) -> tuple[KeyInfo, int]:
    """Return the key frame's fields and the offset of the bitstream."""
    try:
        number, at = packet[2], 3
        if number & 127:
            codec = _CODEC_NAMES[number & 127]
        else:
            length = packet[at]
            name = packet[at + 1 : at + 1 + length]
            codec, at = name.decode("ascii"), at + 1 + length
            if len(name) != length or not codec or not codec.isprintable() or codec in _CODEC_IDS:
                raise BitstreamError("a key frame's codec name is damaged")
        code, at = packet[at], at + 1
        if code:
            width, height = _SIZES[code - 1]
        else:
            width, height = struct.unpack_from(">HH", packet, at)
            at += 4
            if width == 0 or height == 0 or (width, height) in _SIZE_CODES:
                raise BitstreamError(f"a key frame's size {width}x{height} is damaged")
    except (IndexError, KeyError, UnicodeDecodeError, struct.error) as error:
        raise BitstreamError(f"a key frame's header is damaged: {error!r}") from error
    return KeyInfo(codec, "inter" if number & 128 else "intra", width, height), at


def _pack_wave(wave: Wave, mode: Mode) -> bytes:
    if mode != "inter" or not 1 <= wave.bands <= MAX_BANDS or not 0 <= (wave.band or 0) < wave.bands:
        raise CodecError(f"band {wave.band} of {wave.bands} of an {mode} stream can't be refreshed")
    return bytes([(wave.band is None) << 7 | (wave.bands - 1) << 4 | (wave.band or 0)])


def _unpack_wave(data: bytes, mode: Mode) -> Wave:
    if not data or mode != "inter":
        raise BitstreamError("a rolling stream's header is damaged")
    bands, band = (data[0] >> 4 & 7) + 1, data[0] & 15
    whole = bool(data[0] >> 7)
    if band >= bands or (whole and band):
        raise BitstreamError(f"a rolling stream's header is damaged: band {band} of {bands}")
    return Wave(bands, None if whole else band)
