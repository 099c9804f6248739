"""Record topics into a rosbag2 (MCAP or SQLite) that ``ros2 bag``, Foxglove and ``make replay`` open; rosbag2 isn't needed.

    ros2 launch embodiedcomp_eval record.launch.py out:=results/monday topics:=/joint_states,/base/image_raw/embodiedcomp

The bag is written in parts that are whole on disk after ``split_seconds``; of the part that a crash leaves open, ``make replay``
and ``embodiedcomp decode`` read all but the last second. The recorder is not started again when it dies: the launch ends with
it, so that a missing recording is noticed.
"""

from launch_ros.actions import Node

from embodiedcomp_eval.nodes.launching import FLAG, RECORDING, Argument, Given, description, trial_node
from launch import LaunchContext, LaunchDescription

ARGUMENTS = {
    "out": Argument("results/recording", "folder that the bag is made in: bag, then bag_2 and so on"),
    "topics": Argument("", "topics to record, comma-separated; empty: all but logs and parameter events"),
    "storage": RECORDING["storage"],
    "split_seconds": Argument("10.0", "a part of the bag ends after this time, s", kind=float),
    "namespace": Argument("", "namespace of the recorder and of relative topics"),
    "use_sim_time": Argument("false", "stamp with /clock instead of the wall clock", FLAG),
}


def nodes(context: LaunchContext) -> list[Node]:
    """The recorder."""
    given = Given(context, ARGUMENTS)
    items = [item.strip() for item in given.text["topics"].split(",") if item.strip()]
    parameters = given.chosen("out", "storage", "split_seconds")
    if items:
        parameters["topics"] = [item if item.startswith("/") else f"{given.prefix}/{item}" for item in items]
    parameters["use_sim_time"] = given.text["use_sim_time"] == "true"
    return [trial_node(given.prefix, "embodiedcomp_eval", "recorder", "recorder", parameters)]


def generate_launch_description() -> LaunchDescription:
    """Arguments and wiring."""
    return description(ARGUMENTS, nodes)
