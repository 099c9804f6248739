"""``embodiedcomp bench robust``: what a policy trained on coded pictures gains over the reference, codec by codec."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.ledger import weight_hashes
from embodiedcomp_eval.policy_runs import outcomes_of, read_condition, run_condition
from embodiedcomp_eval.provenance import SHIPPED_WEIGHTS, provenance
from embodiedcomp_eval.report.filmstrip import filmstrip
from embodiedcomp_eval.statistics import paired_difference
from embodiedcomp_eval.trial_config import TrialConfig

CLEAN = "none"
POINTS = ("av1@0.005", "av1@0.01", "av1@0.02", "jpeg-bare@0.01", "jpeg-bare@0.02", "jpeg-bare@0.05")
"""CODEC@BPP."""


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command()(robust)


def robust(
    policy: Annotated[str, typer.Option(help="Policy plug-in.")] = "reference-robust",
    checkpoint: Annotated[str | None, typer.Option(help="Its weights.")] = None,
    against: Annotated[
        str, typer.Option(help="Policy plug-in that it is compared with on the same seeds.")
    ] = "reference",
    point: Annotated[list[str], typer.Option(help="CODEC@BPP; may be repeated.")] = list(POINTS),  # noqa: B006 (typer's way)
    task: Annotated[str, typer.Option(help="Name in config/tasks, or a YAML file.")] = "ur5e_lift",
    episodes: Annotated[int, typer.Option(help="Development seeds at every point.")] = 40,
    clean_episodes: Annotated[int, typer.Option(help="Development seeds uncompressed.")] = 100,
    seed: Annotated[int, typer.Option(help="The first of them.")] = 10000,
    out: Annotated[Path, typer.Option(help="Folder; a second run goes on from there.")] = Path("results/bench/robust"),
) -> int:
    """Success of two policies under the same codecs at the same rates, on paired seeds."""
    from embodiedcomp_eval.assembly import Parts
    from embodiedcomp_eval.registry import make_simulator
    from embodiedcomp_policy.registry import make_policy

    base = TrialConfig(transport="inprocess", task=task, seed=seed)
    configs: dict[str, TrialConfig] = {
        CLEAN: dataclasses.replace(base, codec="none", episodes=clean_episodes),
        **{name: dataclasses.replace(base, episodes=episodes, **_point(name)) for name in point},
    }
    sides = {policy: checkpoint, against: None}
    for config in configs.values():
        for name, weights in sides.items():
            loaded = dataclasses.replace(config, policy=name, checkpoint=weights).validate()
    started = time.monotonic()
    policies = {name: make_policy(name, weights, None) for name, weights in sides.items()}  # torch before the renderer
    simulator = make_simulator(loaded)
    with progress() as bar:
        for where, config in configs.items():
            for name, weights in sides.items():
                row = bar.add_task(f"{name} {where}", total=config.episodes)
                run_condition(
                    dataclasses.replace(config, policy=name, checkpoint=weights),
                    Parts(policies[name], simulator),
                    out / f"{name}.{where}",
                    filmstrip,
                    lambda done: bar.update(row, completed=done),  # noqa: B023
                )
    simulator.close()
    rows: dict[str, Any] = {}
    for where, config in configs.items():
        found = {name: read_condition(out / f"{name}.{where}", config.episodes) for name in sides}
        rows[where] = found | {
            "difference": dataclasses.asdict(paired_difference(outcomes_of(found[policy]), outcomes_of(found[against])))
        }
    evidence = {
        "policies": {
            name: weight_hashes([Path(weights) if weights else SHIPPED_WEIGHTS / name])
            for name, weights in sides.items()
        },
        "policy": policy,
        "against": against,
        "facts": provenance(checkpoint),
        "seed": seed,
        "seconds": round(time.monotonic() - started, 1),
        "rows": rows,
    }
    (out / "robust.json").write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    table = [
        (where, f"{row[policy]['success_rate']:.3f} against {row[against]['success_rate']:.3f}, difference "
         f"{row['difference']['difference']:+.3f} ({row['difference']['low']:+.2f} to {row['difference']['high']:+.2f})")
        for where, row in rows.items()
    ]  # fmt: skip
    show_table(f"{policy} against {against}", [*table, ("written to", str(out / "robust.json"))])
    return 0


def _point(text: str) -> dict[str, Any]:
    codec, _, rate = text.partition("@")
    try:
        return {"codec": codec, "target_bpp": float(rate)}
    except ValueError as error:
        raise ConfigError(f"a point is CODEC@BPP, such as av1@0.01, not {text!r}") from error
