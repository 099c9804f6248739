"""Points, the cap on queries, fair comparisons, and the warnings that belong beside a headline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embodiedcomp_eval import analysis
from embodiedcomp_eval.points import Point, Reference, curve_name, make_point, make_reference, shared_conditions
from embodiedcomp_eval.sweep_config import Declaration
from embodiedcomp_eval.trial_config import TrialConfig

SEEDS = range(10000, 10040)


def line(seed: int, success: bool, steps: int, size: int) -> dict[str, Any]:
    queries = -(-steps // 10)
    return {
        "seed": seed, "success": success, "steps": steps, "payload_bytes": queries * size, "pixels": queries * 100,
        "frames_sent": queries, "duration": steps / 10, "frame_bytes": {"base": [size] * queries}, "path_length": 1.0,
        "action_efficiency": None, "jerk": 1.0, "scene": {"object": "can" if seed % 2 else "milk"},
    }  # fmt: skip


def reference() -> Reference:
    return make_reference("clean", [line(seed, seed % 10 != 0, 60, 300) for seed in SEEDS])


def point(name: str, share: float, size: int, base: Reference | None = None, **options: Any) -> Point:
    wins = [(seed - SEEDS[0]) / len(SEEDS) < share for seed in SEEDS]
    lines = [line(seed, won, 60 if won else 250, size) for seed, won in zip(SEEDS, wins, strict=True)]
    return make_point(name, TrialConfig(**options), lines, base)


def test_a_seed_counts_at_most_as_many_queries_as_its_uncompressed_episode() -> None:
    capped = point("a", 0.5, 10, reference())
    assert capped.bits.sum() == 8 * 10 * (20 * 6 + 20 * 25)
    assert capped.capped_bits.sum() == 8 * 10 * 40 * 6
    assert capped.capped_seconds.sum() == pytest.approx(40 * 6.0)
    free = point("a", 0.5, 10)
    assert np.array_equal(free.capped_bits, free.bits) and free.bits_per_success == free.bits.sum() / 20
    assert free.by_object() == {"can": (10, 20), "milk": (10, 20)}


def test_two_codecs_are_compared_at_equal_rates_or_where_the_better_used_less() -> None:
    better, worse = point("a", 0.9, 100), point("b", 0.4, 100)
    assert analysis.compare(better, worse).fair  # type: ignore[union-attr]
    assert not analysis.compare(point("a", 0.9, 110), worse).fair  # type: ignore[union-attr]
    assert analysis.compare(point("a", 0.9, 50), worse).fair  # type: ignore[union-attr]
    assert analysis.compare(better, point("c", 1.0, 300, codec="none")).fair  # type: ignore[union-attr]


def test_rates_are_those_of_the_seeds_that_both_ran() -> None:
    many, few = point("a", 0.9, 100), [line(seed, True, 60, 100) for seed in SEEDS[:10]]
    few += [line(seed, True, 60, 10_000) for seed in range(10100, 10120)]
    found = analysis.compare(make_point("b", TrialConfig(), few), many)
    assert found is not None and found.difference.seeds == 10
    assert found.candidate_bpp == found.anchor_bpp == 8.0 and found.fair


def test_bits_saved_by_idling_after_a_failure_do_not_make_a_comparison_fair() -> None:
    # both pool to the same rate, the better one only because its failed episodes go on cheaply
    base = reference()
    options: dict[str, Any] = {"codec": "av1"}
    cheap_tail = [line(seed, True, 60, 100) for seed in SEEDS[:36]]
    for seed in SEEDS[36:]:
        idle = line(seed, False, 250, 100)
        idle["frame_bytes"] = {"base": [100] * 6 + [1] * 19}
        idle["payload_bytes"] = sum(idle["frame_bytes"]["base"])
        cheap_tail.append(idle)
    inter = make_point("inter", TrialConfig(**options), cheap_tail, base)
    intra = point("intra", 0.4, 80, base, **options)
    assert inter.payload_bpp < intra.payload_bpp
    found = analysis.compare(inter, intra)
    assert found is not None and found.difference.difference > 0 and not found.fair


def test_each_point_stands_beside_the_anchor_curves_nearest_one() -> None:
    base = reference()
    ours = [point(f"av1 {size}", 0.8, size, base) for size in (10, 100)]
    anchors = [point(f"webp {size}", 0.5, size, base, codec="webp", mode="intra") for size in (70, 120, 4000)]
    clean = point("clean", 0.9, 300, codec="none")
    references = {p.name: base for p in (*ours, *anchors, clean)}
    sweep = Declaration("sweep", frozenset(p.name for p in anchors), anchor={"codec": "webp"})
    found = analysis.comparisons([clean, *ours, *anchors], references, [sweep])
    pairs = [(r.candidate, r.anchor) for r in found if r.anchor != "clean"]
    assert pairs == [("av1 100", "webp 120")] and {r.kind for r in found} == {"exploratory"}


def test_no_shared_seed_no_comparison() -> None:
    other = make_point("b", TrialConfig(), [line(5, True, 60, 10)])
    assert analysis.compare(point("a", 0.9, 10), other) is None


def test_an_easy_task_and_a_failed_a_a_test_are_said_aloud() -> None:
    base = reference()
    easy = point("first", 0.6, 10, base, codec="first-frame-only")
    hard = point("first", 0.3, 10, base, codec="first-frame-only")
    broken = point("noise", 0.3, 10, base, codec="none-noise")
    assert "ur5e_lift_moved" in analysis.headline([easy], {"first": base})[0]
    assert analysis.headline([hard], {"first": base}) == []
    assert "A/A" in analysis.headline([broken], {"noise": base})[0]


def test_curve_names_say_what_varies() -> None:
    plain, real = TrialConfig().to_mapping(), TrialConfig(sensor="real", policy="other").to_mapping()
    shared = shared_conditions([plain, real])
    assert "sensor" not in shared and shared["task"] == "ur5e_lift"
    assert curve_name(plain, shared) == "av1 inter"
    assert curve_name(real, shared) == "av1 inter, policy other, sensor real"
    assert curve_name({**plain, "codec": "none"}, shared) == "none"
