"""``embodiedcomp bench WHAT``: speed tables; each lives in a module ``bench_*`` of this folder."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add the group with every bench: modules ``bench_*`` with a function ``register_bench(group)``."""
    group = typer.Typer(help="Speed, each row beside what it is compared with in the same run.", no_args_is_help=True)
    for module in sorted(pkgutil.iter_modules([str(Path(__file__).parent)]), key=lambda found: found.name):
        if module.name.startswith("bench_"):
            importlib.import_module(f"{__package__}.{module.name}").register_bench(group)
    app.add_typer(group, name="bench")
