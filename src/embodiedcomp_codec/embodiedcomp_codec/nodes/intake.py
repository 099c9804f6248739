"""A camera's pictures as they come in: raw or as JPEG and PNG files, whichever of them is published, and its calibration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from embodiedcomp_codec.nodes.parameters import Parameter
from embodiedcomp_codec.nodes.qos import overridable
from embodiedcomp_codec.view import View, adjust, sensor_to_image

RAW, COMPRESSED = "raw", "compressed"
TRANSPORTS = ("auto", RAW, COMPRESSED)
SUFFIX = "/compressed"
TYPES = {RAW: Image, COMPRESSED: CompressedImage}
PARAMETERS = (
    Parameter(
        "transport",
        "auto",
        "how images come in: sensor_msgs/Image, or JPEG and PNG files on <image>/compressed; auto: as they are published",
        choices=TRANSPORTS,
    ),
    Parameter("max_pixels", 4096 * 2304, "largest JPEG or PNG file that is decoded", "pixels", 1, 1 << 31),
    Parameter(
        "crop",
        [],
        "x, y, width, height of the part that is sent, for all cameras or one after the other",
        "pixels",
        integers=True,
    ),
    Parameter(
        "resize",
        [],
        "width, height at which it is sent, for all cameras or one after the other",
        "pixels",
        integers=True,
    ),
)
LOOK_PERIOD = 0.2
"""s between looks at who publishes, until somebody does."""

Receive = Callable[[Any], None]


class Intake:
    """One camera's subscription.

    ``base`` is the image topic's name as transports see it: an image topic that ends in ``/compressed`` is that of the
    transport. ``auto`` takes the image topic in the type that its publisher has, else ``<base>/compressed``.
    """

    def __init__(self, node: Node, image: str, transport: str, qos: QoSProfile, own: bool, receive: Receive) -> None:
        """``own``: this node itself publishes ``<base>/compressed``, which is then no input."""
        self._node, self._qos, self._receive, self._own = node, qos, receive, own
        name = node.resolve_topic_name(image)
        self.base = name.removesuffix(SUFFIX)
        self._auto = transport == "auto" and name == self.base
        self._subscription: Subscription[Any] | None = None
        self._chosen = ("", "")
        self._subscribe(name if self._auto or transport == RAW else self.base + SUFFIX, self._kind(transport, name))

    @staticmethod
    def _kind(transport: str, name: str) -> str:
        return RAW if transport == RAW or (transport == "auto" and not name.endswith(SUFFIX)) else COMPRESSED

    def look(self) -> None:
        """While nobody is heard: subscribe to whoever is there."""
        assert self._subscription is not None, "made at construction"
        if not self._auto or self._subscription.get_publisher_count():
            return
        for topic, own in ((self.base, False), (self.base + SUFFIX, self._own)):
            types = {info.topic_type for info in self._node.get_publishers_info_by_topic(topic)} if not own else set()
            for kind, message in TYPES.items():
                if f"sensor_msgs/msg/{message.__name__}" in types and (topic == self.base or kind == COMPRESSED):
                    self._subscribe(topic, kind)
                    return

    def _subscribe(self, topic: str, kind: str) -> None:
        if self._chosen == (topic, kind):
            return
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._node.get_logger().info(f"{self.base}: {kind} images from {topic}")
        self._chosen = (topic, kind)
        self._subscription = self._node.create_subscription(TYPES[kind], topic, self._receive, **overridable(self._qos))


class CalibrationRelay:
    """Publishes ``<image>/camera_info`` of the picture that is sent, made of the camera's own, which lies beside its image."""

    def __init__(self, node: Node, base: str, view: View, qos: QoSProfile) -> None:
        self._node, self._view, self._failed = node, view, False
        beside = base.rpartition("/")[0]
        self._publisher = node.create_publisher(CameraInfo, f"{base}/camera_info", qos)
        node.create_subscription(CameraInfo, f"{beside}/camera_info", self._on_info, qos)

    def _on_info(self, message: CameraInfo) -> None:
        if self._publisher.get_subscription_count() == 0:
            return
        try:
            self._publisher.publish(seen_through(self._view, message))
            self._failed = False
        except ValueError as error:
            if not self._failed:
                self._node.get_logger().error(f"{self._publisher.topic_name}: {error}; it is not published")
            self._failed = True


def seen_through(view: View, info: CameraInfo) -> CameraInfo:
    """The calibration of the picture that ``view`` makes: K and P of it, no region or binning left. Raises ViewError."""
    region, binning = info.roi, (max(info.binning_x, 1), max(info.binning_y, 1))
    # A camera with a region of interest or binning sends less than the size that its calibration names.
    size = ((region.width or info.width) // binning[0], (region.height or info.height) // binning[1])
    matrix = view.matrix(size) @ sensor_to_image((region.x_offset, region.y_offset), binning)
    k, p = adjust(info.k, info.p, matrix)
    width, height = view.size(size)
    return CameraInfo(
        header=info.header,
        width=width,
        height=height,
        distortion_model=info.distortion_model,
        d=info.d,
        k=k,
        r=info.r,
        p=p,
    )
