"""The libraries alone, as a program would call them that wants nothing but frames coded: what the nodes are timed against.

Same library, same settings, same finest quality as the codec plug-ins without a target; no packets, no messages, no checks.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Protocol

import av
import imagecodecs
import numpy as np
import numpy.typing as npt
import PIL.Image
from av.video.reformatter import VideoReformatter

from embodiedcomp_codec.registry import get_codec

Image = npt.NDArray[np.uint8]


class Bare(Protocol):
    """One stream through a library."""

    def encode(self, image: Image) -> bytes:
        """``(H, W, 3) uint8`` RGB -> a file or packet."""
        ...

    def decode(self, data: bytes) -> Image:
        """The inverse."""
        ...


class BarePillow:
    """A still format of Pillow."""

    def __init__(self, format: str, **options: Any) -> None:
        self._format, self._options = format, options

    def encode(self, image: Image) -> bytes:
        out = io.BytesIO()
        PIL.Image.fromarray(image).save(out, self._format, **self._options)
        return out.getvalue()

    def decode(self, data: bytes) -> Image:
        return np.array(PIL.Image.open(io.BytesIO(data)).convert("RGB"))


class BareImageCodecs:
    """A still format of imagecodecs."""

    def __init__(
        self, encode: Callable[..., bytes | bytearray], decode: Callable[..., Any], *level: float, **options: Any
    ) -> None:
        self._encode, self._decode, self._level, self._options = encode, decode, level, options

    def encode(self, image: Image) -> bytes:
        return bytes(self._encode(image, *self._level, **self._options))

    def decode(self, data: bytes) -> Image:
        return np.asarray(self._decode(data))


class BareAv:
    """A video codec through PyAV: low delay, one thread."""

    def __init__(self, library: str, decoder: str, width: int, height: int, options: Mapping[str, str]) -> None:
        context = av.CodecContext.create(library, "w")
        assert isinstance(context, av.VideoCodecContext), "a video encoder"
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base, context.framerate = Fraction(1, 10), Fraction(10)
        context.thread_count, context.max_b_frames, context.gop_size, context.bit_rate = 1, 0, 1 << 30, 0
        context.options = dict(options)
        context.open()
        self._encoder = context
        self._decoder = _low_delay_decoder(decoder)
        self._to_yuv, self._to_rgb = VideoReformatter(), VideoReformatter()
        self._count = 0

    def encode(self, image: Image) -> bytes:
        frame = self._to_yuv.reformat(av.VideoFrame.from_ndarray(image, format="rgb24"), format="yuv420p", threads=1)
        frame.pts, frame.time_base = self._count, Fraction(1, 10)
        self._count += 1
        return b"".join(bytes(packet) for packet in self._encoder.encode(frame))

    def decode(self, data: bytes) -> Image:
        (frame,) = self._decoder.decode(av.Packet(data))
        return np.asarray(self._to_rgb.reformat(frame, format="rgb24", threads=1).to_ndarray())


class BareSvt:
    """SVT-AV1 as the plug-in calls it: FFmpeg's encoder can't be given a quantiser for every picture. Decoded through PyAV."""

    def __init__(self, width: int, height: int) -> None:
        self._encoder = get_codec("av1").encoder(width, height, "inter")
        self._decoder = _low_delay_decoder("libdav1d")
        self._to_rgb = VideoReformatter()

    def encode(self, image: Image) -> bytes:
        return self._encoder.encode(image, 1.0, False).data

    def decode(self, data: bytes) -> Image:
        (frame,) = self._decoder.decode(av.Packet(data))
        return np.asarray(self._to_rgb.reformat(frame, format="rgb24", threads=1).to_ndarray())


class BareLearned:
    """A learned codec's network alone, with the weights that the plug-in found: strings in and out, no stream around it."""

    def __init__(self, name: str, width: int, height: int) -> None:
        codec = get_codec(name)
        self._width, self._height = width, height
        self._encoder, self._decoder = codec.encoder(width, height, "intra"), codec.decoder("intra")

    def encode(self, image: Image) -> bytes:
        return self._encoder.encode(image, 1.0, True).data

    def decode(self, data: bytes) -> Image:
        return self._decoder.decode(data, True, self._width, self._height)


def _low_delay_decoder(name: str) -> av.VideoCodecContext:
    decoder = av.CodecContext.create(name, "r")
    assert isinstance(decoder, av.VideoCodecContext), "a video decoder"
    decoder.thread_count = 1
    decoder.flags |= av.codec.context.Flags.low_delay
    return decoder


_X264 = "aq-mode=1:aq-strength=0.02:scenecut=0:keyint=infinite:ipratio=1:qcomp=1:sliced-threads=0:repeat-headers=1"
_X265 = (
    "aq-mode=1:aq-strength=0.01:bframes=0:rc-lookahead=0:scenecut=0:keyint=-1:cutree=0:ref=1:ipratio=1:frame-threads=1:"
    "pools=none:no-wpp=1:info=0:aud=0:repeat-headers=1:hash=0:hrd=0:log-level=none:crf=4"
)

_JPEG: dict[str, Any] = {"quality": 98, "subsampling": 2}


class BareJpegTwice(BarePillow):
    """What jpeg-bare asks of Pillow: the frame with the standard Huffman tables and with its own; the shorter is sent."""

    def __init__(self) -> None:
        super().__init__("JPEG", **_JPEG, optimize=True)
        self._standard = BarePillow("JPEG", **_JPEG)

    def encode(self, image: Image) -> bytes:
        return min(self._standard.encode(image), super().encode(image), key=len)


BARE: dict[str, Callable[[int, int], Bare]] = {
    "png": lambda width, height: BarePillow("PNG", compress_level=6),
    "jpeg": lambda width, height: BarePillow("JPEG", **_JPEG, optimize=True),
    "jpeg-bare": lambda width, height: BareJpegTwice(),
    "webp": lambda width, height: BarePillow("WEBP", quality=100, method=4),
    "avif": lambda width, height: BareImageCodecs(
        imagecodecs.avif_encode, imagecodecs.avif_decode, 95, speed=6, pixelformat="420", numthreads=1
    ),
    "jpegxl": lambda width, height: BareImageCodecs(
        imagecodecs.jpegxl_encode, imagecodecs.jpegxl_decode, distance=0.1, effort=5, numthreads=1
    ),
    "jpeg2000": lambda width, height: BareImageCodecs(
        imagecodecs.jpeg2k_encode, imagecodecs.jpeg2k_decode, 55.0, codecformat="j2k", numthreads=1
    ),
    "h264": lambda width, height: BareAv(
        "libx264",
        "h264",
        width,
        height,
        {"preset": "veryfast", "tune": "zerolatency", "crf": "4", "aq-mode": "1", "x264-params": _X264},
    ),
    "hevc": lambda width, height: BareAv(
        "libx265", "hevc", width, height, {"preset": "veryfast", "x265-params": _X265}
    ),
    "av1": BareSvt,
    "bmshj2018-hyperprior": lambda width, height: BareLearned("bmshj2018-hyperprior", width, height),
    "vp9": lambda width, height: BareAv(
        "libvpx-vp9",
        "vp9",
        width,
        height,
        {
            "deadline": "realtime",
            "cpu-used": "5",
            "lag-in-frames": "0",
            "aq-mode": "0",
            "crf": "2",
            "auto-alt-ref": "0",
            "row-mt": "0",
            "tile-columns": "0",
        },
    ),
}
"""By codec plug-in: the library alone for frames of ``(width, height)`` pixels."""
