"""Calls that come back, fail, or never come back."""

from __future__ import annotations

import threading
import time

import pytest

from embodiedcomp_codec.time_limit import StalledError, within


def test_answers_and_errors_come_through() -> None:
    assert within(10.0, lambda: 3) == 3
    with pytest.raises(KeyError):
        within(10.0, lambda: {}["x"])


def test_one_thread_serves_all_calls_of_a_caller() -> None:
    assert within(10.0, threading.get_ident) == within(10.0, threading.get_ident) != threading.get_ident()


def test_a_call_that_never_returns_is_left_behind() -> None:
    gate = threading.Event()
    with pytest.raises(StalledError, match="0.01 s"):
        within(0.01, gate.wait)
    assert within(10.0, lambda: "next") == "next"
    gate.set()


def test_a_call_known_to_be_dead_is_not_waited_for() -> None:
    gate, began = threading.Event(), time.monotonic()
    looks = iter([False, True])
    with pytest.raises(StalledError):
        within(30.0, gate.wait, lambda: next(looks))
    assert time.monotonic() - began < 10.0
    gate.set()
