"""What SVT-AV1 does beside coding."""

from __future__ import annotations

import os
import pathlib

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
