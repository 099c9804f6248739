"""``embodiedcomp bench loop``: is the closed loop real? The policy with pictures, without them, and at a codec's floor."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.results import ResultsFolder, read_lines
from embodiedcomp_eval.statistics import paired_difference, wilson
from embodiedcomp_eval.trial_config import TrialConfig


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command()(loop)


def loop(
    episodes: Annotated[int, typer.Option(help="Development seeds, paired over the rows.")] = 40,
    seed: Annotated[int, typer.Option(help="The first of them.")] = 10000,
    expert_episodes: Annotated[int, typer.Option(help="Training seeds of the expert's row.")] = 100,
    checkpoint: Annotated[
        str | None, typer.Option(help="The reference policy's weights; default: the shipped ones.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder; a second run goes on from there.")] = Path("results/bench/loop"),
) -> int:
    """Success of the expert, and of the reference policy uncompressed, on even grey, and with JPEG at its floor."""
    base = TrialConfig(transport="inprocess", episodes=episodes, seed=seed, checkpoint=checkpoint, codec="none")
    # The expert comes last: torch must be imported before the first renderer of a process.
    rows = {
        "uncompressed": base,
        "grey": dataclasses.replace(base, grey=True),
        "jpeg at its floor": dataclasses.replace(base, codec="jpeg", mode="intra", target_bpp=0.001),
        "av1 at 0.05 bpp": dataclasses.replace(base, codec="av1", target_bpp=0.05),
        "expert": dataclasses.replace(base, policy="expert", checkpoint=None, seed=1_000_000, episodes=expert_episodes),
    }
    with progress() as bar:
        for name, config in rows.items():
            row = bar.add_task(name, total=config.episodes)
            run_to_folder(config, out / name.replace(" ", "-"), lambda done: bar.update(row, completed=done))  # noqa: B023
    summaries = {name: _read(out / name.replace(" ", "-")) for name in rows}
    anchor = summaries["uncompressed"]["outcomes"]
    table: list[tuple[str, str]] = []
    evidence: dict[str, Any] = {"facts": provenance(checkpoint), "rows": {}}
    for name, found in summaries.items():
        outcomes = found["outcomes"]
        low, high = wilson(int(outcomes.sum()), len(outcomes))
        text = f"SR {outcomes.mean():.3f} ({low:.2f}–{high:.2f}), {found['mean_steps']:.1f} steps, {found['payload_bpp']:.4f} bpp"
        record: dict[str, Any] = {
            "configuration": rows[name].to_mapping(),
            "seeds": [rows[name].seed, rows[name].seed + rows[name].episodes - 1],
            "successes": int(outcomes.sum()),
            "success_rate": float(outcomes.mean()),
            "success_rate_ci95": [low, high],
            "mean_steps": found["mean_steps"],
            "payload_bpp": found["payload_bpp"],
            "objects": found["objects"],
        }
        if name not in ("expert", "uncompressed"):
            paired = paired_difference(outcomes, anchor)
            record["against_uncompressed"] = dataclasses.asdict(paired)
            text += f"; {paired.difference:+.3f} ({paired.low:+.2f} to {paired.high:+.2f})"
        evidence["rows"][name] = record
        table.append((name, text))
    (out / "loop.json").write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")
    objects = summaries["uncompressed"]["objects"]
    table += [(f"  {kind}", f"{won}/{of} uncompressed") for kind, (won, of) in sorted(objects.items())]
    show_table("is the loop real?", [*table, ("written to", str(out / "loop.json"))])
    return 0


def run_to_folder(config: TrialConfig, folder: Path, tell: Any) -> None:
    """Run in process what the folder lacks; ``tell`` hears the number of finished episodes."""
    from embodiedcomp_eval.assembly import make_loop
    from embodiedcomp_eval.inprocess import run_episodes

    task = config.validate()
    with ResultsFolder(folder, config.to_mapping(), provenance(config.checkpoint)) as results:
        if len(results.finished) < config.episodes:
            running, recorder = make_loop(config, task)
            run_episodes(config, task, running, recorder, results, tell)
            running.close()
    tell(config.episodes)


def _read(folder: Path) -> dict[str, Any]:
    lines = sorted(read_lines(folder / "episodes.jsonl"), key=lambda line: int(line["seed"]))
    objects: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        objects[line["scene"]["object"]][0] += bool(line["success"])
        objects[line["scene"]["object"]][1] += 1
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return {
        "outcomes": np.array([bool(line["success"]) for line in lines]),
        "mean_steps": summary["mean_steps"],
        "payload_bpp": summary["payload_bpp"],
        "objects": dict(objects),
    }
