"""From the lines of finished episodes to ``summary.json`` (design: The commands). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embodiedcomp_eval.outcomes import is_decided, outcome_facts
from embodiedcomp_eval.statistics import wilson
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_eval.trial_config import SCHEMA, TrialConfig

LATENCIES = ("encode", "decode", "policy", "frame_age")


def summarise(
    config: TrialConfig, task: TaskConfig, lines: Sequence[dict[str, Any]], errors: int = 0
) -> dict[str, Any]:
    """Pool the episodes. Rates are pooled over frames (bpp) and simulated time (bit/s); unset values are null.

    errors: attempts that died of the infrastructure; they are no episodes and count apart. Undecided episodes count in
    what was sent, and in no success rate or number of steps.
    """
    decided = [line for line in lines if is_decided(line)]
    successes = sum(line["success"] for line in decided)
    payload = sum(line["payload_bytes"] for line in lines)
    wire = sum(line["wire_bytes"] for line in lines)
    pixels = sum(line["pixels"] for line in lines)
    duration = sum(line["duration"] for line in lines)
    low, high = wilson(successes, len(decided))
    steps = [line["steps"] if line["success"] else task.horizon for line in decided]
    options = config.to_mapping()
    return {
        "schema": SCHEMA,
        **{key: options[key] for key in ("codec", "mode", "target_bpp", "target_bitrate", "policy")},
        "task": task.name,
        **{key: options[key] for key in ("link", "send")},
        "replan_period": task.replan_period,
        **{key: options[key] for key in ("sensor", "grey", "timing", "transport")},
        "seeds": [line["seed"] for line in lines],
        "episodes": len(lines),
        "infrastructure_errors": errors,
        "successes": successes,
        "success_rate": successes / len(decided) if decided else None,
        "success_rate_ci95": [low, high],
        "mean_steps": _mean(steps),
        "mean_steps_success": _mean([line["steps"] for line in lines if line["success"]]),
        "mean_path_length": _mean([line["path_length"] for line in lines]),
        "mean_jerk": _mean([line["jerk"] for line in lines]),
        "frames_sent": sum(line["frames_sent"] for line in lines),
        "frames_lost": sum(line["frames_lost"] for line in lines),
        "frames_after_end": sum(line.get("frames_after_end", 0) for line in lines),
        "frames_at_floor": sum(line["frames_at_floor"] for line in lines),
        "frames_at_ceiling": sum(line["frames_at_ceiling"] for line in lines),
        # Lines of earlier versions don't have the guard's keys.
        "guard_refusals": sum(line.get("guard_refusals", 0) for line in lines),
        "guard_last_reason": next((r for line in reversed(lines) if (r := line.get("guard_last_reason"))), None),
        "payload_bytes": payload,
        "payload_bpp": 8 * payload / pixels if pixels else None,
        "wire_bytes": wire,
        "wire_bpp": 8 * wire / pixels if pixels else None,
        "wire_source": "modelled",
        "bits_per_second": 8 * payload / duration if duration else None,
        "bits_per_episode": 8 * payload / len(lines) if lines else None,
        "latency_ms": {name: _percentiles(name, lines) for name in LATENCIES},
        "wall_seconds": sum(line["wall"]["wall_seconds"] for line in lines),
        **outcome_facts(lines),
    }


def success_facts(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What tables say of at least one episode; unlike in ``summarise``, a failure counts the steps that it made."""
    won = sum(bool(line["success"]) for line in lines)
    return {
        "episodes": len(lines),
        "successes": won,
        "success_rate": won / len(lines),
        "ci95": list(wilson(won, len(lines))),
        "mean_steps": sum(line["steps"] for line in lines) / len(lines),
    }


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _percentiles(name: str, lines: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    values = [value for line in lines for value in line["wall"]["latency_ms"][name]]
    if not values:
        return {"p50": None, "p95": None}
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}
