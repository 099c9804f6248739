"""The command line: ``embodiedcomp VERB …``. Each verb registers itself from its own module in ``commands/``."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

from embodiedcomp_eval import commands
from embodiedcomp_eval.commands.console import USER_ERRORS, complain
from embodiedcomp_eval.ros_trial import TrialFailedError

# typer carries its own copy of click in some versions and uses the package in others: its base class, wherever it is.
UsageProblem: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def make_app() -> typer.Typer:
    """The application with every verb: modules of ``commands`` with a function ``register(app)``."""
    app = typer.Typer(
        name="embodiedcomp",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )

    @app.callback(invoke_without_command=True)
    def verbs(context: typer.Context) -> None:
        """Embodied image compression: closed-loop trials, sweeps, reports, replay."""
        if context.invoked_subcommand is None:
            complain(context.get_help())
            raise typer.Exit(2)

    for module in sorted(pkgutil.iter_modules(commands.__path__), key=lambda found: found.name):
        register = getattr(importlib.import_module(f"{commands.__name__}.{module.name}"), "register", None)
        if register is not None:
            register(app)
    return app


def main() -> None:
    """Run the command line; a user's mistake gets one line and exit status 2, Ctrl-C 130."""
    try:
        status = make_app()(standalone_mode=False)
    except UsageProblem as error:
        complain(f"embodiedcomp: {' '.join(error.format_message().split())}")  # type: ignore[attr-defined]
        status = 2
    except USER_ERRORS as error:
        complain(f"embodiedcomp: {error}")
        status = 2
    except TrialFailedError as error:
        complain(f"embodiedcomp: {error}")
        status = 1
    except (KeyboardInterrupt, typer.Abort):
        complain("embodiedcomp: interrupted")
        status = 130
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
