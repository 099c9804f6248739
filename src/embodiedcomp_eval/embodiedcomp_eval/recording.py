"""One episode, from what happened in it to its line in ``episodes.jsonl``; the same for every transport. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.scoring import is_lifted, motion
from embodiedcomp_eval.subscriber import Answered, ChunkRefused, FrameReceived, FrameSent, Stepped, Subscriber
from embodiedcomp_eval.task import TaskConfig

WireSize = Callable[[str, int], int]
"""Bytes on the wire of a packet: (camera, payload bytes) -> bytes."""


class EpisodeRecorder(Subscriber):
    """Collects one episode. Events may come in any order within a step (over a network they do)."""

    def __init__(self, task: TaskConfig, wire_size: WireSize) -> None:
        self._task = task
        self._wire_size = wire_size
        self._period_ns = round(1e9 / task.control_hz)
        self.reset(0, {}, np.zeros(0), 0.0)

    def reset(self, seed: int, scene: dict[str, Any], positions: npt.NDArray[np.float64], height: float) -> None:
        """Forget the last episode."""
        self._seed, self._scene, self._rest_height = seed, scene, height
        self._positions = [positions.copy()]
        self._targets: list[npt.NDArray[np.float64]] = []
        self._heights: list[float] = []
        self._sent: dict[tuple[int, str], FrameSent] = {}
        self._received: dict[tuple[int, str], FrameReceived] = {}
        self._answered: dict[int, Answered] = {}
        self._refused: dict[int, ChunkRefused] = {}

    def sent(self, event: FrameSent) -> None:
        self._sent[event.stamp_ns, event.camera] = event

    def received(self, event: FrameReceived) -> None:
        self._received[event.stamp_ns, event.camera] = event

    def answered(self, event: Answered) -> None:
        self._answered[event.stamp_ns] = event

    def refused(self, event: ChunkRefused) -> None:
        self._refused[event.stamp_ns] = event

    def stepped(self, event: Stepped) -> None:
        """Steps after the end are ignored: a robot over a network has already begun them."""
        if not self.ended:
            self._targets.append(event.target.copy())
            self._positions.append(event.positions.copy())
            self._heights.append(event.height)

    @property
    def steps(self) -> int:
        """Control steps scored so far."""
        return len(self._heights)

    @property
    def success(self) -> bool:
        return bool(self._heights) and is_lifted(self._heights[-1], self._rest_height, self._task.lift_height)

    @property
    def ended(self) -> bool:
        """Success, or the horizon reached."""
        return self.success or self.steps >= self._task.horizon

    def line(self, episode: int, wall_seconds: float) -> dict[str, Any]:
        """The episode's line. Everything but ``wall`` depends on configuration and seed alone.

        frames_after_end: sent in the steps that a robot over a network still took of its last chunk; nothing else
        counts them.
        """
        end_ns = self.steps * self._period_ns
        sent = [self._sent[key] for key in sorted(self._sent) if key[0] < end_ns]
        received = [self._received[key] for key in sorted(self._received) if key[0] < end_ns]
        answered = [self._answered[key] for key in sorted(self._answered) if key < end_ns]
        refused = [self._refused[key] for key in sorted(self._refused) if key < end_ns]
        sizes = {camera: [len(f.packet) for f in sent if f.camera == camera] for camera in self._task.cameras}
        payload = sum(map(sum, sizes.values()))
        wire = sum(self._wire_size(camera, size) for camera in sizes for size in sizes[camera])
        pixels = len(sent) * self._task.width * self._task.height
        duration = self.steps / self._task.control_hz
        moved = motion(np.array(self._positions), 1.0 / self._task.control_hz)
        packets, actions = hashlib.sha256(), hashlib.sha256()
        for frame in sent:
            packets.update(f"{frame.camera} {frame.stamp_ns} {len(frame.packet)}\n".encode() + frame.packet)
        for target in self._targets:
            actions.update(np.ascontiguousarray(target, dtype="<f8").tobytes())
        return {
            "episode": episode,
            "seed": self._seed,
            "success": self.success,
            "steps": self.steps,
            "queries": len(answered),
            "guard_refusals": len(refused),
            "guard_last_reason": refused[-1].reason if refused else None,
            "lift": max(self._heights, default=self._rest_height) - self._rest_height,
            "path_length": moved.path_length,
            "action_efficiency": None if np.isnan(moved.efficiency) else moved.efficiency,
            "jerk": moved.jerk,
            "frames_sent": len(sent),
            "frames_lost": sum(frame.lost for frame in received),
            "key_frames": sum(frame.key for frame in sent),
            "frames_after_end": len(self._sent) - len(sent),
            "frames_at_floor": sum(frame.at_floor for frame in sent),
            "frames_at_ceiling": sum(frame.at_ceiling for frame in sent),
            "pixels": pixels,
            "payload_bytes": payload,
            "payload_bpp": 8 * payload / pixels if pixels else 0.0,
            "wire_bytes": wire,
            "wire_bpp": 8 * wire / pixels if pixels else 0.0,
            "bits_per_second": 8 * payload / duration if duration else 0.0,
            "duration": duration,
            "frame_bytes": sizes,
            "actions_sha256": actions.hexdigest(),
            "packets_sha256": packets.hexdigest(),
            "scene": self._scene,
            "wall": {
                "wall_seconds": round(wall_seconds, 6),
                "latency_ms": {
                    "encode": _milliseconds(frame.seconds for frame in sent),
                    "decode": _milliseconds(frame.seconds for frame in received if not frame.lost),
                    "policy": _milliseconds(answer.seconds for answer in answered),
                    "frame_age": _milliseconds(answer.frame_age for answer in answered),
                },
            },
        }


def _milliseconds(seconds: Any) -> list[float]:
    return [round(1e3 * value, 3) for value in seconds]
