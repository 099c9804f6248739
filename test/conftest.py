"""Fixtures of the cross-package tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parent / "toy_plugins"


@pytest.fixture
def toy_task(monkeypatch: pytest.MonkeyPatch) -> str:
    """Path of a task that takes no time; its plug-ins are found here and in every process started from here."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(PLUGINS), os.environ.get("PYTHONPATH", "")])))
    return str(PLUGINS / "toy_lift.yaml")
