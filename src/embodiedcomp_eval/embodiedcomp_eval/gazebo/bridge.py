"""What crosses between Gazebo and ROS: the entries of ros_gz_bridge's parameter file, from one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from embodiedcomp_eval.gazebo.versions import Version
from embodiedcomp_eval.gazebo.world import OBJECT, ROBOT, WORLD

Direction = Literal["GZ_TO_ROS", "ROS_TO_GZ"]


@dataclass(frozen=True)
class Entry:
    """One topic. ros: its name in ROS, relative to the bridge's namespace; gazebo: in Gazebo. gz_type: without package.

    lazy: bridged only while ROS listens. queue: messages kept on either side. why: for the reader of the file.
    """

    ros: str
    gazebo: str
    ros_type: str
    gz_type: str
    direction: Direction
    why: str
    lazy: bool = False
    queue: int = 10


CAMERAS = ("base_camera", "wrist_camera")
JOINT_STATES = "joint_states"
OBJECT_POSE = "object_pose"
COMMANDS = "gazebo/joint_trajectory"
ENTRIES = (
    *(
        Entry(
            f"{camera}/image_raw", f"/{camera}/image_raw", "sensor_msgs/msg/Image", "Image", "GZ_TO_ROS",
            "what the encoder takes: rgb8, 256x256, 10 Hz of simulated time",
        )
        for camera in CAMERAS
    ),
    Entry(
        JOINT_STATES, f"/model/{ROBOT}/joint_state", "sensor_msgs/msg/JointState", "Model", "GZ_TO_ROS",
        "arm and the gripper's driven joint, at every step of physics (1 ms)", queue=100,
    ),
    Entry(
        OBJECT_POSE, f"/model/{OBJECT}/pose", "geometry_msgs/msg/PoseStamped", "Pose", "GZ_TO_ROS",
        "ground truth for the evaluator, in the base frame, 10 Hz",
    ),
    Entry("/clock", "/clock", "rosgraph_msgs/msg/Clock", "Clock", "GZ_TO_ROS", "for use_sim_time"),
    Entry(
        COMMANDS, f"/model/{ROBOT}/joint_trajectory", "trajectory_msgs/msg/JointTrajectory", "JointTrajectory",
        "ROS_TO_GZ", "from our gazebo node, which gets the guard's chunk",
    ),
    *(
        Entry(
            f"gripper/{side}_contact", f"/gripper/{side}_contact", "ros_gz_interfaces/msg/Contacts", "Contacts",
            "GZ_TO_ROS", "what that finger's pad touches", lazy=True,
        )
        for side in ("left", "right")
    ),
)  # fmt: skip
SERVICES = {
    f"/world/{WORLD}/set_pose": ("Pose", "Boolean"),
    f"/world/{WORLD}/create": ("EntityFactory", "Boolean"),
    f"/world/{WORLD}/remove": ("Entity", "Boolean"),
    f"/world/{WORLD}/control": ("WorldControl", "Boolean"),
}
"""Gazebo's services that a reset or a check calls: (request, reply)."""


def bridge_yaml(version: Version) -> str:
    """The parameter file, with a line on each entry."""
    lines = [
        "# Topics that ros_gz_bridge carries for the world of gazebo_trial.launch.py; written by `embodiedcomp gazebo-world`",
        f"# for Gazebo {version.name.capitalize()} ({version.ros.capitalize()}). "
        "ROS names without a slash lie in the bridge's namespace.",
    ]
    for entry in ENTRIES:
        lines += [
            "",
            f"# {entry.why}",
            f'- ros_topic_name: "{entry.ros}"',
            f'  gz_topic_name: "{entry.gazebo}"',
            f'  ros_type_name: "{entry.ros_type}"',
            f'  gz_type_name: "{version.message(entry.gz_type)}"',
            f"  direction: {entry.direction}",
            f"  lazy: {str(entry.lazy).lower()}",
            f"  publisher_queue: {entry.queue}",
            f"  subscriber_queue: {entry.queue}",
        ]
    return "\n".join(lines) + "\n"
