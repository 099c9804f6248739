"""Everything that decides a trial's episodes, in one value: the command line, the nodes and ``config.yaml`` all use it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from embodiedcomp_codec.codec import CodecError, Mode
from embodiedcomp_codec.link_model import LinkConfig
from embodiedcomp_codec.stream import StreamConfig
from embodiedcomp_eval.config import ConfigError, config_names, from_mapping, load_dataclass
from embodiedcomp_eval.sensor import SensorKind
from embodiedcomp_eval.task import TaskConfig, load_task
from embodiedcomp_policy.config import ConfigError as RobotError
from embodiedcomp_policy.registry import policy_names
from embodiedcomp_policy.robot import load_robot

Send = Literal["on_query", "every_step"]
Timing = Literal["lockstep", "charged", "realtime"]
Transport = Literal["ros", "inprocess"]

PRIVILEGED = ("expert",)
"""Policies that read ground truth from the simulator, and so must live in its process."""
DEFAULT_TARGET_BPP = 0.05
SCHEMA = 1


@dataclass(frozen=True)
class TrialConfig:
    """Options of ``trial`` (design: The commands). Targets are NaN if unset; neither set means the codec's finest quality.

    target_bpp: payload bits per source pixel, the same for every camera. target_bitrate: payload bit/s of all cameras
    together, as the summary's ``bits_per_second`` counts them.
    """

    codec: str = "av1"
    mode: Mode = "inter"
    target_bpp: float = math.nan
    target_bitrate: float = math.nan
    budget_window: float = 1.0
    policy: str = "reference"
    checkpoint: str | None = None
    server: str | None = None
    task: str = "ur5e_lift"
    episodes: int = 3
    seed: int = 10000
    link: str = "none"
    send: Send = "on_query"
    sensor: SensorKind = "clean"
    grey: bool = False
    timing: Timing = "lockstep"
    transport: Transport = "ros"

    @property
    def seeds(self) -> list[int]:
        """One seed per episode."""
        return list(range(self.seed, self.seed + self.episodes))

    def stream(self, task: TaskConfig) -> StreamConfig:
        """The encoder's configuration for one camera: it gets an equal share of the bit rate.

        The frame period is a hint of the send schedule.
        """
        steps = task.replan_period if self.send == "on_query" else 1
        return StreamConfig(
            codec=self.codec,
            mode=self.mode,
            target_bpp=self.target_bpp,
            target_bitrate=self.target_bitrate / len(task.cameras),
            budget_window=self.budget_window,
            frame_period=steps / task.control_hz,
        )

    def link_config(self) -> LinkConfig | None:
        """The link, None for a perfect one. Raises ConfigError naming the choices."""
        if self.link == "none":
            return None
        if not self.link.endswith((".yaml", ".yml")) and self.link not in config_names("links"):
            raise ConfigError(f"unknown link {self.link!r}; choose from {', '.join(['none', *config_names('links')])}")
        link = load_dataclass(LinkConfig, "links", self.link)
        try:
            link.validate()
        except CodecError as error:
            raise ConfigError(str(error)) from error
        return link

    def validate(self) -> TaskConfig:
        """Check everything that can be checked before a process starts; returns the task. Raises ConfigError."""
        task = load_task(self.task)
        if self.episodes < 1:
            raise ConfigError(f"episodes must be 1 or more, found {self.episodes}")
        if self.seed < 0:
            raise ConfigError(f"seed must be 0 or more, found {self.seed}")
        try:
            dataclasses.replace(self.stream(task), target_bitrate=self.target_bitrate).validate()
        except CodecError as error:
            raise ConfigError(str(error)) from error
        _check_replan_time(task)
        if self.policy not in policy_names():
            raise ConfigError(f"unknown policy {self.policy!r}; choose from {', '.join(policy_names())}")
        if self.policy in PRIVILEGED and self.transport != "inprocess":
            raise ConfigError(
                f"policy {self.policy!r} reads ground truth from the simulator: it needs transport inprocess"
            )
        if self.link_config() and self.send == "every_step" and self.timing == "lockstep" and self.transport == "ros":
            # The frames of a chunk's steps are under way together: which of them meets a key frame request is chance.
            raise ConfigError(
                "send 'every_step' over a link is not repeatable over ros in lockstep; use transport inprocess"
            )
        if self.checkpoint is not None and not Path(self.checkpoint).exists():
            raise ConfigError(f"no such checkpoint: {self.checkpoint}")
        if self.timing == "realtime" and self.transport == "inprocess":
            raise ConfigError("timing 'realtime' needs transport ros; in process choose from lockstep, charged")
        if self.timing == "charged" and self.transport == "ros":
            raise ConfigError("timing 'charged' needs transport inprocess; over ros choose from lockstep, realtime")
        return task

    def to_mapping(self) -> dict[str, Any]:
        """As written to ``config.yaml``: unset targets are null."""
        values = dataclasses.asdict(self)
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}


def _check_replan_time(task: TaskConfig) -> None:
    """A chunk must last until the next one comes, or the arm would stop before every query."""
    try:
        limit = load_robot(task.robot).max_chunk_age
    except RobotError as error:
        raise ConfigError(str(error)) from error
    seconds = task.replan_period / task.control_hz
    if seconds > limit:
        raise ConfigError(
            f"task {task.name}: a query every {seconds:g} s (replan_period {task.replan_period}) is impossible with "
            f"robot {task.robot}, whose max_chunk_age is {limit:g} s"
        )


def trial_from_mapping(values: dict[str, Any], where: str) -> TrialConfig:
    """Read back what ``to_mapping`` wrote. Raises ConfigError."""
    return from_mapping(TrialConfig, values, where)
