"""The page on the reference policy: every number on it comes from the evidence, and what is missing is said to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embodiedcomp_eval.policy_page import MEASURE, hundred_of, page, strips

FACTS = {"commit": "abc123", "machine": "linux x86_64", "weights_sha256": {"model.safetensors": "f" * 64}}
NOTHING: dict[str, Any] = dict.fromkeys(MEASURE)


def condition(successes: int, of: int = 40, **more: Any) -> dict[str, Any]:
    return {
        "episodes": of, "successes": successes, "success_rate": successes / of, "ci95": [0.1, 0.9], "mean_steps": 51.5,
        "payload_bpp": 0.0102, "failures": {}, "outcomes": [k < successes for k in range(of)], "strips": {}, **more,
    }  # fmt: skip


def distortion(p_holm: float = 0.9) -> dict[str, Any]:
    step = {"weaker": "clean", "stronger": "blur-1", "gained": 7, "lost": 0, "p": 0.0078, "p_holm": p_holm}
    return {
        "configuration": {"policy": "reference", "seed": 10000, "episodes": 40}, "facts": FACTS, "seconds": 12.0,
        "conditions": {
            "clean": condition(40, strips={"lifted": "lifted.10000.webp"}),
            "blur-1": condition(30, strips={"lifted": "lifted.10001.webp", "slipped": "slipped.10004.webp"}),
            "blur-2": condition(
                9, failures={"slipped": 11, "never reached": 20},
                strips={
                    "lifted": "lifted.10009.webp", "slipped": "slipped.10002.webp",
                    "never-reached": "never-reached.10003.webp",
                },
            ),
        },
        "steps": {"blur": [step]},
    }  # fmt: skip


def test_what_nobody_measured_is_said_to_be_missing() -> None:
    text = page(NOTHING, None, {})
    for bench in MEASURE.values():
        assert f'`make bench ARGS="{bench}"` measures it' in text


def test_distortions_stand_with_their_failures_and_pictures() -> None:
    text = page(NOTHING | {"distortion": distortion()}, None, {})
    assert "| blur-2 | 0.225 (0.100–0.900) | 51.5 | 20 never reached, 11 slipped |" in text
    assert "**none**" in text and "p of 1 steps is 0.008 (clean to blur-1, 7 gained, 0 lost)" in text
    assert "![slipped](policy/slipped-blur-1.webp)" in text and "never reached, blur-2, seed 10003:" in text


def test_further_seeds_of_a_step_stand_alone_and_pooled() -> None:
    def run(weaker: int, stronger: int, of: int) -> dict[str, Any]:
        return {"clean": condition(weaker, of), "blur-1": condition(stronger, of)}

    first = distortion() | {"conditions": run(30, 36, 40)}
    more = {
        "configuration": {"seed": 10040, "episodes": 60}, "facts": FACTS, "conditions": run(45, 50, 60),
        "steps": {"blur": [{"weaker": "clean", "stronger": "blur-1", "gained": 5, "lost": 0, "p": 0.03125}], "jpeg": []},
    }  # fmt: skip
    text = page(NOTHING | {"distortion": first, "distortion_more": more}, None, {})
    assert "seeds of its own (10040–10099; commit abc123" in text
    assert "5 gained, 0 lost, one-sided p 0.031, **significant**" in text
    assert "together: 0.750 to 0.860, 11 gained, 0 lost, uncorrected p 0.000" in text
    more["steps"]["blur"][0]["p"] = 0.2
    assert "**not significant**" in page(NOTHING | {"distortion": first, "distortion_more": more}, None, {})


def test_a_significant_step_up_is_named() -> None:
    assert "**clean to blur-1 (7 gained, 0 lost)**" in page(NOTHING | {"distortion": distortion(0.0078)}, None, {})


def test_two_lifts_and_one_picture_of_each_failure_are_shown() -> None:
    assert strips(distortion()) == {
        "lifted-clean.webp": ("clean", "lifted.10000.webp"),
        "lifted-blur-1.webp": ("blur-1", "lifted.10001.webp"),
        "slipped-blur-1.webp": ("blur-1", "slipped.10004.webp"),
        "never-reached-blur-2.webp": ("blur-2", "never-reached.10003.webp"),
    }


def test_the_robust_rows_say_both_policies() -> None:
    difference = {"difference": 0.25, "low": 0.1, "high": 0.4, "p_value": 0.002}
    evidence = {
        "policy": "reference-robust", "against": "reference", "facts": FACTS, "seed": 10000, "seconds": 9.0,
        "rows": {
            "none": {"reference-robust": condition(39), "reference": condition(40), "difference": difference},
            "av1@0.01": {"reference-robust": condition(20), "reference": condition(10), "difference": difference},
        },
    }  # fmt: skip
    text = page(NOTHING | {"robust": evidence}, None, {})
    assert "| av1 0.01 | 0.0102 | 0.250 (0.100–0.900) | 0.500 (0.100–0.900) | +0.250 (+0.10 to +0.40) | 0.002 |" in text
    assert "| uncompressed | – | 1.000" in text


def test_the_hundred_seeds_and_the_trainings() -> None:
    lines = [
        {"seed": 42 + k, "success": k > 0, "steps": 40 if k else 250, "wall": {"latency_ms": {"policy": [10.0, 12.0]}}}
        for k in range(100)
    ]
    found = hundred_of(lines)
    assert (found["first"], found["last"], found["queries"]) == (42, 141, 200)
    assert found["success_rate"] == 0.99 and found["mean_steps"] == pytest.approx(42.1)
    assert found["latency_ms"]["p50"] == np.median([10.0, 12.0])
    text = page(NOTHING, found, {"reference": "# Weights\n\nMade in 20 minutes.\n"})
    assert (
        "seeds (42–141), once" in text
        and "SR 0.99" in text
        and "> Made in 20 minutes." in text
        and "# Weights" not in text
    )


def test_guard_speed_and_grey() -> None:
    guard = {
        "facts": FACTS, "command": "make it", "date": "2026-01-02", "seconds": 3.0, "worlds": 100_000, "robots": ["ur5e"],
        "properties": ["holds"], "violations": [],
    }  # fmt: skip
    speed = {
        "facts": FACTS, "policy": "reference", "inferences": 200, "load_average": 0.5, "cores": 2, "weights_bytes": 5_032_932,
        "times": {"task": {"wall_ms": {"p50": 13.0, "p95": 20.0}, "processor_ms": {"p50": 12.5, "p95": 14.0}}},
    }  # fmt: skip
    grey = {"success_rate": 0.0, "success_rate_ci95": [0.0, 0.088], "seeds": [10000, 10039], "successes": 0}
    found = {"guard": guard, "speed": speed, "loop": {"facts": FACTS, "rows": {"grey": grey}}}
    text = page(NOTHING | found, None, {})
    assert "100,000 random worlds (ur5e)" in text and "**no violations**" in text and "- holds" in text
    assert "of development seeds | 13.0 | 20.0 | 12.5 | 14.0 |" in text and "Weights: 5.0 MB." in text
    assert "0 of 40" in text and "busier" not in text
    assert "busier than it has cores" in page(NOTHING | {"speed": speed | {"load_average": 9.0}}, None, {})
    assert "**1 violation**" in page(NOTHING | {"guard": guard | {"violations": [[3, "x"]]}}, None, {})


def test_further_seeds_make_up_for_seldom_objects() -> None:
    def run(seed: int, **objects: int) -> dict[str, Any]:
        tables = {
            "all": {"all": {**condition(sum(objects.values()), sum(objects.values())), "failed_seeds": []}},
            "object": {name: {**condition(count, count), "failed_seeds": []} for name, count in objects.items()},
        }
        asked = {"policy": "reference", "task": "ur5e_lift", "seed": seed, "episodes": sum(objects.values())}
        return {"configuration": asked, "facts": FACTS, "tables": tables}

    found = {"policy": run(10000, can=19, cube=30), "policy_more": run(10300, can=2)}
    text = page(NOTHING | found, None, {})
    assert "Seeds 10300–10301 besides" in text and "(can, the seldomest: 21 of 21): 2 of 2" in text
