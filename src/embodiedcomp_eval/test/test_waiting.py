"""Waiting for another thread's doing."""

from __future__ import annotations

import threading

import pytest

from embodiedcomp_eval.waiting import wait_until


def test_it_ends_when_the_condition_holds() -> None:
    done = threading.Event()
    threading.Timer(0.02, done.set).start()
    wait_until(done.is_set, "event", 20.0)
    assert done.is_set()


def test_what_never_comes_is_named() -> None:
    with pytest.raises(RuntimeError, match="no picture within 0.01 s"):
        wait_until(lambda: False, "picture", 0.01)
