"""The recorder node: topics into a rosbag2 (MCAP or SQLite), without rosbag2 itself."""

from __future__ import annotations

import importlib
import signal
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.recorder import CONFIGURATION, FLUSH_SECONDS, SPLIT_SECONDS, free_folder
from embodiedcomp_eval.bags.running_clock import RunningClock
from embodiedcomp_eval.bags.types import Types
from embodiedcomp_eval.bags.writer import STORAGES, BagWriter
from embodiedcomp_eval.nodes.lifecycle import AutostartNode, ParameterError, run_node
from embodiedcomp_msgs.srv import ResetEpisode

LOOK_PERIOD = 0.5
"""s between looks for new topics."""
DEPTH = 1000
UNWANTED = ("/rosout", "/parameter_events")


class RecorderNode(AutostartNode):
    """Subscribes what there is, with the quality of service that it is offered with, and writes it as it comes."""

    errors = (ParameterError, BagError)

    def __init__(self) -> None:
        super().__init__("recorder")
        self._writer: BagWriter | None = None

    def prepare(self) -> None:
        """Read parameters; begin now, or with the first episode."""
        self._out = Path(self.parameter("out", "results/recording", "folder that the bag is made in"))
        self._storage = self.choice("storage", tuple(STORAGES), "format of the bag")
        self._wanted = self.parameter("topics", [""], "topics to record; empty: all but logs and parameter events")
        self._also = self.parameter("also", [""], "topics to record beside them where there are any; not waited for")
        self._split = self.parameter("split_seconds", SPLIT_SECONDS, "a part of the bag ends after, s", 1.0, 86400.0)
        start = self.choice("start", ("now", "reset"), "begin at once, or with the first reset_episode")
        self._types = Types()
        self._time = RunningClock()
        self._heard: dict[str, Any] = {}
        self._passed: set[str] = set(UNWANTED)
        self.create_service(ResetEpisode, "~/reset_episode", self._on_reset)
        if start == "now":
            self._begin()

    def close(self) -> None:
        """Put the last part on disk."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _begin(self) -> None:
        file = self._out / "config.yaml"
        custom = {CONFIGURATION: file.read_text(encoding="utf-8")} if file.is_file() else {}
        self._writer = BagWriter(
            free_folder(self._out), self._storage, custom=custom, split_seconds=self._split, flush_seconds=FLUSH_SECONDS
        )
        self._look()
        self.create_timer(LOOK_PERIOD, self._look)
        self.create_timer(FLUSH_SECONDS, self._writer.flush)
        self.get_logger().info(f"recording into {self._writer.path}")

    def _look(self) -> None:
        """Subscribe what is new."""
        for topic, kinds in self.get_topic_names_and_types():
            asked = topic in self._wanted or topic in self._also
            wanted = asked if self._wanted else topic not in self._passed
            if not wanted or topic in self._heard or self.count_publishers(topic) == 0:
                continue
            package, _, name = kinds[0].partition("/msg/")
            try:
                self._types.need(kinds[0])
                kind = getattr(importlib.import_module(f"{package}.msg"), name)
            except (BagError, ModuleNotFoundError, AttributeError) as error:
                self.get_logger().warning(f"{topic} is not recorded: {error}")
                self._passed.add(topic)
                continue
            self._heard[topic] = self.create_subscription(
                kind, topic, partial(self._on_message, topic, kinds[0]), self._quality(topic), raw=True
            )

    def _quality(self, topic: str) -> QoSProfile:
        """What every publisher of the topic offers at least."""
        offers = [info.qos_profile for info in self.get_publishers_info_by_topic(topic)]
        reliable = all(offer.reliability == ReliabilityPolicy.RELIABLE for offer in offers)
        latched = all(offer.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers)
        return QoSProfile(
            depth=DEPTH,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        )

    def _on_message(self, topic: str, msgtype: str, data: bytes) -> None:
        if self._writer is not None and self.running:
            self._writer.add_topic(topic, msgtype, self._types.store)
            log_ns, fell_ns = self._time.place(self.get_clock().now().nanoseconds)
            if fell_ns:
                self.get_logger().warning(
                    f"the clock fell back by {fell_ns / 1e9:.3f} s: times of recording go on from the last one",
                    once=True,
                )
            self._writer.write(topic, log_ns, data)

    def _on_reset(self, request: ResetEpisode.Request, response: ResetEpisode.Response) -> ResetEpisode.Response:
        """Ready once every topic asked for is heard: then nothing of step 0 is missing from the bag."""
        if self._writer is None:
            self._begin()
        self._look()
        unheard = [t for t in self._wanted if t not in self._heard or self._heard[t].get_publisher_count() == 0]
        response.ok = not unheard
        response.message = f"nobody publishes {', '.join(unheard)} yet" if unheard else ""
        return response


def main() -> int:
    """``ros2 run embodiedcomp_eval recorder``."""
    made: list[RecorderNode] = []

    def make() -> RecorderNode:
        made.append(RecorderNode())
        return made[0]

    try:
        return run_node("recorder", make)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # asked twice, the last part would be lost
        for node in made:
            node.close()
