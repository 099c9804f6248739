"""Wait for what changes on a thread of somebody else's, which tells nobody."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PAUSE = 0.005
"""s between two looks."""


def wait_until(condition: Callable[[], Any], what: str, patience: float) -> None:
    """Look until ``condition()`` is true. Raises RuntimeError naming ``what`` after ``patience`` s."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"no {what} within {patience:g} s")
        time.sleep(PAUSE)
