"""What the nodes of a trial publish, heard by the evaluator and handed to its episode."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, JointState
from trajectory_msgs.msg import JointTrajectory

from embodiedcomp_eval.nodes.lifecycle import LOCKSTEP_QOS, SENSOR_QOS
from embodiedcomp_eval.nodes.messages import to_chunk, to_ns
from embodiedcomp_eval.remote_episode import Encoded, RemoteEpisode
from embodiedcomp_eval.subscriber import Answered, FrameReceived
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_msgs.msg import CodecStats, FrameLost, GuardStatus, PolicyStatus
from embodiedcomp_policy.joint_memory import JointMemory
from embodiedcomp_policy.robot import Robot


class TrialTopics:
    """Subscriptions of one evaluator. Nothing is heard before ``listen``; ``changed`` is called after every message."""

    def __init__(
        self,
        node: Node,
        task: TaskConfig,
        robot: Robot,
        episode: RemoteEpisode,
        frames: Any,
        changed: Callable[[], None],
    ) -> None:
        """frames: quality of service of images' topics."""
        self._task, self._robot, self._episode, self._changed = task, robot, episode, changed
        self._number: int | None = None
        self.wrong = ""
        """What of the task's file a camera contradicts; empty if nothing."""
        deep = LOCKSTEP_QOS
        node.create_subscription(PolicyStatus, "policy/status", self._on_policy, deep)
        node.create_subscription(GuardStatus, "guard/status", self._on_guard, deep)
        node.create_subscription(FrameLost, "frame_lost", self._on_lost, deep)
        self._cameras: dict[str, str] = {}
        for camera in task.cameras:
            bits = f"{camera}/image_raw/embodiedcomp"
            made = node.create_subscription(CompressedImage, bits, partial(self._on_bits, camera), frames)
            self._cameras[made.topic_name.removesuffix("/embodiedcomp")] = camera
            node.create_subscription(CodecStats, f"encoder_{camera}/stats", partial(self._on_encoder, camera), frames)
            node.create_subscription(CodecStats, f"decoder_{camera}/stats", partial(self._on_decoder, camera), frames)
        self._hear_robot(node)

    def _hear_robot(self, node: Node) -> None:
        node.create_subscription(JointState, "joint_states", self._on_joints, LOCKSTEP_QOS)
        node.create_subscription(PoseStamped, "object_pose", self._on_pose, LOCKSTEP_QOS)
        commands = "joint_trajectory_controller/joint_trajectory"
        node.create_subscription(JointTrajectory, commands, self._on_trajectory, LOCKSTEP_QOS)

    def listen(self, number: int | None) -> None:
        """Hear of the episode of that number on the topics; None: of none."""
        self._number = number

    @property
    def listening(self) -> bool:
        return self._number is not None

    def _on_joints(self, message: JointState) -> None:
        positions = self._robot.reorder(message.name, message.position)
        if self.listening and positions is not None:
            self._episode.add_joints(to_ns(message.header.stamp), positions)
            self._changed()

    def _on_pose(self, message: PoseStamped) -> None:
        if self.listening:
            self._episode.add_height(to_ns(message.header.stamp), message.pose.position.z)
            self._changed()

    def _on_trajectory(self, message: JointTrajectory) -> None:
        if self.listening:
            chunk = to_chunk(message, self._robot)
            self._episode.add_trajectory(chunk.stamp_ns, chunk.times_ns, chunk.positions)
            self._changed()

    def _on_bits(self, camera: str, message: CompressedImage) -> None:
        if self.listening:
            self._episode.add_packet(camera, to_ns(message.header.stamp), bytes(message.data))
            self._changed()

    def _on_encoder(self, camera: str, message: CodecStats) -> None:
        size, asked = (message.width, message.height), (self._task.width, self._task.height)
        if message.payload_bytes and size != asked:
            self.wrong = f"{camera} sends {size[0]}x{size[1]}, task {self._task.name} says {asked[0]}x{asked[1]}"
        if not self.listening:
            return
        if message.payload_bytes == 0:
            self._episode.add_skipped(camera, to_ns(message.header.stamp))
        else:
            encoded = Encoded(message.key, message.at_floor, message.at_ceiling, message.processing_seconds)
            self._episode.add_encoded(camera, to_ns(message.header.stamp), encoded)
        self._changed()

    def _on_decoder(self, camera: str, message: CodecStats) -> None:
        if self.listening:
            event = FrameReceived(camera, to_ns(message.header.stamp), False, message.processing_seconds)
            self._episode.add_received(event)
            self._changed()

    def _on_lost(self, message: FrameLost) -> None:
        camera = self._cameras.get(message.topic)
        if self.listening and camera is not None and message.episode == self._number:
            self._episode.add_received(FrameReceived(camera, to_ns(message.header.stamp), True, 0.0))
            self._changed()

    def _on_policy(self, message: PolicyStatus) -> None:
        stamp_ns = to_ns(message.header.stamp)
        if self.listening and message.state == "answered":
            age = 0.0 if math.isnan(message.frame_age_seconds) else message.frame_age_seconds
            self._episode.add_answer(Answered(stamp_ns, message.inference_seconds, age))
            self._changed()
        elif self.listening and message.state in ("holding", "error"):
            self._episode.add_refusal(stamp_ns)
            self._changed()

    def _on_guard(self, message: GuardStatus) -> None:
        if self.listening and message.state in ("running", "refused"):
            refusal = message.reason if message.state == "refused" else None
            self._episode.add_guarded(to_ns(message.header.stamp), refusal)
            self._changed()


class RobotTopics(TrialTopics):
    """The same beside a robot's drivers: several may tell joints, as often as they like, and no object pose is needed.

    Which commands ran is the guard's to say: their topic and joints are the controller's.
    """

    def _hear_robot(self, node: Node) -> None:
        self._memory = JointMemory(self._robot)
        node.create_subscription(JointState, "joint_states", self._on_joints, SENSOR_QOS)
        # One node for all cameras, as with bundles: each of its messages says whose it is.
        node.create_subscription(CodecStats, "encoder/stats", partial(self._on_shared, self._on_encoder), SENSOR_QOS)
        node.create_subscription(CodecStats, "decoder/stats", partial(self._on_shared, self._on_decoder), SENSOR_QOS)

    def _on_shared(self, hear: Callable[[str, CodecStats], None], message: CodecStats) -> None:
        camera = self._cameras.get(message.camera)
        if camera is not None:
            hear(camera, message)

    def _on_joints(self, message: JointState) -> None:
        stamp_ns = to_ns(message.header.stamp)
        positions = self._memory.update(stamp_ns, message.name, message.position)
        if self.listening and positions is not None:
            self._episode.add_joints(stamp_ns, positions)
