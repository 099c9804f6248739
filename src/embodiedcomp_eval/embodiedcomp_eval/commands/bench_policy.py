"""``embodiedcomp bench policy``: how able a policy is on uncompressed frames, by object, table and wall."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval.commands.bench_loop import run_to_folder
from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.results import read_lines
from embodiedcomp_eval.statistics import wilson
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
    evidence = {"configuration": config.to_mapping(), "facts": provenance(checkpoint), "tables": tables}
    (out / "policy.json").write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    rows = [
        (f"{kind} {key}" if kind != "all" else "all", f"{r['successes']}/{r['episodes']}  SR {r['success_rate']:.3f} "
         f"({r['ci95'][0]:.2f}–{r['ci95'][1]:.2f}), {r['mean_steps']:.1f} steps")
        for kind, by in tables.items() for key, r in by.items()
    ]  # fmt: skip
    show_table(f"{name} on uncompressed frames of {task}", [*rows, ("written to", str(out / "policy.json"))])
    return 0


def _row(lines: list[dict[str, Any]]) -> dict[str, Any]:
    won = sum(bool(line["success"]) for line in lines)
    return {
        "episodes": len(lines),
        "successes": won,
        "success_rate": won / len(lines),
        "ci95": list(wilson(won, len(lines))),
        "mean_steps": sum(line["steps"] for line in lines) / len(lines),
        "failed_seeds": [line["seed"] for line in lines if not line["success"]],
    }
