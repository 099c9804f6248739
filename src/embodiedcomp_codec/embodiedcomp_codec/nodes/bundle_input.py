"""The decoder's end of the thin envelope: one message in, a packet for each camera and the joint state out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, JointState
from std_msgs.msg import Header

from embodiedcomp_codec.bundle import BundleReader, Setup
from embodiedcomp_codec.bundle_state import Joints
from embodiedcomp_codec.nodes.bundle_output import JOINT_STATES, TOPIC
from embodiedcomp_codec.nodes.conversion import SECOND, byte_array
from embodiedcomp_codec.nodes.lifecycle import AutostartNode
from embodiedcomp_codec.nodes.parameters import Parameter
from embodiedcomp_codec.nodes.qos import overridable, request_qos, stream_qos
from embodiedcomp_msgs.msg import Bundle as BundleMessage
from embodiedcomp_msgs.msg import KeyFrameRequest

PARAMETERS = (
    Parameter("bundle", False, "read all cameras from the one topic `bundle`, in the order of the encoder's images"),
)
REQUEST_PERIOD = 0.5
"""s between key frame requests, at least."""


class BundleInput:
    """``receive(camera, message)`` gets each packet as if it had come alone; ``lost(reason)`` hears of messages without any."""

    def __init__(
        self,
        node: AutostartNode,
        cameras: Sequence[str],
        reliability: str,
        receive: Callable[[int, CompressedImage], None],
        lost: Callable[[str], None],
    ) -> None:
        self._node, self._receive, self._lost = node, receive, lost
        self._reliable = reliability == "reliable"
        self._reader = BundleReader(len(cameras))
        self._requested = -REQUEST_PERIOD
        qos = stream_qos(reliability)
        self._joints = node.create_lifecycle_publisher(
            JointState, f"{node.resolve_topic_name(JOINT_STATES)}/decoded", **overridable(qos)
        )
        subscription = node.create_subscription(BundleMessage, TOPIC, self._on_bundle, **overridable(qos))
        self._requests = node.create_publisher(
            KeyFrameRequest, f"{subscription.topic_name}/key_request", request_qos(reliability)
        )

    def clear(self) -> None:
        """As constructed."""
        self._reader.reset()
        self._requested = -REQUEST_PERIOD

    def _on_bundle(self, message: BundleMessage) -> None:
        if not self._node.running:
            return
        heard = None if self._reliable else time.monotonic_ns()
        received = self._reader.read(bytes(message.data), heard)
        if received.bundle is None or received.setup is None:
            self._lost(received.reason)
            if received.need_key:
                self._request(received.reason)
            return
        if received.bundle.joints is not None:
            self._joints.publish(_joint_state(received.bundle.joints, received.setup))
        for camera, (part, (frame_id, encoding)) in enumerate(zip(received.bundle.parts, received.setup.cameras)):
            if part is not None:
                packet = CompressedImage(header=_header(part.stamp_ns, frame_id), format=f"{encoding};")
                packet.data = byte_array(part.packet)
                self._receive(camera, packet)

    def _request(self, reason: str) -> None:
        now = time.monotonic()
        if now - self._requested < REQUEST_PERIOD and not self._reliable:
            return
        self._requested = now
        request = KeyFrameRequest(reason=reason.split(":", maxsplit=1)[0])
        request.header.stamp = self._node.get_clock().now().to_msg()
        self._requests.publish(request)


def _header(stamp_ns: int, frame_id: str) -> Header:
    sec, nanosec = divmod(stamp_ns, SECOND)
    return Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=frame_id)


def _joint_state(joints: Joints, setup: Setup) -> JointState:
    message = JointState(header=_header(joints.stamp_ns, setup.joint_frame), name=list(setup.joint_names))
    message.position, message.velocity, message.effort = joints.position, joints.velocity, joints.effort
    return message
