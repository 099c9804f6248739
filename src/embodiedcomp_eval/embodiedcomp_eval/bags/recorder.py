"""Records an in-process trial as the bag that the nodes' topics would make: a subscriber of the loop."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.packet import unpack
from embodiedcomp_eval.bags.types import Types
from embodiedcomp_eval.bags.writer import BagWriter
from embodiedcomp_eval.outcomes import outcome_fields
from embodiedcomp_eval.subscriber import FrameSent, Stepped, Subscriber
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_eval.trial_config import TrialConfig

SECOND = 1_000_000_000
SPLIT_SECONDS = 10.0
FLUSH_SECONDS = 1.0
MAX_PIXELS = 1 << 31
CONFIGURATION = "embodiedcomp_configuration"
"""Key of the trial's configuration (JSON) in the bag's metadata."""


def free_folder(folder: Path) -> Path:
    """``folder/bag``, or ``folder/bag_2`` and so on where a trial is resumed."""
    names = ["bag", *(f"bag_{number}" for number in range(2, 10_000))]
    return next(folder / name for name in names if not (folder / name).exists())


class TrialRecorder(Subscriber):
    """Raw and encoded images, joint states, commands, statistics, episodes and results; stamps are simulated time.

    Time of recording never jumps: ``start_ns`` plus the simulated time of all episodes so far.
    """

    def __init__(
        self, config: TrialConfig, task: TaskConfig, joints: tuple[str, ...], folder: Path, storage: str, start_ns: int
    ) -> None:
        """folder: of the trial's results. The bag is begun with the first episode."""
        self._config, self._task, self._joints = config, task, list(joints)
        self._folder, self._storage = folder, storage
        self._types = Types()
        self._period_ns = round(1e9 / task.control_hz)
        self._offset_ns, self._now_ns = start_ns, 0
        self._episode, self._seed = -1, 0
        self._writer: BagWriter | None = None

    def reset(self, seed: int, scene: dict[str, Any], positions: npt.NDArray[np.float64], height: float) -> None:
        """An episode begins: with a part of its own, so that a crash later costs this one at most."""
        if self._writer is None:
            custom = {CONFIGURATION: json.dumps(self._config.to_mapping())}
            self._writer = BagWriter(
                free_folder(self._folder), self._storage, custom=custom, split_seconds=SPLIT_SECONDS,
                flush_seconds=FLUSH_SECONDS,
            )  # fmt: skip
        elif self._episode >= 0:
            self._offset_ns += self._now_ns + self._period_ns
            self._writer.end_part()
        self._episode, self._seed, self._now_ns = self._episode + 1, seed, 0
        self._tell(0)
        self._joint_state(positions)

    def sent(self, event: FrameSent) -> None:
        image = f"/{event.camera}/image_raw"
        self._now_ns = event.stamp_ns
        if event.image is not None:
            height, width = event.image.shape[:2]
            self._write(
                image, "sensor_msgs/msg/Image", header=self._header(event.camera), height=height, width=width,
                encoding="rgb8", is_bigendian=0, step=3 * width, data=event.image.reshape(-1),
            )  # fmt: skip
        self._write(
            f"{image}/embodiedcomp",
            "sensor_msgs/msg/CompressedImage",
            header=self._header(event.camera),
            format=f"rgb8; {self._config.codec} compressed rgb8",
            data=np.frombuffer(event.packet, dtype=np.uint8),
        )
        self._statistics(event)

    def stepped(self, event: Stepped) -> None:
        """The command of the step at its begin, the joints at its end."""
        point = self._make(
            "trajectory_msgs/msg/JointTrajectoryPoint", positions=event.target, velocities=np.zeros(0),
            accelerations=np.zeros(0), effort=np.zeros(0), time_from_start=self._duration(self._period_ns),
        )  # fmt: skip
        self._now_ns = (event.step - 1) * self._period_ns
        self._write(
            "/joint_trajectory_controller/joint_trajectory",
            "trajectory_msgs/msg/JointTrajectory",
            header=self._header(""),
            joint_names=self._joints,
            points=[point],
        )
        self._now_ns = event.step * self._period_ns
        self._joint_state(event.positions)

    def finished(self, line: Mapping[str, Any]) -> None:
        """The episode's line in ``episodes.jsonl``, as the evaluator would publish it."""
        self._tell(1, line["steps"])
        same = {
            key: line[key]
            for key in ("episode", "seed", "steps", "queries", "frames_sent", "frames_lost", "key_frames",
                        "payload_bytes", "payload_bpp", "wire_bytes", "wire_bpp", "bits_per_second", "duration")
        }  # fmt: skip
        efficiency = line["action_efficiency"]
        self._write(
            "/trial_result", "embodiedcomp_msgs/msg/TrialResult", stamp=self._time(), task=self._task.name,
            codec=self._config.codec, mode=self._config.mode, target_bpp=self._config.target_bpp,
            target_bitrate=self._config.target_bitrate, policy=self._config.policy,
            action_efficiency=math.nan if efficiency is None else efficiency,
            wall_seconds=line["wall"]["wall_seconds"], error="", **outcome_fields(line), **same,
        )  # fmt: skip

    def close(self) -> None:
        """End the bag, if one was begun."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _statistics(self, event: FrameSent) -> None:
        header, _ = unpack(event.packet, MAX_PIXELS)
        self._write(
            f"/encoder_{event.camera}/stats", "embodiedcomp_msgs/msg/CodecStats", header=self._header(event.camera),
            camera=f"/{event.camera}/image_raw", codec=self._config.codec, mode=self._config.mode,
            sequence=header.sequence, key=event.key, payload_bytes=len(event.packet), width=self._task.width,
            height=self._task.height, quality=math.nan, downsample=header.downsample, at_floor=event.at_floor,
            at_ceiling=event.at_ceiling, dropped_frames=0, target_bitrate=self._config.target_bitrate,
            achieved_bitrate=math.nan, processing_seconds=event.seconds, age_seconds=event.seconds,
        )  # fmt: skip

    def _tell(self, phase: int, step: int = 0) -> None:
        episode = {"episode": self._episode, "seed": self._seed, "step": step, "phase": phase}
        self._write("/episode", "embodiedcomp_msgs/msg/EpisodeState", **episode)

    def _joint_state(self, positions: npt.NDArray[np.float64]) -> None:
        self._write(
            "/joint_states", "sensor_msgs/msg/JointState", header=self._header(""), name=self._joints,
            position=positions.copy(), velocity=np.zeros(0), effort=np.zeros(0),
        )  # fmt: skip

    def _write(self, topic: str, msgtype: str, **fields: Any) -> None:
        assert self._writer is not None, "begun by reset"
        message = self._make(msgtype, **fields)
        self._writer.add_topic(topic, msgtype, self._types.store)
        self._writer.write(topic, self._offset_ns + self._now_ns, self._types.serialize(message, msgtype))

    def _make(self, msgtype: str, **fields: Any) -> Any:
        return self._types.message(msgtype)(**fields)

    def _time(self) -> Any:
        return self._make("builtin_interfaces/msg/Time", sec=self._now_ns // SECOND, nanosec=self._now_ns % SECOND)

    def _duration(self, length_ns: int) -> Any:
        return self._make("builtin_interfaces/msg/Duration", sec=length_ns // SECOND, nanosec=length_ns % SECOND)

    def _header(self, frame_id: str) -> Any:
        return self._make("std_msgs/msg/Header", stamp=self._time(), frame_id=frame_id)
