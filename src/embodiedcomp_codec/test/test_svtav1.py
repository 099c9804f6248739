"""What SVT-AV1 does beside coding."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from embodiedcomp_codec.codec import CodecError, Coded, Image
from embodiedcomp_codec.codecs import svtav1
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_codec.time_limit import StalledError

SCHEDULING = """
import os, pathlib
import numpy as np
from embodiedcomp_codec.registry import get_codec
before = os.sched_getscheduler(0)
encoder = get_codec("av1").encoder(64, 64, "inter")
encoder.encode(np.zeros((64, 64, 3), dtype=np.uint8), 0.5, True)
threads = [int(entry.name) for entry in pathlib.Path("/proc/self/task").iterdir()]
assert len(threads) > 1
assert {os.sched_getscheduler(thread) for thread in threads} == {before}
"""


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="scheduling classes are Linux's")
def test_no_thread_is_left_with_real_time_priority() -> None:
    """Run by root, the library gives itself and its caller the highest real-time priority there is. In a process of its
    own: threads of other tests come and go."""
    run = subprocess.run([sys.executable, "-c", SCHEDULING], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_small_pictures_are_padded_to_what_the_library_survives() -> None:
    """SVT-AV1 4.1 stops for ever, after some thousand pictures of 32x32, and there is no time-out to its C function."""
    packet = get_codec("av1").encoder(32, 24, "inter").encode(np.full((24, 32, 3), 90, dtype=np.uint8), 0.5, True)
    decoder = av.CodecContext.create("libdav1d", "r")
    decoder.options, decoder.thread_count = {}, 1
    pictures = [*decoder.decode(av.Packet(packet.data)), *decoder.decode(None)]
    assert [(picture.width, picture.height) for picture in pictures] == [(64, 64)]
    assert get_codec("av1").decoder("inter").decode(packet.data, True, 32, 24).shape == (24, 32, 3)


class Stopping:
    """The library, of which one function waits for ever at the calls named."""

    def __init__(self, library: Any, stops: set[int], function: str = "svt_av1_enc_get_packet") -> None:
        self._library, self._stops, self._function, self._calls = library, stops, function, 0

    def __getattr__(self, name: str) -> Any:
        return self._stopping if name == self._function else getattr(self._library, name)

    def _stopping(self, *arguments: Any) -> int:
        """The library's own, or no return."""
        self._calls += 1
        if self._calls in self._stops:
            threading.Event().wait()
        return int(getattr(self._library, self._function)(*arguments))


def pictures(count: int) -> list[Image]:
    rng = np.random.default_rng(5)
    base = rng.integers(0, 255, (8, 8, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    return [np.ascontiguousarray(np.roll(base, 3 * k, axis=1)) for k in range(count)]


@pytest.mark.parametrize("kept", [svtav1._KEPT_BYTES, 0])
@pytest.mark.parametrize("function", ["svt_av1_enc_get_packet", "svt_av1_enc_send_picture"])
def test_an_encoder_that_stops_is_replaced(monkeypatch: pytest.MonkeyPatch, kept: int, function: str) -> None:
    """With the same bytes as if nothing had been; or, where too much would have to be kept, from a key frame on."""
    whole = get_codec("av1").encoder(64, 64, "inter")
    expected = [whole.encode(picture, 0.5, k == 0) for k, picture in enumerate(pictures(4))]
    monkeypatch.setattr(svtav1, "_PACKET_TIMEOUT", 20.0)
    monkeypatch.setattr(svtav1, "_KEPT_BYTES", kept)
    encoder = get_codec("av1").encoder(64, 64, "inter")
    monkeypatch.setattr(encoder, "_library", Stopping(svtav1._library(), {3}, function))
    began = time.monotonic()
    coded = [encoder.encode(picture, 0.5, k == 0) for k, picture in enumerate(pictures(4))]
    if Path("/proc/self/schedstat").exists():
        assert time.monotonic() - began < 15.0, "that its threads sleep is seen"
    if kept:
        assert coded == expected
    else:
        assert [picture.key for picture in coded] == [True, False, True, False]
    decoder = get_codec("av1").decoder("inter")
    for picture in coded:
        assert decoder.decode(picture.data, picture.key, 64, 64).shape == (64, 64, 3)


def test_encoders_that_all_stop_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svtav1, "_PACKET_TIMEOUT", 0.05)
    encoder = get_codec("av1").encoder(64, 64, "inter")
    monkeypatch.setattr(encoder, "_library", Stopping(svtav1._library(), set(range(100))))
    with pytest.raises(CodecError, match="gave no packet"):
        encoder.encode(pictures(1)[0], 0.5, True)


def test_a_stream_decodes_though_encoders_stop_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stops twice begins anew with a key frame; in a replay of a group that must not pass for the stream's."""
    chance, receive = random.Random(1), svtav1._SvtEncoder._receive
    stops = 0

    def sometimes(encoder: svtav1._SvtEncoder, picture: svtav1._Picture, points_to: object) -> Coded:
        nonlocal stops
        coded = receive(encoder, picture, points_to)
        if chance.random() < 0.05:
            stops += 1
            raise StalledError("stopped")
        return coded

    monkeypatch.setattr(svtav1._SvtEncoder, "_receive", sometimes)
    encoder, decoder = EncoderStream(StreamConfig("av1", target_bpp=0.4, frame_period=0.1)), DecoderStream()
    for number, frame in enumerate(panning(80, 64, 96)):
        received = decoder.decode(encoder.encode(frame, number * 100_000_000).packet)
        assert received.image is not None, (number, received.reason)
    assert stops > 20
