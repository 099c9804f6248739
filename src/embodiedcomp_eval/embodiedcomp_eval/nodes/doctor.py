"""``ros2 run embodiedcomp_eval doctor``: looks at the running stack for some seconds and says what is wrong with it."""

from __future__ import annotations

import ctypes
import importlib
import os
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from embodiedcomp_eval.doctor import Arrival, Endpoint, Facts, diagnose, worth_hearing
from embodiedcomp_eval.nodes.lifecycle import AutostartNode, run_node
from embodiedcomp_eval.nodes.messages import to_ns

PICTURES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
LISTENED = (*PICTURES, "sensor_msgs/msg/JointState", "trajectory_msgs/msg/JointTrajectory")
RENDERERS = {"OSMesa": "libOSMesa.so.8", "EGL": "libEGL.so.1"}
DEPTH = 50


class DoctorNode(AutostartNode):
    """Listens to stamped topics, then reports and ends the process: status 0 if there is no problem, else 1."""

    def __init__(self) -> None:
        super().__init__("doctor")
        self.status = 0

    def prepare(self) -> None:
        """Read parameters; listen to what there is now and to what appears meanwhile."""
        images = self.parameter("images", [""], "image topics that should be there; empty: whatever there is")
        self._seconds = self.parameter("seconds", 5.0, "how long to listen, s", 1.0, 600.0)
        needed = [*images, *(f"{image}/embodiedcomp" for image in images), *(["joint_states"] if images else [])]
        self._needed = [self.resolve_topic_name(name) for name in needed]
        self._heard: dict[str, list[Arrival]] = {}
        self._kept: list[Any] = []
        self._look()
        self.create_timer(0.5, self._look)
        self.create_timer(self._seconds, self._report)

    def _look(self) -> None:
        """Listen to every topic that carries stamps, as gently as its publishers allow."""
        own = [gid for name, gid in self._writers("/rosout") if name == self.get_name()]
        for topic, kinds in self.get_topic_names_and_types() if own else []:
            gids = [gid for _, gid in self._writers(topic)]
            if topic in self._heard or kinds[0] not in LISTENED or not gids:
                continue
            if not worth_hearing(topic, kinds[0] in PICTURES, own[0], gids):
                continue
            package, _, name = kinds[0].partition("/msg/")
            kind = getattr(importlib.import_module(f"{package}.msg"), name)
            self._heard[topic] = []
            quality = QoSProfile(depth=DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT)
            self._kept.append(self.create_subscription(kind, topic, partial(self._on_message, topic), quality))

    def _writers(self, topic: str) -> list[tuple[str, bytes]]:
        """Node and GUID of each publisher of a topic."""
        return [(info.node_name, bytes(info.endpoint_gid)) for info in self.get_publishers_info_by_topic(topic)]

    def _on_message(self, topic: str, message: Any) -> None:
        self._heard[topic].append(Arrival(to_ns(message.header.stamp), self.get_clock().now().nanoseconds))

    def _report(self) -> None:
        findings = diagnose(self._facts())
        for finding in findings:
            if finding.level == "problem":  # a line of code logs at one level only
                self.get_logger().error(f"problem: {finding.text}")
            else:
                self.get_logger().warning(f"note: {finding.text}")
        problems = sum(finding.level == "problem" for finding in findings)
        self.get_logger().info(f"{len(self._heard)} topics heard for {self._seconds:g} s, {problems} problems")
        self.status = 1 if problems else 0
        rclpy.try_shutdown()

    def _facts(self) -> Facts:
        prefixes = [Path(p) for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
        packages = {p.name for prefix in prefixes for p in (prefix / "share").glob("rmw_*_cpp")}
        return Facts(
            endpoints=self._endpoints(),
            needed=self._needed,
            heard=self._heard,
            seconds=self._seconds,
            mtu={p.parent.name: int(p.read_text()) for p in Path("/sys/class/net").glob("*/mtu") if _is_up(p.parent)},
            environment=dict(os.environ),
            middlewares=sorted(packages - {"rmw_dds_common_cpp"}),
            renderers=[name for name, library in RENDERERS.items() if _loads(library)],
            weights=files("embodiedcomp_policy").joinpath("weights", "reference").is_dir(),
        )

    def _endpoints(self) -> list[Endpoint]:
        found = []
        for topic, _ in self.get_topic_names_and_types():
            for publishes, infos in (
                (True, self.get_publishers_info_by_topic(topic)),
                (False, self.get_subscriptions_info_by_topic(topic)),
            ):
                for info in infos:
                    if info.node_name == self.get_name():
                        continue
                    quality = info.qos_profile
                    found.append(
                        Endpoint(
                            f"{info.node_namespace.rstrip('/')}/{info.node_name}",
                            topic,
                            info.topic_type,
                            publishes,
                            quality.reliability == ReliabilityPolicy.RELIABLE,
                            quality.durability == DurabilityPolicy.TRANSIENT_LOCAL,
                        )
                    )
        return found


def _is_up(interface: Path) -> bool:
    return (interface / "operstate").read_text().strip() in ("up", "unknown")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def main() -> int:
    """``ros2 run embodiedcomp_eval doctor``."""
    made: list[DoctorNode] = []

    def make() -> DoctorNode:
        made.append(DoctorNode())
        return made[0]

    status = run_node("doctor", make)
    return status or (made[0].status if made else 0)
