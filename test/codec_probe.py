"""A camera and a listener for the codec nodes' tests: what a robot and its user would do to nodes that run as processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ros_harness import Processes, reset_episode, spin_until

PERIOD_NS = 100_000_000


class Probe:
    """A camera, and a listener to everything that the codec nodes publish."""

    def __init__(self, context: Any, camera: str = "/cam/image_raw", reliable: bool = True) -> None:
        import rclpy
        from rcl_interfaces.srv import GetParameters, SetParameters
        from rclpy.qos import QoSProfile, ReliabilityPolicy
        from sensor_msgs.msg import CompressedImage, Image

        from embodiedcomp_codec.nodes import conversion
        from embodiedcomp_msgs.msg import CodecStats, FrameLost, KeyFrameRequest
        from embodiedcomp_msgs.srv import ResetEpisode

        self.conversion, self.SetParameters, self.GetParameters = conversion, SetParameters, GetParameters
        self.ResetEpisode, self.CompressedImage = ResetEpisode, CompressedImage
        self.node = rclpy.create_node("probe", context=context)
        best = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        qos = QoSProfile(depth=1000, reliability=best)
        self.camera = self.node.create_publisher(Image, camera, qos)
        self._last_shown = -1
        self.bits: list[Any] = []
        self.decoded: list[Any] = []
        self.stats: list[Any] = []
        self.lost: list[Any] = []
        self.requests: list[Any] = []
        for kind, topic, found in (
            (CompressedImage, f"{camera}/embodiedcomp", self.bits),
            (Image, f"{camera}/decoded", self.decoded),
            (CodecStats, "encoder/stats", self.stats),
            (FrameLost, "frame_lost", self.lost),
            (KeyFrameRequest, f"{camera}/embodiedcomp/key_request", self.requests),
        ):
            self.node.create_subscription(kind, topic, found.append, qos)

    def wait(self, condition: Any, timeout: float = 20.0) -> None:
        assert spin_until(self.node, condition, timeout), (len(self.bits), len(self.decoded), len(self.stats))

    def match(self, *topics: str) -> None:
        """Wait until the camera is heard and every topic has a publisher."""
        self.wait(lambda: self.camera.get_subscription_count() and all(self.node.count_publishers(t) for t in topics))

    def show(self, frame: np.ndarray, stamp_ns: int, encoding: str = "rgb8") -> None:
        self.send(self.conversion.frame_to_image(frame, encoding), stamp_ns)

    def send(self, message: Any, stamp_ns: int, publisher: Any = None) -> None:
        """Publish any stamped message, on the camera's topic if no other."""
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
        message.header.frame_id = "lens"
        (publisher or self.camera).publish(message)

    def hear(self, kind: Any, topic: str, reliable: bool = True) -> list[Any]:
        """What comes on a further topic from now on."""
        from rclpy.qos import QoSProfile, ReliabilityPolicy

        policy = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        heard: list[Any] = []
        self.node.create_subscription(kind, topic, heard.append, QoSProfile(depth=1000, reliability=policy))
        return heard

    def stamps(self, messages: list[Any]) -> list[int]:
        """Numbers of the frames that messages belong to, where frames are a period apart."""
        return [self.conversion.stamp_to_ns(message.header.stamp) // PERIOD_NS for message in messages]

    def call(self, kind: Any, service: str, request: Any) -> Any:
        client = self.node.create_client(kind, service)
        self.wait(client.service_is_ready)
        future = client.call_async(request)
        self.wait(future.done)
        return future.result()

    def until(self, condition: Any, frame: np.ndarray, show: Callable[[np.ndarray, int], None] | None = None) -> None:
        """Show a frame again and again until the condition holds: matching of others can't be seen from here."""
        for index in range(200):
            (show or self.show)(frame, index * PERIOD_NS)
            self._last_shown = index
            if spin_until(self.node, condition, 0.1):
                return
        raise AssertionError("no answer to 200 frames")

    def settle(self, decoded: list[Any] | None = None) -> None:
        """Wait until the last frame of ``until`` has come out or is lost; earlier ones may have gone unheard."""
        pictures = self.decoded if decoded is None else decoded
        self.wait(lambda: self._last_shown in self.stamps([*pictures, *self.lost]))

    def reset(self, *nodes: str, episode: int = 0) -> None:
        """Start an episode: every node clears its state, then what was heard so far is forgotten."""
        for node in nodes:
            client = self.node.create_client(self.ResetEpisode, f"{node}/reset_episode")
            self.wait(client.service_is_ready)
            reset_episode(self.node, client, episode)
        for heard in (self.bits, self.decoded, self.stats, self.lost, self.requests):
            heard.clear()

    def set(self, name: str, value: float) -> Any:
        from rclpy.parameter import Parameter

        request = self.SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        return self.call(self.SetParameters, "encoder/set_parameters", request).results[0]

    def get(self, *names: str) -> list[float]:
        request = self.GetParameters.Request(names=list(names))
        values = self.call(self.GetParameters, "encoder/get_parameters", request).values
        return [value.double_value for value in values]


def start(
    processes: Processes, node: str, *arguments: str, camera: str = "/cam/image_raw", reliable: bool = True
) -> Any:
    qos = ("-p", "reliability:=reliable") if reliable else ()
    process = processes.start("embodiedcomp_codec", node, "-r", f"image:={camera}", *qos, *arguments)
    process.wait_for("ready")
    return process
