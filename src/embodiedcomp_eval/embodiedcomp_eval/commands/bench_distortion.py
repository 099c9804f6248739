"""``embodiedcomp bench distortion``: does a policy ever gain from a worse picture? Blur, JPEG and downsampling, rising."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.picture_distortion import LEVELS, UNITS, conditions
from embodiedcomp_eval.policy_runs import outcomes_of, read_condition, run_condition
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.report.distortion_plot import draw
from embodiedcomp_eval.report.filmstrip import filmstrip
from embodiedcomp_eval.rising_distortion import steps_up
from embodiedcomp_eval.trial_config import TrialConfig

SIGNIFICANT = 0.05


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command()(distortion)


def distortion(
    policy: Annotated[str, typer.Option(help="Policy plug-in.")] = "reference",
    checkpoint: Annotated[str | None, typer.Option(help="The policy's weights.")] = None,
    task: Annotated[str, typer.Option(help="Name in config/tasks, or a YAML file.")] = "ur5e_lift",
    episodes: Annotated[int, typer.Option(help="Development seeds, the same at every level.")] = 40,
    seed: Annotated[int, typer.Option(help="The first of them.")] = 10000,
    level: Annotated[
        list[str] | None, typer.Option(help="Only this one, such as jpeg-0.03 or clean; may be given again.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder; a second run goes on from there.")] = Path(
        "results/bench/distortion"
    ),
) -> int:
    """Success over rising levels of three distortions on paired seeds; no step up may be significant (exit status 1)."""
    from embodiedcomp_eval.assembly import make_parts

    config = TrialConfig(
        transport="inprocess",
        codec="none",
        policy=policy,
        checkpoint=checkpoint,
        task=task,
        episodes=episodes,
        seed=seed,
    )
    if episodes < 1:
        raise ConfigError(f"episodes must be 1 or more, found {episodes}")
    try:
        views = conditions(level or ())
    except ValueError as error:
        raise ConfigError(str(error)) from error
    started = time.monotonic()
    parts = make_parts(config, config.validate())
    with progress() as bar:
        for name, found in views.items():
            row = bar.add_task(name, total=episodes)
            run_condition(config, parts, out / name, filmstrip, lambda done: bar.update(row, completed=done), found)  # noqa: B023
    parts.simulator.close()
    read = {name: read_condition(out / name, episodes) for name in views}
    levels = {
        kind: [found.level for found in views.values() if found is not None and found.kind == kind] for kind in LEVELS
    }
    steps = {}
    for kind in LEVELS:
        names = [name for name, found in views.items() if found is None or found.kind == kind]
        steps[kind] = [dataclasses.asdict(step) for step in steps_up(names, [outcomes_of(read[n]) for n in names])]
    up = [step for found in steps.values() for step in found if step["p_holm"] < SIGNIFICANT]
    evidence: dict[str, Any] = {
        "configuration": config.to_mapping(),
        "facts": provenance(checkpoint),
        "seconds": round(time.monotonic() - started, 1),
        "levels": levels,
        "units": dict(UNITS),
        "conditions": read,
        "steps": steps,
        "significant_steps_up": up,
    }
    (out / "distortion.json").write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    if not level:
        (out / "distortion.png").write_bytes(draw(evidence))
    show_table(
        f"{policy} over rising distortion, {episodes} paired seeds",
        [
            *((name, f"SR {found['success_rate']:.3f}, {found['mean_steps']:.1f} steps") for name, found in read.items()),
            ("significant steps up", "; ".join(f"{s['weaker']} -> {s['stronger']}" for s in up) or "none"),
            ("written to", str(out / "distortion.json")),
        ],
    )  # fmt: skip
    return 1 if up else 0
