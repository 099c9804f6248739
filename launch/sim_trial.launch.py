"""A closed-loop trial in simulation: simulator, encoders, link, decoders, policy, guard, evaluator; ends with the evaluator.

    ros2 launch embodiedcomp_eval sim_trial.launch.py codec:=av1 target_bpp:=0.05 episodes:=3

Whichever node ends, ends the launch, and nothing is started again: a trial with a part missing is no trial.
"""

from pathlib import Path

import yaml
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription

CONFIG = Path(__file__).resolve().parents[1] / "config"
ARGUMENTS = {
    "codec": ("av1", "codec plug-in; 'none' sends raw pixels", None),
    "mode": ("inter", "whether frames may refer to the one before", ("inter", "intra")),
    "target_bpp": ("0.05", "payload bits per source pixel; empty: no target", None),
    "target_bitrate": ("", "payload bit/s of simulated time, all cameras together; then say target_bpp:=''", None),
    "budget_window": ("1.0", "window of the rate control, s", None),
    "policy": ("reference", "policy plug-in", None),
    "checkpoint": ("", "weights of the policy; empty: its own", None),
    "server": ("", "URL of the policy's server", None),
    "task": ("ur5e_lift", "name in config/tasks, or a YAML file", None),
    "link": ("none", "name in config/links, or a YAML file: what lies between encoders and decoders", None),
    "episodes": ("3", "how many, one seed each", None),
    "seed": ("10000", "seed of the first episode", None),
    "send": ("on_query", "when frames are sent", ("on_query", "every_step")),
    "sensor": ("clean", "clean pixels, or shot noise, exposure drift and vibration", ("clean", "real")),
    "timing": ("lockstep", "simulated time, repeatable, or wall clock", ("lockstep", "realtime")),
    "record": ("false", "also record a bag into the folder of the results", ("false", "true")),
    "storage": ("mcap", "format of the bag", ("mcap", "sqlite3")),
    "namespace": ("", "namespace of every node and topic: several trials at once", None),
    "out": ("results/launch", "folder of the results", None),
}
"""name: (default, description, choices)"""
NUMBERS = {"target_bpp": float, "target_bitrate": float, "budget_window": float, "episodes": int, "seed": int}
RECORDED = (
    "joint_states", "object_pose", "policy_trajectory", "joint_trajectory_controller/joint_trajectory", "policy/status",
    "guard/status", "episode", "trial_result",
)  # fmt: skip


def named_file(kind: str, name: str) -> Path:
    """``config/KIND/NAME.yaml``, or the file that ``name`` is."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else CONFIG / kind / f"{name}.yaml"
    if not path.is_file():
        choices = ", ".join(sorted(file.stem for file in (CONFIG / kind).glob("*.yaml")))
        raise RuntimeError(f"{kind.removesuffix('s')} {name!r} is unknown; choose from {choices}, or give a YAML file")
    return path


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


def nodes(context: LaunchContext) -> list[Node]:
    """Every node, its parameters from the launch arguments; empty ones are left to the node's own default."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    values = {name: NUMBERS.get(name, str)(text) for name, text in given.items() if text != ""}
    task = yaml.safe_load(named_file("tasks", values["task"]).read_text())
    namespace = given["namespace"].strip("/")
    prefix = f"/{namespace}" if namespace else ""

    def chosen(*names: str) -> dict[str, object]:
        return {name: values[name] for name in names if name in values}

    def node(package: str, executable: str, name: str, parameters: dict[str, object], **remappings: str) -> Node:
        return Node(
            package=package,
            executable=executable,
            name=name,
            namespace=prefix,
            parameters=[typed(parameters)],
            remappings=list(remappings.items()),
            output="screen",
            sigterm_timeout="30",  # s, for the recorder to put its last part on disk
            on_exit=Shutdown(reason=f"{name} ended"),
        )

    reliability = {"reliability": "best_effort" if values["timing"] == "realtime" else "reliable"}
    control_period = 1.0 / task["control_hz"]
    replan_period = task["replan_period"] * control_period
    # A hint for the first frames, before two stamps are known.
    period = {"frame_period": replan_period if values["send"] == "on_query" else control_period}
    rate = {**chosen("codec", "mode", "target_bpp", "target_bitrate", "budget_window"), **period}
    if "target_bitrate" in rate:  # of all cameras together, as in `trial`; each has an encoder of its own
        rate["target_bitrate"] = float(values["target_bitrate"]) / len(task["cameras"])
    started = [
        node("embodiedcomp_eval", "simulator", "simulator", chosen("task", "timing", "send", "sensor")),
        node(
            "embodiedcomp_policy",
            "policy",
            "policy",
            {
                **chosen("policy", "checkpoint", "server", "timing"),
                "robot": task["robot"],
                "instruction": task["prompt"],
                "replan_period": replan_period,
                "control_period": control_period,
            },
        ),
        node("embodiedcomp_policy", "guard", "guard", {**chosen("timing"), "robot": task["robot"]}),
    ]
    names, recorded = ["simulator", "policy", "guard"], [f"{prefix}/{topic}" for topic in RECORDED]
    for camera in task["cameras"]:
        image = f"{prefix}/{camera}/image_raw"
        bits, linked = f"{image}/embodiedcomp", {}
        if values["link"] != "none":
            link = yaml.safe_load(named_file("links", values["link"]).read_text())
            fate = {key: value for key, value in link.items() if key != "name"}
            ends = {"in": bits, "out": f"{prefix}/{camera}/link/embodiedcomp"}
            fate = {**fate, "camera": image, **chosen("timing"), **reliability}
            started.append(node("embodiedcomp_codec", "link", f"link_{camera}", fate, **ends))
            linked = {bits: ends["out"]}
            names.append(f"link_{camera}")
        encoder, decoder = f"encoder_{camera}", f"decoder_{camera}"
        started.append(node("embodiedcomp_codec", "encoder", encoder, {**rate, **reliability}, image=image))
        started.append(node("embodiedcomp_codec", "decoder", decoder, reliability, image=image, **linked))
        names += [encoder, decoder]
        recorded += [image, bits, f"{prefix}/{encoder}/stats", f"{prefix}/{decoder}/stats"]
    if values["record"] == "true":
        # It listens from the first reset on: before that it would pass for the reader that another node waits for.
        recorder = {**chosen("out", "storage"), "start": "reset", "topics": recorded}
        started.append(node("embodiedcomp_eval", "recorder", "recorder", recorder))
        names.append("recorder")
    options = {name: value for name, value in values.items() if name not in ("record", "storage", "namespace")}
    started.append(node("embodiedcomp_eval", "evaluator", "evaluator", {**options, "transport": "ros", "nodes": names}))
    return started


def generate_launch_description() -> LaunchDescription:
    """Arguments and wiring."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=choices and list(choices))
        for name, (default, description, choices) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=nodes)])
