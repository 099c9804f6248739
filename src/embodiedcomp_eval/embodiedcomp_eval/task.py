"""A benchmark task, as ``config/tasks/NAME.yaml`` describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from embodiedcomp_eval.config import ConfigError, load_dataclass


@dataclass(frozen=True)
class TaskConfig:
    """What is simulated, seen, commanded and scored.

    simulator: plug-in name (entry point group ``embodiedcomp.simulators``).
    robot: name of a file in ``config/robots``.
    cameras: names in the simulator; the frames of camera C travel on the topic ``C/image_raw``.
    width, height: px of every camera. control_hz: 1/s. horizon, settle_steps, replan_period: steps of control.
    lift_height: m that the object must rise above where it lay in this episode.
    prompt: the instruction given to the policy.
    options: passed to the simulator plug-in as it is (scene variants).
    """

    name: str
    simulator: str
    robot: str
    cameras: tuple[str, ...]
    width: int
    height: int
    control_hz: float
    horizon: int
    settle_steps: int
    replan_period: int
    lift_height: float
    prompt: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("width", "height", "control_hz", "horizon", "replan_period", "lift_height"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"task {self.name}: {name} must be above 0, found {getattr(self, name)}")
        if self.settle_steps < 0:
            raise ConfigError(f"task {self.name}: settle_steps must be 0 or more, found {self.settle_steps}")
        if not self.cameras or len(set(self.cameras)) != len(self.cameras):
            raise ConfigError(f"task {self.name}: cameras must be one or more different names, found {self.cameras}")

    @property
    def image_size(self) -> int:
        """px, for a simulator whose cameras are square. Raises ConfigError if the task's are not."""
        if self.width != self.height:
            raise ConfigError(
                f"task {self.name}: simulator {self.simulator} has square cameras, not {self.width}x{self.height}"
            )
        return self.width


def load_task(name_or_path: str) -> TaskConfig:
    """Load a task by name or path. Raises ConfigError naming the choices."""
    return load_dataclass(TaskConfig, "tasks", name_or_path)
