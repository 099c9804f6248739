"""HEVC, H.264, VP9 and VVC through PyAV, low delay: one frame in, one packet out, each from the frame before or alone.

An open FFmpeg encoder ignores a new bit rate or quality, but all three obey a region of interest: FFmpeg's ``addroi`` filter
marks the whole frame with a quantiser offset, so every frame gets its own quantiser and no key frame is spent on it. The upper
rows may get the next finer quantiser: steps between the steps. See ``docs/decisions/0021-rate-control.md``.
"""

from __future__ import annotations

import itertools
import re
import threading
from dataclasses import dataclass
from fractions import Fraction

import av
import av.error
import av.filter
from av.video.frame import PictureType

from embodiedcomp_codec.codec import CodecError, Coded, Decoder, Encoder, Image, Mode
from embodiedcomp_codec.codecs.video_decoder import AvDecoder, check_sum
from embodiedcomp_codec.codecs.yuv import MINIMUM, ToYuv, coded_size

_TIME_BASE = Fraction(1, 10)  # only counts frames: the stamps travel in the message
_NEVER = 1 << 30
_GRAPHS = 512
_START_CODE = re.compile(b"\x00?\x00\x00\x01")  # of a unit in a byte stream; no unit has these bytes within
_SEI = 6  # H.264's type of a unit with supplemental remarks

_X265 = (
    "aq-mode=1:aq-strength=0.01:bframes=0:rc-lookahead=0:scenecut=0:keyint=-1:cutree=0:ref=1:ipratio=1:frame-threads=1:"
    "pools=none:no-wpp=1:info=0:aud=0:repeat-headers=1:hash=0:hrd=0:log-level=none:crf={q}:ctu={block}"
)
_BLOCKS = (64, 32, 16)  # pixels a side
_X265_SMALLEST = 24
_X264 = "aq-mode=1:aq-strength=0.02:scenecut=0:keyint=infinite:ipratio=1:qcomp=1:sliced-threads=0:repeat-headers=1"


@dataclass(frozen=True)
class AvCodec:
    """One of FFmpeg's encoders with its decoder. ``span`` is what a region offset of 1 adds to the quantiser.

    ``checked`` appends one byte of check sum, where the format itself can't tell a truncated picture from a whole one.
    The quantiser runs from ``coarsest`` to ``finest`` around the one that the encoder was opened with, each in ``bands`` steps:
    between two quantisers, a growing share of the rows from the top has one that is ``reach`` finer.
    ``smallest``: side in pixels to which smaller pictures are padded.
    ``effort``: what a frame costs in time, beside one of x264: at camera pace fewer are tried again.
    ``parallel``: encoders of their own may run in threads of their own; these libraries work without Python's lock.
    """

    name: str
    library: str
    decoder_name: str
    coarsest: int
    finest: int
    span: float
    options: tuple[tuple[str, str], ...]
    modes: tuple[Mode, ...] = ("inter", "intra")
    lossless: bool = False
    checked: bool = False
    bands: int = 1
    reach: int = 1
    parallel: bool = True
    smallest: int = MINIMUM
    effort: float = 1.0
    rhythm: int = 1

    @property
    def levels(self) -> int:
        """Distinct quality steps."""
        return (self.coarsest - self.finest) * self.bands + 1

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """A fresh encoder. Raises CodecError where this FFmpeg lacks the library."""
        try:
            av.Codec(self.library, "w")
        except ValueError as error:
            raise CodecError(f"{self.name}: this FFmpeg has no encoder {self.library}; only decoding works") from error
        return _AvEncoder(self, width, height, mode)

    def decoder(self, mode: Mode) -> Decoder:
        """A fresh decoder."""
        return AvDecoder(self.decoder_name, self.checked, self.smallest)


class _AvEncoder:
    def __init__(self, codec: AvCodec, width: int, height: int, mode: Mode) -> None:
        self._codec = codec
        self._intra = mode == "intra"
        self._width, self._height = coded_size(width, height, codec.smallest)
        self._yuv = ToYuv(codec.smallest)
        self._context: av.VideoCodecContext | None = None
        self._base = 0
        self._count = 0

    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        codec = self._codec
        whole, finer = divmod(round(quality * (codec.levels - 1)), codec.bands)
        quantiser = codec.coarsest - whole
        if self._context is None or self._intra:
            # A frame alone needs no offset: an encoder of its own, at its own quantiser, depends on nothing before.
            self._context, self._base, key = self._open(quantiser), quantiser, True
        frame = self._marked(self._yuv.frame(image), quantiser - self._base, finer)
        frame.pict_type = PictureType.I if key else PictureType.NONE
        frame.pts = self._count
        frame.time_base = _TIME_BASE
        self._count += 1
        try:
            packets = self._context.encode(frame)
        except av.error.FFmpegError as error:
            raise CodecError(f"{codec.name}: {codec.library} refused a frame: {error}") from error
        if len(packets) != 1:
            raise CodecError(f"{codec.name}: {codec.library} gave {len(packets)} packets for one frame")
        data = _without_sei(bytes(packets[0])) if codec.library == "libx264" else bytes(packets[0])
        return Coded(data + check_sum(data) if codec.checked else data, packets[0].is_keyframe)

    def _open(self, quantiser: int) -> av.VideoCodecContext:
        codec = self._codec
        context = av.CodecContext.create(codec.library, "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height = self._width, self._height
        context.pix_fmt = "yuv420p"
        context.time_base, context.framerate = _TIME_BASE, 1 / _TIME_BASE
        context.thread_count = 1
        context.max_b_frames = 0
        context.gop_size = _NEVER
        context.bit_rate = 0
        block = _block(self._width, self._height)
        context.options = {name: value.format(q=quantiser, block=block) for name, value in codec.options}
        try:
            context.open()
        except av.error.FFmpegError as error:
            raise CodecError(f"{codec.name}: {codec.library} refused {self._width}x{self._height}: {error}") from error
        return context

    def _marked(self, frame: av.VideoFrame, offset: int, finer: int) -> av.VideoFrame:
        """The frame with the quantiser offset as its region of interest, lower by ``reach`` in its upper rows.

        An offset of 0 is marked too: x265 crashes when frames with and without regions alternate.
        """
        codec = self._codec
        rows = self._height * finer // (codec.bands * codec.reach)
        try:
            graph = _LOCAL.graph(
                self._width, self._height, offset / codec.span, (offset - codec.reach) / codec.span, rows
            )
            graph.push(frame)
            marked = graph.pull()
        except (av.error.FFmpegError, ValueError) as error:
            raise CodecError(f"{codec.name}: FFmpeg's filter addroi refused a frame: {error}") from error
        assert isinstance(marked, av.VideoFrame)
        return marked


def _block(width: int, height: int) -> int:
    """The largest block of HEVC for a picture: no larger than it, and never exactly as wide or as high.

    There x265 reads memory that it never wrote, and the bitstream differs from run to run.
    """
    return next((side for side in _BLOCKS if side < min(width, height)), _BLOCKS[-1])


def _without_sei(data: bytes) -> bytes:
    """H.264 without its remarks: x264 writes 600 bytes about itself into every key frame, and can't be told not to."""
    starts = [found.start() for found in _START_CODE.finditer(data)] + [len(data)]
    units = [data[start:end] for start, end in itertools.pairwise(starts)]
    return b"".join(unit for unit in units if unit[unit.index(1) + 1] & 31 != _SEI)


class _Graphs(threading.local):
    """The filter graphs of one thread: they keep nothing of the frames that went through, so that encoders share them."""

    def __init__(self) -> None:
        self._graphs: dict[tuple[int, int, float, float, int], av.filter.Graph] = {}

    def graph(self, width: int, height: int, offset: float, upper: float, rows: int) -> av.filter.Graph:
        """The graph that marks the first ``rows`` rows of frames of one size with ``upper``, the others with ``offset``.

        The oldest goes where there are too many.
        """
        key = (width, height, offset, upper, rows)
        graph = self._graphs.get(key)
        if graph is None:
            if len(self._graphs) >= _GRAPHS:
                del self._graphs[next(iter(self._graphs))]
            graph = self._graphs[key] = _roi_graph(*key)
        return graph


_LOCAL = _Graphs()


def _roi_graph(width: int, height: int, offset: float, upper: float, rows: int) -> av.filter.Graph:
    graph = av.filter.Graph()
    # FFmpeg starts a thread pool for every graph by default: with a graph per replay it cost more than the coding.
    graph.threads = 1
    last = graph.add_buffer(width=width, height=height, format="yuv420p", time_base=_TIME_BASE)
    regions = [f"x=0:y=0:w=iw:h=ih:clear={0 if rows else 1}:qoffset={offset:.6f}"]
    if rows:
        # Where regions overlap the first counts.
        regions.insert(0, f"x=0:y=0:w=iw:h={rows}:clear=1:qoffset={upper:.6f}")
    for region in regions:
        step = graph.add("addroi", region)
        last.link_to(step)
        last = step
    sink = graph.add("buffersink")
    last.link_to(sink)
    graph.configure()
    return graph


HEVC = AvCodec(
    "hevc",
    "libx265",
    "hevc",
    51,
    4,
    51.0,
    (("preset", "veryfast"), ("forced-idr", "1"), ("x265-params", _X265)),
    bands=4,
    smallest=_X265_SMALLEST,
    effort=4.0,
)
H264 = AvCodec(
    "h264",
    "libx264",
    "h264",
    51,
    4,
    51.0,
    (
        ("preset", "veryfast"),
        ("tune", "zerolatency"),
        ("forced-idr", "1"),
        ("crf", "{q}"),
        ("aq-mode", "1"),
        ("x264-params", _X264),
    ),
    bands=4,
    reach=2,  # x264 gives a block its neighbour's quantiser where the two differ by one
)
VP9 = AvCodec(
    "vp9",
    "libvpx-vp9",
    "vp9",
    63,
    2,
    63.0,
    (
        ("deadline", "realtime"),
        ("cpu-used", "5"),
        ("lag-in-frames", "0"),
        ("aq-mode", "0"),
        ("crf", "{q}"),
        ("auto-alt-ref", "0"),
        ("row-mt", "0"),
        ("tile-columns", "0"),
    ),
    checked=True,
    rhythm=8,  # at constant quality libvpx makes every 8th, 4th and 2nd frame finer
)
VVC = AvCodec(
    "vvc", "libvvenc", "vvc", 63, 10, 63.0, (("preset", "faster"), ("qp", "{q}"), ("period", "1")), modes=("intra",)
)
