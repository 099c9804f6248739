"""Pooling episodes into a summary: by hand-made numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from embodiedcomp_eval.summary import summarise
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_eval.trial_config import TrialConfig


def line(seed: int, success: bool, steps: int, payload: int) -> dict[str, Any]:
    latency = {"encode": [1.0, 3.0], "decode": [], "policy": [10.0], "frame_age": [2.0]}
    return {
        "seed": seed, "success": success, "steps": steps, "payload_bytes": payload, "wire_bytes": 2 * payload,
        "pixels": 1000, "duration": steps / 10, "path_length": 1.0, "jerk": 2.0, "frames_sent": 4, "frames_lost": 1,
        "frames_at_floor": 0, "frames_at_ceiling": 2, "wall": {"wall_seconds": 0.5, "latency_ms": latency},
    }  # fmt: skip


def test_rates_are_pooled_and_failures_count_the_horizon(small_task: TaskConfig) -> None:
    made = summarise(TrialConfig(codec="jpeg"), small_task, [line(1, True, 8, 100), line(2, False, 20, 300)], errors=3)
    assert made["success_rate"] == 0.5 and made["successes"] == 1 and made["episodes"] == 2
    assert made["mean_steps"] == 14 and made["mean_steps_success"] == 8
    assert made["payload_bpp"] == pytest.approx(8 * 400 / 2000) and made["wire_bpp"] == pytest.approx(8 * 800 / 2000)
    assert made["bits_per_second"] == pytest.approx(8 * 400 / 2.8) and made["bits_per_episode"] == 1600
    assert made["latency_ms"]["encode"] == {"p50": 2.0, "p95": 3.0}
    assert made["latency_ms"]["decode"] == {"p50": None, "p95": None}
    low, high = made["success_rate_ci95"]
    assert 0 < low < 0.5 < high < 1
    assert made["infrastructure_errors"] == 3 and made["seeds"] == [1, 2]


def test_refusals_are_added_up_and_the_last_reason_is_kept(small_task: TaskConfig) -> None:
    refusals = [{"guard_refusals": 2, "guard_last_reason": "too old"}, {"guard_refusals": 0, "guard_last_reason": None}]
    lines = [{**line(seed, True, 8, 100), **extra} for seed, extra in enumerate([*refusals, {}])]
    made = summarise(TrialConfig(codec="jpeg"), small_task, lines)
    assert made["guard_refusals"] == 2 and made["guard_last_reason"] == "too old"


def test_it_is_plain_json_even_without_an_episode(small_task: TaskConfig) -> None:
    made = summarise(TrialConfig(codec="jpeg"), small_task, [])
    assert json.loads(json.dumps(made, allow_nan=False))["success_rate"] is None
