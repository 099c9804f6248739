"""``embodiedcomp bench policy``: how able a policy is on uncompressed frames, by object, table and wall."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval.commands.bench_loop import run_to_folder
from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.provenance import SHIPPED_WEIGHTS, provenance
from embodiedcomp_eval.results import read_lines
from embodiedcomp_eval.summary import success_facts
from embodiedcomp_eval.trial_config import TrialConfig


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command()(policy)


def policy(
    name: Annotated[str, typer.Option("--policy", help="Policy plug-in.")] = "reference",
    checkpoint: Annotated[str | None, typer.Option(help="The policy's weights.")] = None,
    task: Annotated[str, typer.Option(help="Name in config/tasks, or a YAML file.")] = "ur5e_lift",
    episodes: Annotated[int, typer.Option(help="Development seeds.")] = 300,
    seed: Annotated[int, typer.Option(help="The first of them.")] = 10000,
    out: Annotated[Path, typer.Option(help="Folder; a second run goes on from there.")] = Path("results/bench/policy"),
) -> int:
    """Success on uncompressed frames with Wilson intervals, mean steps, and which seeds failed."""
    config = TrialConfig(
        transport="inprocess", codec="none", policy=name, checkpoint=checkpoint, task=task, episodes=episodes, seed=seed
    )
    with progress() as bar:
        row = bar.add_task(name, total=episodes)
        run_to_folder(config, out, lambda done: bar.update(row, completed=done))
    lines = read_lines(out / "episodes.jsonl")
    groups: dict[str, dict[str, list[dict[str, Any]]]] = {"all": {"all": lines}}
    for kind in ("object", "table", "wall"):
        groups[kind] = defaultdict(list)
        for line in lines:
            groups[kind][line["scene"].get(kind, "unknown")].append(line)
    tables = {kind: {key: _row(found) for key, found in sorted(by.items())} for kind, by in groups.items()}
    shipped = SHIPPED_WEIGHTS / name
    weights = checkpoint or (str(shipped) if shipped.is_dir() else None)  # its own, not those of every policy
    evidence = {"configuration": config.to_mapping(), "facts": provenance(weights), "tables": tables}
    (out / "policy.json").write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    rows = [
        (f"{kind} {key}" if kind != "all" else "all", f"{r['successes']}/{r['episodes']}  SR {r['success_rate']:.3f} "
         f"({r['ci95'][0]:.2f}–{r['ci95'][1]:.2f}), {r['mean_steps']:.1f} steps")
        for kind, by in tables.items() for key, r in by.items()
    ]  # fmt: skip
    (out / "policy.md").write_text(_page(name, task, evidence), encoding="utf-8")
    show_table(f"{name} on uncompressed frames of {task}", [*rows, ("written to", str(out / "policy.json"))])
    return 0


def _row(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {**success_facts(lines), "failed_seeds": [line["seed"] for line in lines if not line["success"]]}


def _page(name: str, task: str, evidence: dict[str, Any]) -> str:
    facts, episodes, seed = evidence["facts"], evidence["configuration"]["episodes"], evidence["configuration"]["seed"]
    lines = [
        f"# `{name}` on uncompressed frames of `{task}`", "",
        f"Written by `make bench ARGS=\"policy\"`, commit {facts.get('commit', 'unknown')}, {facts['machine']}; seeds "
        f"{seed}–{seed + episodes - 1} (development).", "",
        "| group | SR (Wilson 95 %) | successes / episodes | mean steps | failed seeds |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for kind, by in evidence["tables"].items():
        for key, row in by.items():
            low, high = row["ci95"]
            lines.append(
                f"| {kind if kind == 'all' else f'{kind} {key}'} | {row['success_rate']:.3f} ({low:.3f}–{high:.3f}) "
                f"| {row['successes']} / {row['episodes']} | {row['mean_steps']:.1f} "
                f"| {', '.join(map(str, row['failed_seeds'])) or '–'} |"
            )
    weights = ", ".join(f"`{file}` {digest[:16]}" for file, digest in facts["weights_sha256"].items())
    return "\n".join([*lines, "", f"Weights (SHA-256): {weights}."]) + "\n"
