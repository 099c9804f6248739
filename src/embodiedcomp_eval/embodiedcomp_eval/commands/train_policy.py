"""``embodiedcomp train-policy``: the reference policy from nothing, resumable."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from embodiedcomp_eval.commands.console import complain
from embodiedcomp_eval.training.reference import Plan, train_reference


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("train-policy")(train_policy)


def train_policy(
    out: Annotated[Path, typer.Option(help="Folder of examples and networks; a second run goes on from there.")] = Path(
        "results/train-policy"
    ),
    workers: Annotated[int, typer.Option(min=1, help="Processes that collect, threads that train.")] = 2,
    shards: Annotated[int, typer.Option(min=1, help="Shards of demonstrations (50 episodes, 800 glimpses each).")] = 24,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs on the demonstrations alone.")] = 8,
) -> int:
    """Collect demonstrations, clone them, correct the clone on its own states (DAgger), on training seeds."""
    plan = dataclasses.replace(Plan(), workers=workers, shards=shards, epochs=epochs)
    network = train_reference(out, plan, complain)
    complain(f"trained: {network}; try it: make trial ARGS='--checkpoint {network}'")
    return 0
