"""What SVT-AV1 does beside coding."""

from __future__ import annotations

import os
import pathlib

import av
import numpy as np
import pytest

from embodiedcomp_codec.registry import get_codec


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="scheduling classes are Linux's")
def test_no_thread_is_left_with_real_time_priority() -> None:
    """Run by root, the library gives itself and its caller the highest real-time priority there is."""
    before = os.sched_getscheduler(0)
    encoder = get_codec("av1").encoder(64, 64, "inter")
    encoder.encode(np.zeros((64, 64, 3), dtype=np.uint8), 0.5, True)
    threads = [int(entry.name) for entry in pathlib.Path("/proc/self/task").iterdir()]
    assert len(threads) > 1
    assert {os.sched_getscheduler(thread) for thread in threads} == {before}


def test_small_pictures_are_padded_to_what_the_library_survives() -> None:
    """SVT-AV1 4.1 stops for ever, after some thousand pictures of 32x32, and there is no time-out to its C function."""
    packet = get_codec("av1").encoder(32, 24, "inter").encode(np.full((24, 32, 3), 90, dtype=np.uint8), 0.5, True)
    decoder = av.CodecContext.create("libdav1d", "r")
    decoder.options, decoder.thread_count = {}, 1
    pictures = [*decoder.decode(av.Packet(packet.data)), *decoder.decode(None)]
    assert [(picture.width, picture.height) for picture in pictures] == [(64, 64)]
    assert get_codec("av1").decoder("inter").decode(packet.data, True, 32, 24).shape == (24, 32, 3)
