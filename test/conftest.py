"""Fixtures of the cross-package tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from synthetic_results import make_sweep

from embodiedcomp_eval.evaluation import evaluate
from embodiedcomp_eval.report import frames, page
from embodiedcomp_eval.sources import Results, open_results

PLUGINS = Path(__file__).resolve().parent / "toy_plugins"


@pytest.fixture
def toy_task(monkeypatch: pytest.MonkeyPatch) -> str:
    """Path of a task that takes no time; its plug-ins are found here and in every process started from here."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(PLUGINS), os.environ.get("PYTHONPATH", "")])))
    return str(PLUGINS / "toy_lift.yaml")


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Those of a made-up sweep."""
    return open_results([make_sweep(tmp_path_factory.mktemp("synthetic") / "sweep")])


@pytest.fixture(scope="session")
def evaluation(results: Results) -> dict[str, Any]:
    return evaluate(results, draws=200)


@pytest.fixture(scope="session")
def html(results: Results, evaluation: dict[str, Any]) -> str:
    """The report's page of them."""
    folders = {source.name: source.frames for source in results.sources if source.frames is not None}
    return page.make_page("Synthetic <test> data", evaluation, frames.frame_sets(folders, max_frames=3))
