"""``docs/results/policy.md`` from what the benches wrote as JSON. What was not measured is said to be missing. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from embodiedcomp_eval.rising_distortion import steps_up
from embodiedcomp_eval.statistics import wilson

Evidence = Mapping[str, Any]

MEASURE = {
    "policy": "policy",
    "policy_more": "policy --seed 10300 --episodes 45",
    "speed": "policy-speed",
    "loop": "loop",
    "distortion": "distortion",
    "distortion_more": "distortion --level jpeg-0.03 --level jpeg-0 --seed 10040 --episodes 60 "
    "--out results/bench/distortion_more",
    "robust": "robust",
    "guard": "guard",
}
"""Section -> the bench that measures it."""
SIGNIFICANT = 0.05


def hundred_of(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the lines of ``episodes.jsonl`` of the evaluation seeds say."""
    won, seeds = sum(bool(line["success"]) for line in lines), [int(line["seed"]) for line in lines]
    times = [t for line in lines for t in line["wall"]["latency_ms"]["policy"]]
    return {
        "first": min(seeds),
        "last": max(seeds),
        "success_rate": won / len(lines),
        "ci95": list(wilson(won, len(lines))),
        "mean_steps": sum(line["steps"] for line in lines) / len(lines),
        "latency_ms": {"p50": float(np.quantile(times, 0.5)), "p95": float(np.quantile(times, 0.95))},
        "queries": len(times),
    }


def page(evidence: Mapping[str, Evidence | None], hundred: Evidence | None, readmes: Mapping[str, str]) -> str:
    """The whole page. hundred: what ``hundred_of`` says of seeds 42-141. readmes: policy -> README of its weights."""
    lines = [
        "# The reference policy",
        "",
        'Written by `make bench ARGS="policy-page"` from the results of other benches.',
    ]
    found = evidence["policy"]
    lines += ["", "## Success on uncompressed frames", "", *(_success(found) if found else _missing("policy"))]
    more = evidence["policy_more"]
    lines += ["", *(_more(found, more) if found and more else _missing("policy_more"))]
    if hundred:
        lines += ["", *_hundred(hundred)]
    for title, key, section in (
        ("Speed and size", "speed", _speed),
        ("Without pictures", "loop", _grey),
        ("Over rising distortion", "distortion", _distortion),
        ("`reference-robust`", "robust", _robust),
        ("The guard", "guard", _guard),
    ):
        found = evidence[key]
        lines += ["", f"## {title}", "", *(section(found) if found else _missing(key))]
        if key == "distortion":
            more = evidence["distortion_more"]
            lines += ["", *(_again(found, more) if found and more else _missing("distortion_more"))]
            lines += _pictures(found) if found else []
    lines += ["", "## Training"]
    for name, text in readmes.items():
        lines += [
            "",
            f"`{name}`:",
            "",
            *(f"> {line}".rstrip() for line in text.strip().splitlines() if not line.startswith("# ")),
        ]
    return "\n".join(lines) + "\n"


def _hundred(found: Evidence) -> list[str]:
    low, high = found["ci95"]
    return [
        f"The paper's hundred seeds ({found['first']}–{found['last']}), once, logged in [`ledger.jsonl`](ledger.jsonl): SR "
        f"{found['success_rate']:.2f} (Wilson 95 %: {low:.2f}–{high:.2f}), {found['mean_steps']:.1f} mean steps. (The paper's",
        "own Pi0-based policy, on its own scenes: 0.94 and 81; another policy and another rendering, so no comparison.)",
        f"The policy took {found['latency_ms']['p50']:.1f} ms a query (p50; p95 {found['latency_ms']['p95']:.1f} ms), wall "
        f"clock, over {found['queries']} queries.",
    ]


def _missing(key: str) -> list[str]:
    return [f'Not measured for this page. `make bench ARGS="{MEASURE[key]}"` measures it.']


def _origin(evidence: Evidence) -> str:
    facts = evidence["facts"]
    return f"commit {facts.get('commit', 'unknown')}, {facts['machine']}"


def _rate(row: Evidence) -> str:
    low, high = row["ci95"]
    return f"{row['success_rate']:.3f} ({low:.3f}–{high:.3f})"


def _success(evidence: Evidence) -> list[str]:
    configuration = evidence["configuration"]
    first, count = configuration["seed"], configuration["episodes"]
    lines = [
        f"`{configuration['policy']}` on `{configuration['task']}`, development seeds {first}–{first + count - 1}; "
        f"{_origin(evidence)}.", "",
        "| group | SR (Wilson 95 %) | successes / episodes | mean steps | failed seeds |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for kind, by in evidence["tables"].items():
        for key, row in by.items():
            lines.append(
                f"| {kind if kind == 'all' else f'{kind} {key}'} | {_rate(row)} | {row['successes']} / {row['episodes']} "
                f"| {row['mean_steps']:.1f} | {', '.join(map(str, row['failed_seeds'])) or '–'} |"
            )
    weights = ", ".join(f"`{file}` {digest[:16]}" for file, digest in evidence["facts"]["weights_sha256"].items())
    return [*lines, "", f"Weights (SHA-256): {weights}."]


STATES = {
    "task": "approaching objects of development seeds",
    "stretched": "noise for pictures, the arm stretched out: inverse kinematics at their longest",
}


def _speed(evidence: Evidence) -> list[str]:
    size = evidence["weights_bytes"]
    lines = [
        f"`{evidence['policy']}`, {evidence['inferences']} inferences on one thread, two images of 256x256; "
        f"{_origin(evidence)}; load average {evidence['load_average']} on {evidence['cores']} cores.", "",
        "| observations | wall clock p50, ms | p95 | processor time p50, ms | p95 |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for kind, both in evidence["times"].items():
        wall, processor = both["wall_ms"], both["processor_ms"]
        lines.append(
            f"| {STATES[kind]} | {wall['p50']:.1f} | {wall['p95']:.1f} | {processor['p50']:.1f} | {processor['p95']:.1f} |"
        )
    if evidence["load_average"] > evidence["cores"]:
        lines += [
            "",
            "The machine was busier than it has cores: the wall clock says how busy, the processor's time what it costs.",
        ]
    return [*lines, *(["", f"Weights: {size / 1e6:.1f} MB."] if size else [])]


def _more(first: Evidence, more: Evidence) -> list[str]:
    """Further seeds, for objects that the first ones showed too seldom."""
    later = more["tables"]["object"]
    both = {name: [row, *([later[name]] if name in later else [])] for name, row in first["tables"]["object"].items()}
    counts = {name: [sum(r[key] for r in rows) for key in ("successes", "episodes")] for name, rows in both.items()}
    least = min(counts, key=lambda name: counts[name][1])
    row, configuration = more["tables"]["all"]["all"], more["configuration"]
    last = configuration["seed"] + configuration["episodes"] - 1
    low = min(wilson(*found)[1] for found in counts.values())
    return [
        f"Seeds {configuration['seed']}–{last} besides, so that every object has had 20 episodes ({least}, the seldomest: "
        f"{counts[least][0]} of {counts[least][1]}): {row['successes']} of {row['episodes']}, {row['mean_steps']:.1f} mean "
        f"steps; {_origin(more)}. Over both, the lowest upper end of an object's interval is {low:.3f}.",
    ]


def _grey(evidence: Evidence) -> list[str]:
    row = evidence["rows"]["grey"]
    low, high = row["success_rate_ci95"]
    first, last = row["seeds"]
    return [
        f"Every picture even grey, seeds {first}–{last}: SR {row['success_rate']:.3f} ({low:.3f}–{high:.3f}), "
        f"{row['successes']} of {last - first + 1}; {_origin(evidence)}. At most 0.05 is asked for.",
    ]  # fmt: skip


def _distortion(evidence: Evidence) -> list[str]:
    configuration = evidence["configuration"]
    first, count = configuration["seed"], configuration["episodes"]
    lines = [
        f"A policy that gains from a worse picture is no instrument. Seeds {first}–{first + count - 1} at every level, "
        f"`{configuration['policy']}`, {_origin(evidence)}, {evidence['seconds']:.0f} s.",
        "", "![success over distortion](policy/distortion.png)", "",
        "| pictures | SR (Wilson 95 %) | mean steps | failures |", "|---|---|---|---|",
    ]  # fmt: skip
    for name, row in evidence["conditions"].items():
        lines.append(f"| {name} | {_rate(row)} | {row['mean_steps']:.1f} | {_failures(row)} |")
    steps = [step for found in evidence["steps"].values() for step in found]
    best = min(steps, key=lambda step: step["p"])
    up = [step for step in steps if step["p_holm"] < SIGNIFICANT]
    verdict = (
        "; ".join(f"{s['weaker']} to {s['stronger']} ({s['gained']} gained, {s['lost']} lost)" for s in up) or "none"
    )
    lines += [
        "", "Steps up that are significant (each level against every weaker one, one-sided exact McNemar test, Holm's",
        f"correction over the {len(steps) // len(evidence['steps'])} steps of its kind, 5 %): **{verdict}**. The smallest",
        f"uncorrected p of {len(steps)} steps is {best['p']:.3f} ({best['weaker']} to {best['stronger']}, {best['gained']} "
        f"gained, {best['lost']} lost).",
    ]  # fmt: skip
    return lines


def _again(first: Evidence, more: Evidence) -> list[str]:
    """Further seeds for the steps that came nearest to being one up."""
    configuration = more["configuration"]
    start, count = configuration["seed"], configuration["episodes"]
    lines = []
    for step in [step for found in more["steps"].values() for step in found]:
        names = (step["weaker"], step["stronger"])
        fresh = [more["conditions"][name] for name in names]
        both = [
            np.array(first["conditions"][name]["outcomes"] + more["conditions"][name]["outcomes"]) for name in names
        ]
        pooled = steps_up(names, both)[0]
        lines.append(
            f"Again on seeds of its own ({start}–{start + count - 1}; {_origin(more)}), {names[0]} to {names[1]}: SR "
            f"{_rate(fresh[0])} to {_rate(fresh[1])}, {step['gained']} gained, {step['lost']} lost, one-sided p "
            f"{step['p']:.3f}, **{'significant' if step['p'] < SIGNIFICANT else 'not significant'}**; this test alone was not "
            f"chosen by what it found. Both sets of seeds together: {both[0].mean():.3f} to {both[1].mean():.3f}, "
            f"{pooled.gained} gained, {pooled.lost} lost, uncorrected p {pooled.p:.3f} (of a pair that the first seeds picked)."
        )
    return lines


def _failures(row: Evidence) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(row["failures"].items(), key=lambda kv: -kv[1])) or "–"


def strips(evidence: Evidence) -> dict[str, tuple[str, str]]:
    """Which filmstrips the page shows: name -> (condition, file). One per kind of failure, two lifts."""
    chosen: dict[str, tuple[str, str]] = {}
    lifts = 0
    for condition, row in evidence["conditions"].items():
        for kind, file in row["strips"].items():
            if kind == "lifted":
                if lifts < 2 and file not in [shown for _, shown in chosen.values()]:  # two lifts of different seeds
                    chosen[f"lifted-{condition}.webp"] = (condition, file)
                    lifts += 1
            elif not any(name.startswith(f"{kind}-") for name in chosen):
                chosen[f"{kind}-{condition}.webp"] = (condition, file)
    return chosen


def _pictures(evidence: Evidence) -> list[str]:
    lines = [
        "",
        "What the policy saw, base view above wrist view, at some of its queries: two lifts, the first failure of each kind.",
    ]
    for name, (condition, file) in strips(evidence).items():
        kind, seed = file.split(".")[:2]
        lines += ["", f"{kind.replace('-', ' ')}, {condition}, seed {seed}:", "", f"![{kind}](policy/{name})"]
    return lines


def _robust(evidence: Evidence) -> list[str]:
    robust, plain = evidence["policy"], evidence["against"]
    lines = [
        "A fine-tune on what codecs leave of the pictures: another lever than the codec, and a row of its own. On the same "
        f"seeds, from {evidence['seed']}; {_origin(evidence)}.", "",
        f"| codec and target bpp | measured bpp | SR `{plain}` | SR `{robust}` | difference (95 %) | McNemar p |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for where, row in evidence["rows"].items():
        difference, name = row["difference"], "uncompressed" if where == "none" else where.replace("@", " ")
        bpp = "–" if where == "none" else f"{row[robust]['payload_bpp']:.4f}"
        lines.append(
            f"| {name} | {bpp} | {_rate(row[plain])} | {_rate(row[robust])} | {difference['difference']:+.3f} "
            f"({difference['low']:+.2f} to {difference['high']:+.2f}) | {difference['p_value']:.3f} |"
        )
    return lines


def _guard(evidence: Evidence) -> list[str]:
    broken = len(evidence["violations"])
    return [
        f"`{evidence['command']}`, {evidence['date']}, {_origin(evidence)}, {evidence['seconds']:.0f} s: {evidence['worlds']:,} "
        f"random worlds ({', '.join(evidence['robots'])}), each through every property, "
        f"**{broken or 'no'} violation{'' if broken == 1 else 's'}**.", "",
        *(f"- {what}" for what in evidence["properties"]),
    ]  # fmt: skip
