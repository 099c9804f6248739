"""The suite on a robot: encoders and guard beside its drivers, decoders and policy where the GPU is, or all on one host.

    ros2 launch embodiedcomp_eval robot.launch.py side:=robot  images:=/base/image_raw,/wrist/image_raw target_bitrate:=64000
    ros2 launch embodiedcomp_eval robot.launch.py side:=remote images:=/base/image_raw,/wrist/image_raw policy:=reference

Give both sides the same images, robot, bundle and namespace. A node that dies is started again after 2 s (``respawn``), five
times at most, then a line says that it is gone; one that was given what it can't work with (status 2, such as an unknown codec)
ends the launch instead. The others go on meanwhile: a decoder that comes back asks for a key frame, and a guard that has lost its
policy holds the arm. While the guard itself is gone nothing commands the arm: the controller keeps its last target.
"""

from collections.abc import Callable
from pathlib import Path

from launch_ros.actions import Node

from embodiedcomp_eval.nodes.launching import (
    ASKING,
    CODING,
    FLAG,
    RATE,
    WINDOW,
    Argument,
    Given,
    description,
    respawned,
    typed,
)
from launch import LaunchContext, LaunchDescription


def words(text: str) -> list[str]:
    """The items of a comma-separated list."""
    return [item.strip() for item in text.split(",") if item.strip()]


def numbers(text: str) -> list[int]:
    """The whole numbers of a comma-separated list."""
    return [int(item) for item in words(text)]


ARGUMENTS = {
    "side": Argument(
        "both",
        "which nodes: robot (encoders, guard), remote (decoders, policy), both",
        ("robot", "remote", "both"),
    ),
    "images": Argument(
        "base_camera/image_raw,wrist_camera/image_raw",
        "image topics, comma-separated; relative ones lie in the namespace",
        kind=words,
    ),
    "cameras": Argument(
        "base_camera,wrist_camera",
        "the policy's name for each of the images, in their order, comma-separated",
        kind=words,
    ),
    **CODING,
    "weights": Argument(
        "", "file or folder of a learned codec's weights, on both sides; empty: as the environment says"
    ),
    "target_bpp": Argument("", "payload bits per source pixel, of each camera; empty: no target", kind=float),
    "target_bitrate": Argument("64000", "payload bit/s, of each camera; empty: no target", kind=float),
    **WINDOW,
    "key_period": Argument("", "s between key frames at most; empty: only where one is needed", kind=float),
    "refresh_frames": Argument("", "frames in which each part is coded anew; empty: by key frames only", kind=int),
    "transport": Argument("auto", "how images come in: raw, or JPEG and PNG files", ("auto", "raw", "compressed")),
    "crop": Argument(
        "", "x,y,width,height of the part that is sent, for all cameras or one after the other", kind=numbers
    ),
    "resize": Argument("", "width,height at which it is sent, for all cameras or one after the other", kind=numbers),
    "also": Argument("", "video messages of other packages too, on the robot: ffmpeg, foxglove, or both", kind=words),
    "bundle": Argument("false", "thin link: all cameras and the joint states of an instant in one message", FLAG),
    **ASKING,
    "instruction": Argument("Pick up the object", "what the policy is told"),
    "wait_for_episode": Argument(
        "false", "the policy asks nothing, so that nothing moves, before an evaluator says that an episode runs", FLAG
    ),
    "replan_period": Argument("1.0", "time between questions to the policy, s", kind=float),
    "image_tolerance": Argument(
        "0.02", "how far apart the stamps of one set of images may be, s; 0 if triggered together", kind=float
    ),
    "robot": Argument("ur5e", "name in config/robots, or a YAML file: joints and limits"),
    "command_interface": Argument(
        "joint_trajectory", "what the controller takes", ("joint_trajectory", "forward_position")
    ),
    "gripper": Argument("joint", "gripper within the arm's command, or on a topic of its own", ("joint", "topic")),
    "velocity_scale": Argument("1.0", "share of the joints' speed limits that may be used; begin with 0.1", kind=float),
    "joint_states": Argument("joint_states", "topic of the robot's joint states"),
    "commands": Argument("", "topic of the controller's commands; empty: the usual one of command_interface"),
    "gripper_commands": Argument(
        "", "topic of the gripper's commands with gripper:=topic; empty: the usual one of command_interface"
    ),
    "params_file": Argument("", "ROS 2 parameter file for all nodes; what stands there wins (config/nodes.yaml)"),
    "namespace": Argument("", "namespace of nodes and relative topics: several robots side by side"),
    "use_sim_time": Argument("false", "follow /clock", FLAG),
    "respawn": Argument("true", "start a node again that died", ("true", "false")),
}
COMMANDS = {
    "joint_trajectory": ("joint_trajectory_controller/joint_trajectory", "gripper_controller/joint_trajectory"),
    "forward_position": ("forward_position_controller/commands", "gripper_controller/commands"),
}
"""Topics on which the guard commands arm and gripper."""
VIEWS = {"crop": 4, "resize": 2}
"""Numbers that say how a camera is cropped and resized."""
RESPAWN_DELAY, RESPAWNS = 2.0, 5
Maker = Callable[..., Node]


def node_maker(given: Given) -> Maker:
    """Makes one node: started again when it dies, its parameters under those of ``params_file``."""
    file = given.text["params_file"]
    if file and not Path(file).is_file():
        raise RuntimeError(f"params_file:={file}: no such file")

    again = given.text["respawn"] == "true"

    def node(package: str, executable: str, name: str, parameters: dict[str, object], remap: dict[str, str]) -> Node:
        simulated = {"use_sim_time": given.text["use_sim_time"] == "true"}
        return Node(
            package=package,
            executable=executable,
            name=name,
            namespace=given.text["namespace"],
            parameters=[typed(parameters), simulated, *([file] if file else [])],
            remappings=[(source, target) for source, target in remap.items() if source != target],
            output="screen",
            respawn=again,
            respawn_delay=RESPAWN_DELAY,
            respawn_max_retries=RESPAWNS,
            on_exit=respawned(name, RESPAWNS if again else 0),
        )

    return node


def encoders(given: Given, node: Maker) -> list[Node]:
    """One for each camera, or with ``bundle`` one for all, which then share what all targets come to."""
    images, cameras = given.values["images"], given.values["cameras"]
    chosen = given.chosen(*RATE, "weights", "key_period", "refresh_frames", "transport", "also")
    views = given.chosen(*VIEWS)
    for name, value in views.items():
        if len(value) not in (VIEWS[name], VIEWS[name] * len(images)):
            raise RuntimeError(f"{name} takes {VIEWS[name]} numbers, or {VIEWS[name]} for each camera, found {value}")
    if given.text["bundle"] == "true":
        shared = {**chosen, **views, "images": images, "bundle": True, "bundle_joint_states": True}
        shared["bundle_tolerance"] = given.values["image_tolerance"]
        if "target_bitrate" in shared:
            shared["target_bitrate"] *= len(images)
        return [node("embodiedcomp_codec", "encoder", "encoder", shared, {"joint_states": given.text["joint_states"]})]
    started = []
    for index, (image, camera) in enumerate(zip(images, cameras, strict=True)):
        own = {
            name: value if len(value) == VIEWS[name] else value[index * VIEWS[name] : (index + 1) * VIEWS[name]]
            for name, value in views.items()
        }
        started.append(node("embodiedcomp_codec", "encoder", f"encoder_{camera}", {**chosen, **own}, {"image": image}))
    return started


def decoders(given: Given, node: Maker) -> list[Node]:
    """One for each camera, or with ``bundle`` one for all, which then also gives the joint states."""
    chosen = given.chosen("weights")
    if given.text["bundle"] == "true":
        shared = {**chosen, "images": given.values["images"], "bundle": True}
        return [node("embodiedcomp_codec", "decoder", "decoder", shared, {"joint_states": given.text["joint_states"]})]
    return [
        node("embodiedcomp_codec", "decoder", f"decoder_{camera}", chosen, {"image": image})
        for image, camera in zip(given.values["images"], given.values["cameras"], strict=True)
    ]


def nodes(context: LaunchContext) -> list[Node]:
    """The nodes of the chosen side; empty arguments are left to the node's own default."""
    given = Given(context, ARGUMENTS)
    images, cameras = given.values.get("images", []), given.values.get("cameras", [])
    if not images or len(images) != len(cameras) or len(set(cameras)) != len(cameras):
        raise RuntimeError(
            f"images and cameras must name as many, all different; found images {given.text['images']!r}, "
            f"cameras {given.text['cameras']!r}"
        )
    node, joints, started = node_maker(given), given.text["joint_states"], []
    if given.text["side"] in ("robot", "both"):
        started += encoders(given, node)
        arm, gripper = COMMANDS[given.text["command_interface"]]
        limits = given.chosen("robot", "command_interface", "gripper", "velocity_scale")
        remap = {"joint_states": joints, arm: given.text["commands"] or arm}
        remap[gripper] = given.text["gripper_commands"] or gripper
        started.append(node("embodiedcomp_policy", "guard", "guard", limits, remap))
    if given.text["side"] in ("remote", "both"):
        started += decoders(given, node)
        asked = given.chosen(*ASKING, "robot", "instruction", "replan_period", "image_tolerance")
        asked["wait_for_episode"] = given.text["wait_for_episode"] == "true"
        decoded = {"cameras": cameras, "image_topics": [f"{image}/decoded" for image in images]}
        heard = f"{joints}/decoded" if given.text["bundle"] == "true" else joints
        started.append(node("embodiedcomp_policy", "policy", "policy", {**asked, **decoded}, {"joint_states": heard}))
    return started


def generate_launch_description() -> LaunchDescription:
    """Arguments and wiring."""
    return description(ARGUMENTS, nodes)
