"""What several tests of the evaluation use."""

from __future__ import annotations

import pytest
import torch  # noqa: F401 (before any test module loads a renderer: the other way round they crash)

from embodiedcomp_eval.task import TaskConfig


@pytest.fixture
def small_task() -> TaskConfig:
    """Two cameras of 16x16, 10 Hz, 20 steps, a query every 5."""
    return TaskConfig(
        name="small", simulator="toy", robot="ur5e", cameras=("a", "b"), width=16, height=16, control_hz=10.0, horizon=20,
        settle_steps=0, replan_period=5, lift_height=0.12, prompt="lift",
    )  # fmt: skip
