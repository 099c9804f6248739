"""The suite on a robot: encoders and guard beside its drivers, decoders and policy where the GPU is, or all on one host.

    ros2 launch embodiedcomp_eval robot.launch.py side:=robot  images:=/base/image_raw,/wrist/image_raw target_bitrate:=64000
    ros2 launch embodiedcomp_eval robot.launch.py side:=remote images:=/base/image_raw,/wrist/image_raw policy:=reference

Give both sides the same images, robot and namespace. A node that dies is started again after 2 s (``respawn``), five times
at most; the others go on meanwhile: a decoder that comes back asks for a key frame, and a guard that has lost its policy
holds the arm. While the guard itself is gone nothing commands the arm: the controller keeps its last target.
"""

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription

ARGUMENTS = {
    "side": (
        "both",
        "which nodes: robot (encoders, guard), remote (decoders, policy), both",
        ("robot", "remote", "both"),
    ),
    "images": (
        "base_camera/image_raw,wrist_camera/image_raw",
        "image topics, comma-separated; relative ones lie in the namespace",
        None,
    ),
    "cameras": (
        "base_camera,wrist_camera",
        "the policy's name for each of the images, in their order, comma-separated",
        None,
    ),
    "codec": ("av1", "codec plug-in; 'none' sends raw pixels", None),
    "mode": ("inter", "whether frames may refer to the one before", ("inter", "intra")),
    "target_bpp": ("", "payload bits per source pixel, of each camera; empty: no target", None),
    "target_bitrate": ("64000", "payload bit/s, of each camera; empty: no target", None),
    "budget_window": ("1.0", "window of the rate control, s", None),
    "policy": ("reference", "policy plug-in", None),
    "checkpoint": ("", "weights of the policy; empty: its own", None),
    "server": ("", "URL of the policy's server", None),
    "instruction": ("Pick up the object", "what the policy is told", None),
    "replan_period": ("1.0", "time between questions to the policy, s", None),
    "image_tolerance": (
        "0.02",
        "how far apart the stamps of one set of images may be, s; 0 if triggered together",
        None,
    ),
    "robot": ("ur5e", "name in config/robots, or a YAML file: joints and limits", None),
    "command_interface": ("joint_trajectory", "what the controller takes", ("joint_trajectory", "forward_position")),
    "gripper": ("joint", "gripper within the arm's command, or on a topic of its own", ("joint", "topic")),
    "velocity_scale": ("1.0", "share of the joints' speed limits that may be used; begin with 0.1", None),
    "joint_states": ("joint_states", "topic of the robot's joint states", None),
    "commands": ("", "topic of the controller's commands; empty: the usual one of command_interface", None),
    "namespace": ("", "namespace of nodes and relative topics: several robots side by side", None),
    "use_sim_time": ("false", "follow /clock", ("false", "true")),
    "respawn": ("true", "start a node again that died", ("true", "false")),
}
"""name: (default, description, choices)"""
NUMBERS = dict.fromkeys(
    ("target_bpp", "target_bitrate", "budget_window", "replan_period", "image_tolerance", "velocity_scale"), float
)
COMMANDS = {
    "joint_trajectory": "joint_trajectory_controller/joint_trajectory",
    "forward_position": "forward_position_controller/commands",
}
RESPAWN_DELAY, RESPAWNS = 2.0, 5


def typed(parameters: dict[str, object]) -> dict[str, object]:
    """Parameters that keep their type: launch_ros would read a text such as 'yes' or '12' as YAML."""
    kept = {}
    for name, value in parameters.items():
        if isinstance(value, str):
            kept[name] = ParameterValue(value, value_type=str)
        elif isinstance(value, list):
            kept[name] = ParameterValue(value, value_type=list[str])
        else:
            kept[name] = value
    return kept


def names_in(text: str) -> list[str]:
    """The items of a comma-separated list."""
    return [item.strip() for item in text.split(",") if item.strip()]


def nodes(context: LaunchContext) -> list[Node]:
    """The nodes of the chosen side; empty arguments are left to the node's own default."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    values = {name: float(text) if name in NUMBERS else text for name, text in given.items() if text != ""}
    images, cameras = names_in(given["images"]), names_in(given["cameras"])
    if not images or len(images) != len(cameras) or len(set(cameras)) != len(cameras):
        raise RuntimeError(
            f"images and cameras must name as many, all different; found images {given['images']!r}, "
            f"cameras {given['cameras']!r}"
        )

    def chosen(*names: str) -> dict[str, object]:
        return {name: values[name] for name in names if name in values}

    def node(package: str, executable: str, name: str, parameters: dict[str, object], remap: dict[str, str]) -> Node:
        return Node(
            package=package,
            executable=executable,
            name=name,
            namespace=given["namespace"],
            parameters=[typed(parameters), {"use_sim_time": given["use_sim_time"] == "true"}],
            remappings=[(source, target) for source, target in remap.items() if source != target],
            output="screen",
            respawn=given["respawn"] == "true",
            respawn_delay=RESPAWN_DELAY,
            respawn_max_retries=RESPAWNS,
        )

    joints = {"joint_states": given["joint_states"]}
    started = []
    if given["side"] in ("robot", "both"):
        rate = chosen("codec", "mode", "target_bpp", "target_bitrate", "budget_window")
        for image, camera in zip(images, cameras, strict=True):
            started.append(node("embodiedcomp_codec", "encoder", f"encoder_{camera}", rate, {"image": image}))
        usual = COMMANDS[given["command_interface"]]
        limits = chosen("robot", "command_interface", "gripper", "velocity_scale")
        remap = {**joints, usual: given["commands"] or usual}
        started.append(node("embodiedcomp_policy", "guard", "guard", limits, remap))
    if given["side"] in ("remote", "both"):
        for image, camera in zip(images, cameras, strict=True):
            started.append(node("embodiedcomp_codec", "decoder", f"decoder_{camera}", {}, {"image": image}))
        asked = chosen("policy", "checkpoint", "server", "robot", "instruction", "replan_period", "image_tolerance")
        decoded = {"cameras": cameras, "image_topics": [f"{image}/decoded" for image in images]}
        started.append(node("embodiedcomp_policy", "policy", "policy", {**asked, **decoded}, joints))
    return started


def generate_launch_description() -> LaunchDescription:
    """Arguments and wiring."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=choices and list(choices))
        for name, (default, description, choices) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=nodes)])
