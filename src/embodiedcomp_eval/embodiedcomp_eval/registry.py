"""Simulator plug-ins by name: the entry point group ``embodiedcomp.simulators``. Only the one asked for is imported."""

from __future__ import annotations

from importlib.metadata import entry_points

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.simulator import Simulator
from embodiedcomp_eval.task import TaskConfig

GROUP = "embodiedcomp.simulators"


def simulator_names() -> list[str]:
    """Names of the installed simulators, sorted."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def make_simulator(task: TaskConfig) -> Simulator:
    """Build the simulator that ``task`` names. Raises ConfigError naming the choices."""
    for point in entry_points(group=GROUP):
        if point.name == task.simulator:
            simulator: Simulator = point.load()(task)
            return simulator
    raise ConfigError(f"unknown simulator {task.simulator!r}; choose from {', '.join(simulator_names()) or 'none'}")
