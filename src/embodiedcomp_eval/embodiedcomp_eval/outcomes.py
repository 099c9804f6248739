"""How an episode's line says how it ended: by ground truth, or by a judge who may not have known. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from embodiedcomp_eval.judging import FAILURE, GROUND_TRUTH, SUCCESS, UNDECIDED


def is_decided(line: Mapping[str, Any]) -> bool:
    """Whether the episode counts in a success rate."""
    return line["success"] is not None


def outcome_of(line: Mapping[str, Any]) -> str:
    """success, failure or undecided."""
    if not is_decided(line):
        return UNDECIDED
    return SUCCESS if line["success"] else FAILURE


def outcome_fields(line: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``TrialResult`` that tell it."""
    return {
        "success": bool(line["success"]),
        "outcome": outcome_of(line),
        "decided_by": line.get("decided_by", GROUND_TRUTH),
        "reason": line.get("reason", ""),
    }


def outcome_facts(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a summary adds where judges decided: nothing for simulated episodes.

    success_rate_bounds: were all undecided ones failures, or all successes.
    """
    if not any("outcome" in line for line in lines):
        return {}
    doubtful = [line for line in lines if not is_decided(line)]
    won = sum(bool(line["success"]) for line in lines)
    return {
        "undecided": len(doubtful),
        "undecided_episodes": [
            {"episode": line["episode"], "seed": line["seed"], "reason": line["reason"]} for line in doubtful
        ],
        "success_rate_bounds": [won / len(lines), (won + len(doubtful)) / len(lines)],
        "decided_by": dict(Counter(line["decided_by"] for line in lines if is_decided(line))),
    }
