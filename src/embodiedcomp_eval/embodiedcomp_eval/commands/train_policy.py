"""``embodiedcomp train-policy``: the reference policy from nothing, or its robust fine-tune; resumable."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval.commands.console import complain
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.provenance import SHIPPED_WEIGHTS
from embodiedcomp_eval.training.reference import Plan, train_reference
from embodiedcomp_eval.training.robust import RobustPlan, train_robust


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("train-policy")(train_policy)


def train_policy(
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of examples and networks; a second run goes on from there.", show_default=False),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that collect, threads that train.")] = 2,
    shards: Annotated[
        int | None,
        typer.Option(
            min=1, help="Shards of demonstrations (50 episodes each); 24, with --robust 4.", show_default=False
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Epochs on the demonstrations; 8, with --robust 2 on everything.", show_default=False),
    ] = None,
    robust: Annotated[
        bool, typer.Option("--robust", help="Fine-tune a finished reference policy on what codecs leave of pictures.")
    ] = False,
    start: Annotated[
        Path | None, typer.Option(help="With --robust: the policy to go on from; default: the shipped reference.")
    ] = None,
) -> int:
    """Collect demonstrations, clone them, correct the clone on its own states (DAgger), on training seeds.

    Without --out: results/train-policy, with --robust results/train-policy-robust.
    """
    if start is not None and not robust:
        raise ConfigError("--start belongs to --robust: without it training starts from nothing")
    given: dict[str, Any] = {
        name: value for name, value in (("shards", shards), ("epochs", epochs)) if value is not None
    }
    if robust:
        folder = out or Path("results/train-policy-robust")
        first = start or SHIPPED_WEIGHTS / "reference"
        if not (first / "model.safetensors").is_file():
            raise ConfigError(f"no model.safetensors in '{first}' to start from")
        network = train_robust(first, folder, dataclasses.replace(RobustPlan(), workers=workers, **given), complain)
    else:
        folder = out or Path("results/train-policy")
        network = train_reference(folder, dataclasses.replace(Plan(), workers=workers, **given), complain)
    complain(f"trained: {network}; try it: make trial ARGS='--checkpoint {network}'")
    return 0
