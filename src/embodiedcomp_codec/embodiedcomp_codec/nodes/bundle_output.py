"""The encoder's end of the thin envelope: packets of one instant, and the joint state, in one message."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from embodiedcomp_codec.bundle import BundleError, BundleWriter, Setup
from embodiedcomp_codec.bundle_state import Bundle, Joints, Part
from embodiedcomp_codec.instants import Instants
from embodiedcomp_codec.nodes.conversion import byte_array, stamp_to_ns
from embodiedcomp_codec.nodes.outputs import on_joined
from embodiedcomp_codec.nodes.parameters import Parameter
from embodiedcomp_codec.nodes.qos import overridable, request_qos
from embodiedcomp_msgs.msg import Bundle as BundleMessage
from embodiedcomp_msgs.msg import KeyFrameRequest

TOPIC = "bundle"
JOINT_STATES = "joint_states"
PARAMETERS = (
    Parameter("bundle", False, "send what all cameras gave at one instant in one message on `bundle`"),
    Parameter("bundle_joint_states", False, "let it carry the newest joint state of `joint_states` too"),
    Parameter("bundle_tolerance", 0.0, "stamps as near as this are one instant", "s", 0.0, 10.0),
)
REMEMBERED = 256
"""Joint states: pictures are younger than that."""
WARNING_PERIOD = 5.0


class BundleOutput:
    """``requested`` is called, on the executor's thread, when a decoder lacks a key frame or has just come."""

    def __init__(
        self,
        node: LifecycleNode,
        cameras: int,
        values: Mapping[str, Any],
        qos: QoSProfile,
        requested: Callable[[Header | None], None],
    ) -> None:
        self._node = node
        self._instants: Instants[tuple[Part, tuple[str, str]]] = Instants(
            cameras, round(values["bundle_tolerance"] * 1e9)
        )
        self._writer = BundleWriter()
        self._described: list[tuple[str, str]] = [("", "rgb8")] * cameras
        self._joints: deque[JointState] = deque(maxlen=REMEMBERED)
        live = values["reliability"] != "reliable"
        self.publisher = node.create_lifecycle_publisher(
            BundleMessage,
            TOPIC,
            event_callbacks=on_joined(lambda: requested(None)) if live else None,
            **overridable(qos),
        )
        node.create_subscription(
            KeyFrameRequest,
            f"{self.publisher.topic_name}/key_request",
            lambda message: requested(message.header),
            request_qos(values["reliability"]),
        )
        if values["bundle_joint_states"]:
            node.create_subscription(JointState, JOINT_STATES, self._on_joint_state, qos)

    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self.publisher.get_subscription_count())

    def describe(self) -> None:
        """Make the next bundle one that a late joiner can read."""
        self._writer.request()

    def clear(self) -> None:
        """As constructed."""
        self._instants.clear()
        self._writer.reset()
        self._joints.clear()

    def add(self, camera: int, header: Header, encoding: str, packet: bytes) -> None:
        """Take one camera's packet; publish every instant that is complete with it."""
        stamp_ns = stamp_to_ns(header.stamp)
        for items in self._instants.add(camera, stamp_ns, (Part(packet, stamp_ns), (header.frame_id, encoding))):
            for index, (_, described) in items.items():
                self._described[index] = described
            parts = tuple(items[index][0] if index in items else None for index in range(len(self._described)))
            self._publish(Bundle(parts))

    def _on_joint_state(self, state: JointState) -> None:
        self._joints.append(state)

    def _publish(self, bundle: Bundle) -> None:
        state = self._joint_state(bundle.stamp_ns)
        names: tuple[str, ...] = ()
        frame = ""
        if state is not None:
            names, frame = tuple(state.name), state.header.frame_id
            joints = Joints(
                stamp_to_ns(state.header.stamp), tuple(state.position), tuple(state.velocity), tuple(state.effort)
            )
            bundle = Bundle(bundle.parts, joints)
        try:
            data = self._writer.write(bundle, Setup(tuple(self._described), names, frame))
        except BundleError as error:
            self._node.get_logger().error(f"{self.publisher.topic_name}: {error}", throttle_duration_sec=WARNING_PERIOD)
            return
        message = BundleMessage()
        message.data = byte_array(data)
        self.publisher.publish(message)

    def _joint_state(self, stamp_ns: int) -> JointState | None:
        """The newest that is not younger than the pictures, else the oldest there is."""
        states = list(self._joints)
        earlier = [state for state in states if stamp_to_ns(state.header.stamp) <= stamp_ns]
        return earlier[-1] if earlier else (states[0] if states else None)
