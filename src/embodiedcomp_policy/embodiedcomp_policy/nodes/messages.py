"""Between ROS messages and this package's own types. Numbers pass unchanged: times as whole nanoseconds, positions as float64."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Duration, Time
from sensor_msgs.msg import Image
from std_msgs.msg import Float64MultiArray, MultiArrayDimension
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.robot import Robot

SECOND = 1_000_000_000
CHANNELS = {"rgb8": (0, 1, 2), "bgr8": (2, 1, 0), "rgba8": (0, 1, 2), "bgra8": (2, 1, 0), "mono8": (0, 0, 0)}
"""Where red, green and blue lie in a pixel of each encoding."""
PIXEL_BYTES = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1}


def stamp_to_ns(stamp: Time) -> int:
    """A message's stamp, ns."""
    return int(stamp.sec) * SECOND + int(stamp.nanosec)


def ns_to_stamp(stamp_ns: int) -> Time:
    """The stamp of a message."""
    return Time(sec=stamp_ns // SECOND, nanosec=stamp_ns % SECOND)


def image_to_rgb(message: Image) -> npt.NDArray[np.uint8]:
    """``(H, W, 3) uint8`` RGB. Raises ValueError naming the encodings it knows."""
    if message.encoding not in CHANNELS:
        raise ValueError(f"image encoding '{message.encoding}' is not one of {', '.join(CHANNELS)}")
    height, width, depth = message.height, message.width, PIXEL_BYTES[message.encoding]
    if min(height, width) == 0 or message.step < width * depth or len(message.data) < height * message.step:
        raise ValueError(f"image says {width}x{height}, {message.step} bytes a row, but carries {len(message.data)}")
    rows = np.frombuffer(message.data, dtype=np.uint8, count=height * message.step).reshape(height, message.step)
    pixels = rows[:, : width * depth].reshape(height, width, depth)
    return np.ascontiguousarray(pixels[:, :, CHANNELS[message.encoding]])


def chunk_to_trajectory(chunk: Chunk, robot: Robot, joints: list[int]) -> JointTrajectory:
    """The chunk's ``joints`` (indices), its stamp in the header. Raises ValueError for another robot's chunk."""
    if chunk.positions.ndim != 2 or chunk.positions.shape[1] != len(robot.names):
        raise ValueError(f"chunk has positions {chunk.positions.shape}, {robot.name} has {len(robot.names)} joints")
    message = JointTrajectory(joint_names=[robot.names[joint] for joint in joints])
    message.header.stamp = ns_to_stamp(chunk.stamp_ns)
    for time_ns, point in zip(chunk.times_ns.tolist(), chunk.positions[:, joints].tolist(), strict=True):
        due = Duration(sec=time_ns // SECOND, nanosec=time_ns % SECOND)
        message.points.append(JointTrajectoryPoint(positions=point, time_from_start=due))
    return message


def trajectory_to_chunk(message: JointTrajectory, robot: Robot) -> Chunk:
    """In the robot's joint order. Raises ValueError, naming what is wrong, for a message that is no chunk for it."""
    names = list(message.joint_names)
    if sorted(names) != sorted(robot.names):
        raise ValueError(
            f"trajectory is for joints {', '.join(names) or 'none'}, the robot has {', '.join(robot.names)}"
        )
    if not message.points:
        raise ValueError("trajectory has no points")
    if any(len(point.positions) != len(names) for point in message.points):
        raise ValueError(f"a trajectory point does not have {len(names)} positions")
    order = [names.index(name) for name in robot.names]
    times = [stamp_to_ns(point.time_from_start) for point in message.points]
    positions = np.array([list(point.positions) for point in message.points], dtype=np.float64)
    return Chunk(stamp_to_ns(message.header.stamp), np.array(times, dtype=np.int64), positions[:, order])


def positions_to_array(positions: npt.NDArray[np.float64], robot: Robot, joints: list[int]) -> Float64MultiArray:
    """Positions of ``joints`` (indices) as position controllers take them."""
    message = Float64MultiArray(data=positions[joints].tolist())
    label = ",".join(robot.names[joint] for joint in joints)
    message.layout.dim = [MultiArrayDimension(label=label, size=len(joints), stride=len(joints))]
    return message
