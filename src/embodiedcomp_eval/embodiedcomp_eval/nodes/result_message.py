"""An episode's line as the message ``TrialResult``."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time

from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_eval.trial_config import TrialConfig
from embodiedcomp_msgs.msg import TrialResult

SAME = (
    "episode", "seed", "success", "steps", "queries", "frames_sent", "frames_lost", "key_frames", "payload_bytes",
    "payload_bpp", "wire_bytes", "wire_bpp", "bits_per_second", "duration",
)  # fmt: skip
"""Fields that bear their key's name."""


def result_message(config: TrialConfig, task: TaskConfig, line: dict[str, Any], stamp: Time) -> TrialResult:
    """The message for ``line``, a line of ``episodes.jsonl``."""
    efficiency = line["action_efficiency"]
    return TrialResult(
        stamp=stamp,
        task=task.name,
        codec=config.codec,
        mode=config.mode,
        target_bpp=config.target_bpp,
        target_bitrate=config.target_bitrate,
        policy=config.policy,
        action_efficiency=float("nan") if efficiency is None else efficiency,
        wall_seconds=line["wall"]["wall_seconds"],
        **{key: line[key] for key in SAME},
    )
