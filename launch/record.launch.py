"""Record topics into a rosbag2 (MCAP or SQLite) that ``ros2 bag``, Foxglove and ``make replay`` open; rosbag2 isn't needed.

    ros2 launch embodiedcomp_eval record.launch.py out:=results/monday topics:=/joint_states,/base/image_raw/embodiedcomp

The bag is written in parts that are whole on disk, so that a crash costs the last ``split_seconds``. The recorder is not
started again when it dies: the launch ends with it, so that a missing recording is noticed.
"""

from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription

ARGUMENTS = {
    "out": ("results/recording", "folder that the bag is made in: bag, then bag_2 and so on", None),
    "topics": ("", "topics to record, comma-separated; empty: all but logs and parameter events", None),
    "storage": ("mcap", "format of the bag", ("mcap", "sqlite3")),
    "split_seconds": ("30.0", "a part of the bag ends after this time, s: what a crash can cost", None),
    "namespace": ("", "namespace of the recorder and of relative topics", None),
    "use_sim_time": ("false", "stamp with /clock instead of the wall clock", ("false", "true")),
}
"""name: (default, description, choices)"""


def nodes(context: LaunchContext) -> list[Node]:
    """The recorder."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    space = given["namespace"].strip("/")
    prefix = f"/{space}" if space else ""
    items = [item.strip() for item in given["topics"].split(",") if item.strip()]
    topics = [item if item.startswith("/") else f"{prefix}/{item}" for item in items]
    parameters = {
        "out": ParameterValue(given["out"], value_type=str),
        "storage": ParameterValue(given["storage"], value_type=str),
        "split_seconds": float(given["split_seconds"]),
        "use_sim_time": given["use_sim_time"] == "true",
    }
    if topics:
        parameters["topics"] = ParameterValue(topics, value_type=list[str])
    return [
        Node(
            package="embodiedcomp_eval",
            executable="recorder",
            name="recorder",
            namespace=prefix,
            parameters=[parameters],
            output="screen",
            sigterm_timeout="30",  # s to put the last part on disk
            on_exit=Shutdown(reason="the recorder ended"),
        )
    ]


def generate_launch_description() -> LaunchDescription:
    """Arguments and wiring."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=choices and list(choices))
        for name, (default, description, choices) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=nodes)])
