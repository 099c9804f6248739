"""AV1: encoded by the SVT-AV1 library that PyAV ships, decoded by dav1d through PyAV.

PyAV's own encoder object can't change the quantiser while open, and reopening it costs a key frame. SVT-AV1 can: with
``use-q-file`` it takes the quantiser of every picture from the picture's header. So its C interface is called directly: five
functions, three small structures, all settings by name. See ``docs/decisions/0021-rate-control.md``.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import functools
import os
import pathlib
import queue
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.codec import CodecError, Coded, Decoder, Encoder, Image, Mode
from embodiedcomp_codec.codecs.video_decoder import AvDecoder
from embodiedcomp_codec.codecs.yuv import ToYuv, coded_size
from embodiedcomp_codec.time_limit import StalledError, within

COARSEST_QP = 63
FINEST_QP = 1  # 0 would switch to lossless coding
_API_MAJOR = 4
_CONFIGURATION_BYTES = 1 << 16  # EbSvtAv1EncConfiguration is about 1.5 kB; it is only ever passed through
_KEY_PICTURE, _AUTOMATIC_PICTURE = 3, 0xFF
_END_OF_STREAM = 1
_SMALLEST = 64  # pixels of a side: on pictures of 32x32 SVT-AV1 4.1 stops soon
_TEMPORAL_DELIMITER = b"\x12\x00"
_PACKET_TIMEOUT = (
    10.0  # s; now and then, on a busy machine, SVT-AV1 4.1 loses a picture: its threads wait, and get_packet with them
)
_ATTEMPTS = 3  # to replace an encoder that stopped, each of which may stop too
_KEPT_BYTES = 1 << 25  # of pictures, with which a stopped encoder is replaced by one in the same state
_SETTINGS = {
    "preset": 8,
    "rtc": 1,
    "rc": 0,
    "use-q-file": 1,
    "pred-struct": 1,
    "hierarchical-levels": 0,
    "lookahead": 0,
    "scd": 0,
    "enable-tf": 0,
    "aq-mode": 0,
    "keyint": -1,
    "lp": 1,
    "fps-num": 10,
    "fps-denom": 1,
}


class _Picture(ctypes.Structure):
    """EbBufferHeaderType of SVT-AV1 4."""

    _fields_ = [
        ("size", ctypes.c_uint32),
        ("buffer", ctypes.c_void_p),
        ("filled", ctypes.c_uint32),
        ("allocated", ctypes.c_uint32),
        ("private", ctypes.c_void_p),
        ("wrapper", ctypes.c_void_p),
        ("tick", ctypes.c_uint32),
        ("dts", ctypes.c_int64),
        ("pts", ctypes.c_int64),
        ("temporal_layer", ctypes.c_uint8),
        ("qp", ctypes.c_uint32),
        ("average_qp", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("luma_sse", ctypes.c_uint64),
        ("cr_sse", ctypes.c_uint64),
        ("cb_sse", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("luma_ssim", ctypes.c_double),
        ("cr_ssim", ctypes.c_double),
        ("cb_ssim", ctypes.c_double),
        ("metadata", ctypes.c_void_p),
    ]


class _Planes(ctypes.Structure):
    """EbSvtIOFormat of SVT-AV1 4."""

    _fields_ = [
        ("luma", ctypes.c_void_p),
        ("cb", ctypes.c_void_p),
        ("cr", ctypes.c_void_p),
        ("luma_stride", ctypes.c_uint32),
        ("cr_stride", ctypes.c_uint32),
        ("cb_stride", ctypes.c_uint32),
    ]


class SvtAv1Codec:
    """AV1, low delay: every frame from the one before, or every frame alone."""

    name = "av1"
    modes: tuple[Mode, ...] = ("inter", "intra")
    lossless = False
    levels = COARSEST_QP - FINEST_QP + 1

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """A fresh SVT-AV1 encoder. Raises CodecError where PyAV comes without SVT-AV1 4."""
        return _SvtEncoder(width, height, mode)

    def decoder(self, mode: Mode) -> Decoder:
        """A fresh dav1d decoder."""
        return AvDecoder("libdav1d", smallest=_SMALLEST)


class _SvtEncoder:
    """Keeps what it was given, so that an encoder that stops in mid-stream is replaced by a fresh one in the same state."""

    def __init__(self, width: int, height: int, mode: Mode) -> None:
        self._library = _library()
        self._intra = mode == "intra"
        self._width, self._height = coded_size(width, height, _SMALLEST)
        self._yuv = ToYuv(_SMALLEST)
        self._open()

    def _open(self) -> None:
        self._count = 0
        self._given: list[_Given] | None = []
        self._handle = ctypes.c_void_p()
        configuration = ctypes.create_string_buffer(_CONFIGURATION_BYTES)
        before = _threads()
        with _usual_scheduling():
            _check("init_handle", self._library.svt_av1_enc_init_handle(ctypes.byref(self._handle), configuration))
            self._close = weakref.finalize(self, _to_close().put, (self._library, self._handle))
            self._close.atexit = False  # the process takes its threads with it, whatever they are in the middle of
            for name, value in {"width": self._width, "height": self._height, **_SETTINGS}.items():
                status = self._library.svt_av1_enc_parse_parameter(configuration, name.encode(), str(value).encode())
                _check(f"parameter {name}={value}", status)
            _check("set_parameter", self._library.svt_av1_enc_set_parameter(self._handle, configuration))
            _check("init", self._library.svt_av1_enc_init(self._handle))
        self._threads = _threads() - before

    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        qp = round(COARSEST_QP + quality * (FINEST_QP - COARSEST_QP))
        given = _Given(self._yuv.planes(image), qp, key or self._intra or self._count == 0)
        try:
            return self._code(given)
        except StalledError:
            return self._recover(given)

    def _recover(self, given: _Given) -> Coded:
        """Code the picture in a fresh encoder: after all since the key, which gives the same bytes, else as a key itself."""
        alone = [_Given(given.planes, given.qp, True)]
        before = [] if given.key else self._given
        again = [] if before is None else [[*before, given]] * _ATTEMPTS
        for pictures in (*again, *[alone] * _ATTEMPTS):
            self._open()
            with contextlib.suppress(StalledError):
                return [self._code(picture) for picture in pictures][-1]
        raise CodecError(f"av1: SVT-AV1 gave no packet, {2 * _ATTEMPTS} times and more")

    def _code(self, given: _Given) -> Coded:
        start, luma = given.planes.ctypes.data, self._width * self._height
        layout = _Planes(start, start + luma, start + luma * 5 // 4, self._width, self._width // 2, self._width // 2)
        picture = _Picture(
            size=ctypes.sizeof(_Picture),
            buffer=ctypes.addressof(layout),
            filled=given.planes.nbytes,
            allocated=given.planes.nbytes,
            pts=self._count,
            qp=given.qp,
            type=_KEY_PICTURE if given.key else _AUTOMATIC_PICTURE,
        )
        self._count += 1
        coded = self._receive(picture, (layout, given))
        if given.key:
            self._given = []  # from here on a fresh encoder gives the same bytes
        if self._given is not None:
            self._given.append(given)
            if len(self._given) * given.planes.nbytes > _KEPT_BYTES:
                self._given = None
        return coded

    def _receive(self, picture: _Picture, points_to: object) -> Coded:
        """Send a picture and wait: in low delay each gives one packet, coded on SVT-AV1's own threads.

        Either may wait for ever, and what ``picture`` points to must last as long.
        """
        library, handle = self._library, self._handle
        asleep = _Asleep(self._threads)

        def wait(_: object = points_to) -> ctypes._Pointer[_Picture]:
            asleep.caller = threading.get_native_id()
            _check("send_picture", library.svt_av1_enc_send_picture(handle, ctypes.byref(picture)))
            out = ctypes.POINTER(_Picture)()
            while library.svt_av1_enc_get_packet(handle, ctypes.byref(out), 0) != 0:
                os.sched_yield()
            return out

        try:
            out = within(_PACKET_TIMEOUT, wait, asleep)
        except BaseException:  # Ctrl-C too: it still holds the picture, and closing it would wait for that one
            self._close.detach()
            raise
        data = ctypes.string_at(out.contents.buffer, out.contents.filled)
        key = out.contents.type == _KEY_PICTURE
        self._library.svt_av1_enc_release_out_buffer(ctypes.byref(out))
        # The message frames the packet, so the delimiter says nothing.
        return Coded(data.removeprefix(_TEMPORAL_DELIMITER), key)


class _Asleep:
    """Whether an encoder's threads and their caller wait for each other for ever: none ran between two looks, none wants to.

    On Linux; elsewhere it never says so. What they hold is lost: to close such an encoder waits for ever too.
    """

    def __init__(self, threads: set[int]) -> None:
        self._threads = threads
        self.caller: int | None = None
        self._last: list[tuple[str, str]] | None = None

    def __call__(self) -> bool:
        """Another look."""
        if self.caller is None:
            return False
        try:
            looks = [_state(thread) for thread in (self.caller, *self._threads)]
        except (OSError, IndexError):
            return False
        before, self._last = self._last, looks
        return looks == before and all(state == "S" for state, _ in looks)


def _state(thread: int) -> tuple[str, str]:
    """A thread's state, ``S`` where it waits, and how long it has run."""
    folder = pathlib.Path(f"/proc/self/task/{thread}")
    return (folder / "stat").read_text().rpartition(")")[2].split()[0], (folder / "schedstat").read_text().split()[0]


@dataclass(frozen=True)
class _Given:
    """One picture as the library gets it: planes ``(H * 3 / 2, W) uint8`` and quantiser."""

    planes: npt.NDArray[np.uint8]
    qp: int
    key: bool


@contextlib.contextmanager
def _usual_scheduling() -> Iterator[None]:
    """Undo what SVT-AV1 does where it may, as in a container run by root: it makes its caller's thread and its own real-time
    ones of the highest priority, which starve everything else on the machine, and every thread made later inherits it.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, priority, before = os.sched_getscheduler(0), os.sched_getparam(0), _threads()
    try:
        yield
    finally:
        for thread in {0, *(_threads() - before)}:
            with contextlib.suppress(ProcessLookupError):  # it has ended since
                os.sched_setscheduler(thread, policy, priority)


def _threads() -> set[int]:
    try:
        return {int(entry.name) for entry in pathlib.Path("/proc/self/task").iterdir()}
    except OSError:
        return set()


@functools.cache
def _to_close() -> queue.SimpleQueue[tuple[ctypes.CDLL, ctypes.c_void_p]]:
    """Encoders to close, on a thread of its own: closing takes milliseconds, and a Ctrl-C that came while the garbage
    collector waited for it would be lost with the collector's exceptions."""
    handles: queue.SimpleQueue[tuple[ctypes.CDLL, ctypes.c_void_p]] = queue.SimpleQueue()
    threading.Thread(target=_close_each, args=(handles,), name="close av1", daemon=True).start()
    return handles


def _close_each(handles: queue.SimpleQueue[tuple[ctypes.CDLL, ctypes.c_void_p]]) -> None:
    while True:
        library, handle = handles.get()
        end = _Picture(size=ctypes.sizeof(_Picture), flags=_END_OF_STREAM, type=_AUTOMATIC_PICTURE)
        library.svt_av1_enc_send_picture(handle, ctypes.byref(end))
        library.svt_av1_enc_deinit(handle)
        library.svt_av1_enc_deinit_handle(handle)


def _check(what: str, status: int) -> None:
    if status != 0:
        raise CodecError(f"av1: SVT-AV1 refused {what} (error {status & 0xFFFFFFFF:#x})")


@functools.cache
def _library() -> ctypes.CDLL:
    """The SVT-AV1 4 that PyAV brought, else the system's; its interface is not compatible between major versions."""
    os.environ.setdefault("SVT_LOG", "1")
    shipped = pathlib.Path(av.__file__).parent.parent / "av.libs"
    found = [str(path) for path in sorted(shipped.glob(f"libSvtAv1Enc*.so.{_API_MAJOR}*"))]
    for name in (*found, f"libSvtAv1Enc.so.{_API_MAJOR}"):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise CodecError(
        f"av1: no SVT-AV1 {_API_MAJOR} library found beside PyAV {av.__version__} or on the system; install av 18"
    )
