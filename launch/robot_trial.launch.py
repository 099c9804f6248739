"""Trials on a robot, beside a running robot.launch.py: the evaluator with its judges and, if asked for, a recorder.

    ros2 launch embodiedcomp_eval robot_trial.launch.py task:=ur5e_pick success:=object_pose,operator \
        object_pose:=/tag_7/pose images:=/base/image_raw,/wrist/image_raw record:=true out:=results/monday
    ros2 run embodiedcomp_eval operator

The scene is set by the operator before every episode, and nothing moves before; give robot.launch.py wait_for_episode:=true.
Whatever ends, ends the launch, the evaluator when the trial is done; nothing is started again.
"""

from launch_ros.actions import Node

from embodiedcomp_eval.nodes.launching import (
    CODING,
    EPISODES,
    FLAG,
    RATE,
    RECORDING,
    WINDOW,
    Argument,
    Given,
    description,
    recorded_topics,
    trial_node,
)
from launch import LaunchContext, LaunchDescription

OWN_TOPICS = ("object_pose", "success_signal", "joint_states")
FRAMES = ["/tf", "/tf_static"]


def words(text: str) -> list[str]:
    """The items of a comma-separated list."""
    return [item.strip() for item in text.split(",") if item.strip()]


def options(text: str) -> dict[str, object]:
    """``gripper.width_min=0.03,signal.field=force`` as parameters: numbers, true or false, else text."""
    found: dict[str, object] = {}
    for item in words(text):
        name, equals, value = item.partition("=")
        if not equals or "." not in name:
            raise ValueError(f"expected JUDGE.OPTION=VALUE, found {item}")
        flags: dict[str, object] = {"true": True, "false": False}
        try:
            found[name] = flags[value] if value in flags else float(value)
        except ValueError:
            found[name] = value
    return found


ARGUMENTS = {
    "task": Argument("ur5e_pick", "name in config/tasks, or a YAML file: cameras, sizes, horizon, lift"),
    "success": Argument("operator", "judges, comma-separated: object_pose, object_tf, gripper, signal, operator"),
    "success_options": Argument("", "options of the judges, such as gripper.width_min=0.03,gripper.width_max=0.06", kind=options),
    "scene_reset": Argument("operator", "who sets the scene: a prompt to the operator, or only the nodes", ("operator", "nodes")),
    "object_pose": Argument("object_pose", "topic of the object's pose (object_pose)"),
    "success_signal": Argument("success_signal", "topic of the number or wrench (signal)"),
    "joint_states": Argument("joint_states", "topic of the robot's joint states"),
    "images": Argument(
        "base_camera/image_raw,wrist_camera/image_raw", "image topics, as given to robot.launch.py", kind=words
    ),
    "cameras": Argument("base_camera,wrist_camera", "the task's names of them, in their order", kind=words),
    "nodes": Argument("", "nodes to reset before an episode; empty: encoders, decoders, policy, guard", kind=words),
    **CODING,
    "target_bpp": Argument("", "payload bits per source pixel that the encoders were given", kind=float),
    "target_bitrate": Argument("", "payload bit/s of all cameras together that the encoders were given", kind=float),
    **WINDOW,
    "policy": Argument("reference", "policy plug-in that runs, for the results"),
    **EPISODES,
    "retries": Argument("2", "attempts after an infrastructure error, per episode; void ones don't count", kind=int),
    **RECORDING,
    "raw_images": Argument("false", "record the images too, not only their bits", FLAG),
    "namespace": Argument("", "namespace of nodes and relative topics"),
    "use_sim_time": Argument("false", "follow /clock", FLAG),
    "out": Argument("results/robot_trial", "folder of the results"),
}  # fmt: skip


def nodes(context: LaunchContext) -> list[Node]:
    """Evaluator and recorder; empty arguments are left to the node's own default."""
    given = Given(context, ARGUMENTS)
    images, cameras = given.values["images"], given.values["cameras"]
    if len(images) != len(cameras):
        raise RuntimeError(f"images and cameras must name as many; found {', '.join(images)} and {', '.join(cameras)}")
    clock = {"use_sim_time": given.text["use_sim_time"] == "true"}
    remap = {name: given.text[name] for name in OWN_TOPICS}
    bits = {
        f"{camera}/image_raw/embodiedcomp": f"{image}/embodiedcomp"
        for image, camera in zip(images, cameras, strict=True)
    }
    remap = {source: target for source, target in {**remap, **bits}.items() if source != target}
    trial = given.chosen("task", "success", "scene_reset", *RATE, "policy", "episodes", "seed", "retries", "out")
    trial |= {
        "timing": "realtime",
        "transport": "ros",
        "send": "every_step",
        **given.values.get("success_options", {}),
        **clock,
    }
    names = given.values.get("nodes") or [
        *(f"{side}_{camera}" for camera in cameras for side in ("encoder", "decoder")), "policy", "guard",
    ]  # fmt: skip
    started = []
    if given.text["record"] == "true":
        names = [*names, "recorder"]
        wanted, also = recording(given, images, cameras, bits)
        topics = {"topics": wanted, "also": also, "start": "reset"}
        started.append(
            trial_node(
                given.prefix,
                "embodiedcomp_eval",
                "recorder",
                "recorder",
                {**given.chosen("out", "storage"), **topics, **clock},
            )
        )
    started.append(
        trial_node(given.prefix, "embodiedcomp_eval", "evaluator", "evaluator", {**trial, "nodes": names}, remap)
    )
    return started


def recording(given: Given, images: list[str], cameras: list[str], bits: dict[str, str]) -> tuple[list[str], list[str]]:
    """Topics that must be there, and those recorded where there are any: what decides is in the bag in any case."""

    def absolute(topic: str) -> str:
        return topic if topic.startswith("/") else f"{given.prefix}/{topic}"

    judges = words(given.text["success"])
    evidence = [
        given.text[topic]
        for judge, topic in (("object_pose", "object_pose"), ("signal", "success_signal"))
        if judge in judges
    ]
    wanted = [
        *bits.values(),
        given.text["joint_states"],
        "episode",
        "trial_result",
        "operator_word",
        "operator_prompt",
        *evidence,
    ]
    raw = images if given.text["raw_images"] == "true" else []
    left_out = {
        absolute(f"{camera}/{image}") for camera in cameras for image in ("image_raw", "image_raw/embodiedcomp")
    }
    left_out |= {absolute(topic) for topic in ("object_pose", "joint_states")}
    also = [topic for topic in recorded_topics(given.prefix, cameras) if topic not in left_out]
    found = [absolute(topic) for topic in [*wanted, *raw]]
    return found, [topic for topic in [*also, *FRAMES] if topic not in found]


def generate_launch_description() -> LaunchDescription:
    """Arguments and wiring."""
    return description(ARGUMENTS, nodes)
