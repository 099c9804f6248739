"""The link node: a thin, slow, lossy connection between two topics of any of the suite's stream types."""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.serialization import deserialize_message
from rclpy.timer import Timer
from sensor_msgs.msg import CompressedImage
from trajectory_msgs.msg import JointTrajectory

from embodiedcomp_codec.link_model import Link, LinkConfig
from embodiedcomp_codec.nodes.conversion import stamp_to_ns
from embodiedcomp_codec.nodes.lifecycle import LOCKSTEP_QOS, AutostartNode, ParameterError, run_node
from embodiedcomp_codec.nodes.parameters import Parameter, declare
from embodiedcomp_codec.nodes.qos import RELIABILITY, overridable, stream_qos
from embodiedcomp_msgs.msg import Bundle, FrameLost
from embodiedcomp_msgs.srv import ResetEpisode

TYPES = {"bits": CompressedImage, "trajectory": JointTrajectory, "bundle": Bundle}
DEFAULT = LinkConfig()
PARAMETERS = (
    Parameter("type", "bits", "what flows from `in` to `out`", choices=tuple(TYPES)),
    Parameter("rate", float("inf"), "capacity", "bit/s", 1.0),
    Parameter("queue", DEFAULT.queue, "bytes that may wait for the capacity", "bytes", 1, 1 << 31),
    Parameter("delay", DEFAULT.delay, "time on the way", "s", 0.0, 60.0),
    Parameter("jitter", DEFAULT.jitter, "random further time on the way, never reordering", "s", 0.0, 60.0),
    Parameter("loss", DEFAULT.loss, "probability that a message vanishes", "1", 0.0, 1.0),
    Parameter("seed", DEFAULT.seed, "seed of loss and jitter; an episode's seed is added to it"),
    Parameter("timing", "realtime", "lockstep: no waiting, a loss is announced", choices=("realtime", "lockstep")),
    Parameter("camera", "", "image topic whose frames flow here, for the announcement of a loss"),
    RELIABILITY,
)


class LinkNode(AutostartNode):
    """Passes serialized messages on, later or never."""

    def __init__(self) -> None:
        super().__init__("link")

    def prepare(self) -> None:
        """Read parameters; build the link, its two topics and its reset service."""
        values = declare(self, PARAMETERS)
        self._config = LinkConfig(
            **{name: values[name] for name in ("rate", "queue", "delay", "jitter", "loss", "seed")}
        )
        if values["type"] == "bundle" and values["timing"] == "lockstep":
            raise ParameterError("parameter type is 'bundle', which has no header: timing must be realtime")
        self._link = Link(self._config)
        self._lockstep = values["timing"] == "lockstep"
        self._camera = self.resolve_topic_name(values["camera"]) if values["camera"] else ""
        self._episode, self._count, self._dropped = 0, 0, 0
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._waiting: list[tuple[int, int, bytes]] = []
        self._timer: Timer | None = None  # of the next arrival
        self._type: Any = TYPES[values["type"]]
        qos = stream_qos("reliable" if self._lockstep else values["reliability"])
        self._out = self.create_publisher(self._type, "out", **overridable(qos))
        self._lost = self.create_publisher(FrameLost, "frame_lost", LOCKSTEP_QOS)
        self.create_subscription(self._type, "in", self._on_message, raw=True, **overridable(qos))
        self.create_service(ResetEpisode, "~/reset_episode", self._on_reset)

    def _on_message(self, data: bytes) -> None:
        if not self.running:
            return
        message = deserialize_message(data, self._type) if self._lockstep else None
        now = stamp_to_ns(message.header.stamp) if message is not None else self._steady.now().nanoseconds
        arrival = self._link.offer(now, len(data))
        if arrival is None:
            self._dropped += 1
            if message is not None:
                camera = self._camera or self.resolve_topic_name("in").removesuffix("/embodiedcomp")
                self._lost.publish(FrameLost(header=message.header, episode=self._episode, topic=camera))
        elif self._lockstep or arrival <= now:
            self._out.publish(data)
        else:
            self._count += 1
            heapq.heappush(self._waiting, (arrival, self._count, data))
            self._schedule()

    def _schedule(self) -> None:
        """Set the timer to the next arrival."""
        if self._timer is not None:
            self.destroy_timer(self._timer)
            self._timer = None
        if self._waiting:
            wait = max(0, self._waiting[0][0] - self._steady.now().nanoseconds)
            self._timer = self.create_timer(wait * 1e-9, self._deliver, clock=self._steady)

    def _deliver(self) -> None:
        now = self._steady.now().nanoseconds
        while self._waiting and self._waiting[0][0] <= now:
            self._out.publish(heapq.heappop(self._waiting)[2])
        self._schedule()

    def _on_reset(self, request: ResetEpisode.Request, response: ResetEpisode.Response) -> ResetEpisode.Response:
        """Ready once its output has a reader: then nothing of step 0 can be lost."""
        if self._lockstep and self._out.get_subscription_count() == 0:
            response.message = f"nobody subscribes {self._out.topic_name} yet"
            return response
        self._episode = request.episode
        self._waiting = []
        self._link = Link(replace(self._config, seed=self._config.seed + request.seed))
        self._schedule()
        response.ok = True
        return response


def main() -> int:
    """Entry point of ``ros2 run embodiedcomp_codec link``."""
    return run_node("link", LinkNode)
