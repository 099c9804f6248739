"""Several cameras at full pace into one encoder process: what arrives, what is dropped, how late, at what cost.

``python -m embodiedcomp_eval.nodes.camera_rig``; jobs as JSON lines on stdin, results on stdout.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage

from embodiedcomp_codec.sequences import panning
from embodiedcomp_eval.nodes.codec_path import image_message
from embodiedcomp_eval.processes import Exit, Fleet
from embodiedcomp_eval.ros_trial import executable
from embodiedcomp_eval.waiting import wait_until
from embodiedcomp_msgs.msg import CodecStats

FILM = 24
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 60.0
"""s that the nodes may take to find each other."""
SETTLE = 2.0
"""s of frames before those that count: matching, first key frames."""


class Rig:
    """Publishes frames of all cameras and listens to what the encoder makes of them."""

    def __init__(self, cameras: int, width: int, height: int) -> None:
        self.node = rclpy.create_node("camera_rig")
        best = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
        deep = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.names = [f"/camera_{index}/image_raw" for index in range(cameras)]
        self._publishers = [self.node.create_publisher(ImageMessage, name, best) for name in self.names]
        there = [panning(FILM, height, width, seed) for seed in range(cameras)]
        self._films = [[image_message(frame, 0) for frame in [*film, *film[-2:0:-1]]] for film in there]
        self.bits: list[tuple[int, int, int, float]] = []  # camera, stamp in ns, bytes, age in s
        self.dropped = dict.fromkeys(self.names, 0)
        self.processing: list[float] = []
        for index, name in enumerate(self.names):
            self.node.create_subscription(
                CompressedImage,
                f"{name}/embodiedcomp",
                lambda message, index=index: self._on_bits(index, message),
                deep,
            )
        self.node.create_subscription(CodecStats, "encoder/stats", self._on_stats, deep)

    def ready(self) -> bool:
        """Whether the encoder hears every camera and we hear it."""
        heard = all(publisher.get_subscription_count() for publisher in self._publishers)
        return heard and all(self.node.count_publishers(f"{name}/embodiedcomp") for name in self.names)

    def show(self, number: int) -> int:
        """Publish one instant, stamped now; return the stamp in ns."""
        stamp = time.time_ns()
        for publisher, film in zip(self._publishers, self._films):
            message = film[number % len(film)]
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 1_000_000_000)
            publisher.publish(message)
        return stamp

    def _on_bits(self, camera: int, message: CompressedImage) -> None:
        stamp = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        self.bits.append((camera, stamp, len(message.data), (time.time_ns() - stamp) * 1e-9))

    def _on_stats(self, message: CodecStats) -> None:
        self.dropped[message.camera] = message.dropped_frames
        self.processing.append(message.processing_seconds)


def cameras(
    cameras: int, width: int, height: int, rate: float, seconds: float, codec: str, target_bitrate: float
) -> dict[str, Any]:
    """Run them; count frames from SETTLE seconds on."""
    with Fleet() as fleet:
        rclpy.init()
        rig = Rig(cameras, width, height)
        parameters = [f"codec:={codec}", f"target_bitrate:={target_bitrate}", f"images:=[{','.join(rig.names)}]"]
        arguments = [argument for parameter in parameters for argument in ("-p", parameter)]
        command = [executable("embodiedcomp_codec", "encoder"), "--ros-args", "--log-level", "info", *arguments]
        fleet.start({"encoder": command}, {**os.environ, "RCUTILS_LOGGING_SEVERITY": "INFO"})
        while True:
            event = fleet.next()
            if isinstance(event, Exit):
                return {"error": f"the encoder ended with status {event.status}: {' '.join(event.last)}"}
            if event.text == "ready":
                break
        executor = SingleThreadedExecutor()
        executor.add_node(rig.node)
        spinning = threading.Thread(target=executor.spin, daemon=True)
        spinning.start()
        wait_until(rig.ready, "encoder on every camera's topics", PATIENCE)
        sent: set[int] = set()
        began = time.monotonic()
        frames = round((SETTLE + seconds) * rate)
        late, settled, dropped_before, cpu = 0.0, 0, {}, 0.0
        for number in range(frames):
            due = began + number / rate
            late = max(late, time.monotonic() - due)
            time.sleep(max(0.0, due - time.monotonic()))
            if number == round(SETTLE * rate):
                dropped_before, cpu, late = dict(rig.dropped), cpu_seconds(fleet.pids[0]), 0.0
                settled = number
            stamp = rig.show(number)
            if number >= round(SETTLE * rate):
                sent.add(stamp)
        wall = time.monotonic() - began - settled / rate
        time.sleep(1.0)  # what is under way arrives
        cpu = cpu_seconds(fleet.pids[0]) - cpu
        executor.shutdown()
        spinning.join()
        rclpy.try_shutdown()
    found = [entry for entry in rig.bits if entry[1] in sent]
    ages = np.array([age for *_, age in found]) if found else np.array([np.nan])
    total = sum(size for _, _, size, _ in found)
    return {
        "cameras": cameras,
        "width": width,
        "height": height,
        "rate": rate,
        "seconds": wall,
        "codec": codec,
        "frames_published": len(sent) * cameras,
        "packets_received": len(found),
        "dropped_by_encoder": sum(rig.dropped[name] - dropped_before.get(name, 0) for name in rig.names),
        "age_ms": {f"p{q}": float(np.percentile(ages, q) * 1e3) for q in (50, 95, 99, 100)},
        "encode_ms_median": float(np.median(rig.processing) * 1e3),
        "encoder_cores": cpu / wall,
        "publisher_latest_ms": 1e3 * late,
        "target_bitrate": target_bitrate,
        "achieved_bitrate": 8 * total / wall,
    }


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, s."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def main() -> None:
    """Serve jobs until stdin ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(cameras(**json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
