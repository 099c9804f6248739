"""Between ROS messages and this package's own types. Numbers pass unchanged: times as whole ns, positions as float64."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectory

from embodiedcomp_eval.outcomes import outcome_fields
from embodiedcomp_eval.simulator import JointState as Joints
from embodiedcomp_eval.simulator import Pose
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_eval.trial_config import TrialConfig
from embodiedcomp_msgs.msg import TrialResult
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.robot import Robot

SECOND = 1_000_000_000
BASE_FRAME = "base_link"
SAME_FIELDS = (
    "episode", "seed", "steps", "queries", "frames_sent", "frames_lost", "key_frames", "payload_bytes",
    "payload_bpp", "wire_bytes", "wire_bpp", "bits_per_second", "duration",
)  # fmt: skip
"""Fields of TrialResult that bear their key's name."""


def to_ns(stamp: Time | Duration) -> int:
    """A message's stamp or duration, ns."""
    return int(stamp.sec) * SECOND + int(stamp.nanosec)


def to_stamp(stamp_ns: int) -> Time:
    """The stamp of a message."""
    return Time(sec=stamp_ns // SECOND, nanosec=stamp_ns % SECOND)


def to_chunk(message: JointTrajectory, robot: Robot) -> Chunk:
    """In the robot's joint order. Raises ValueError for a message that is no trajectory of this robot."""
    points = [robot.reorder(message.joint_names, point.positions) for point in message.points]
    if not points or any(point is None for point in points):
        raise ValueError(
            f"a trajectory of {', '.join(message.joint_names) or 'no joints'} with {len(points)} points is none"
        )
    times = np.array([to_ns(point.time_from_start) for point in message.points], dtype=np.int64)
    return Chunk(to_ns(message.header.stamp), times, np.array(points, dtype=np.float64))


def joint_message(robot: Robot, joints: Joints, stamp: Time) -> JointState:
    """Positions and velocities under ROS names."""
    message = JointState(name=list(robot.names))
    message.header.stamp = stamp
    message.position, message.velocity = joints.positions.tolist(), joints.velocities.tolist()
    return message


def pose_message(pose: Pose, stamp: Time) -> PoseStamped:
    """A pose in the robot's base frame."""
    message = PoseStamped()
    message.header.stamp, message.header.frame_id = stamp, BASE_FRAME
    place, turn = message.pose.position, message.pose.orientation
    place.x, place.y, place.z = (float(value) for value in pose.position)
    turn.w, turn.x, turn.y, turn.z = (float(value) for value in pose.orientation)
    return message


def image_message(camera: str, image: npt.NDArray[np.uint8], stamp: Time) -> Image:
    """``(H, W, 3) uint8`` as ``rgb8``; an array of bytes is taken over whole, where bytes would be copied one by one."""
    height, width = image.shape[:2]
    message = Image(height=height, width=width, encoding="rgb8", step=3 * width, data=array("B", image.tobytes()))
    message.header.stamp, message.header.frame_id = stamp, camera
    return message


def error_message(
    config: TrialConfig, task: TaskConfig, episode: int, seed: int, error: str, stamp: Time
) -> TrialResult:
    """An attempt that the infrastructure voided."""
    return TrialResult(
        stamp=stamp, task=task.name, codec=config.codec, mode=config.mode, target_bpp=config.target_bpp,
        target_bitrate=config.target_bitrate, policy=config.policy, episode=episode, seed=seed,
        action_efficiency=float("nan"), error=error,
    )  # fmt: skip


def result_message(config: TrialConfig, task: TaskConfig, line: dict[str, Any], stamp: Time) -> TrialResult:
    """A line of ``episodes.jsonl``."""
    efficiency = line["action_efficiency"]
    return TrialResult(
        stamp=stamp,
        task=task.name,
        codec=config.codec,
        mode=config.mode,
        target_bpp=config.target_bpp,
        target_bitrate=config.target_bitrate,
        policy=config.policy,
        action_efficiency=float("nan") if efficiency is None else efficiency,
        wall_seconds=line["wall"]["wall_seconds"],
        **outcome_fields(line),
        **{key: line[key] for key in SAME_FIELDS},
    )
