"""A closed-loop trial in simulation: simulator, encoders, decoders, policy, guard, evaluator; ends with the evaluator.

    ros2 launch embodiedcomp_eval sim_trial.launch.py codec:=av1 target_bpp:=0.05 episodes:=3

Whichever node dies ends the launch: a trial with a part missing is no trial.
"""

from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription

CAMERAS = ("base_camera", "wrist_camera")
ARGUMENTS = {
    "codec": ("av1", "codec plug-in; 'none' sends raw pixels", None),
    "mode": ("inter", "whether frames may refer to the one before", ("inter", "intra")),
    "target_bpp": ("0.05", "payload bits per source pixel; empty: no target", None),
    "target_bitrate": ("", "payload bit/s of simulated time, in place of target_bpp", None),
    "policy": ("reference", "policy plug-in", None),
    "checkpoint": ("", "weights of the policy; empty: its own", None),
    "server": ("", "URL of the policy's server", None),
    "task": ("ur5e_lift", "name in config/tasks, or a YAML file; its cameras are base_camera and wrist_camera", None),
    "episodes": ("3", "how many, one seed each", None),
    "seed": ("10000", "seed of the first episode", None),
    "send": ("on_query", "when frames are sent", ("on_query", "every_step")),
    "sensor": ("clean", "clean pixels, or shot noise, exposure drift and vibration", ("clean", "real")),
    "timing": ("lockstep", "simulated time, repeatable, or wall clock", ("lockstep", "realtime")),
    "out": ("results/launch", "folder of the results", None),
}
"""name: (default, description, choices)"""
NUMBERS = {"target_bpp": float, "target_bitrate": float, "episodes": int, "seed": int}


def nodes(context: LaunchContext) -> list[Node]:
    """Every node, its parameters from the launch arguments; empty ones are left to the node's own default."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    values = {name: NUMBERS.get(name, str)(text) for name, text in given.items() if text != ""}

    def chosen(*names: str) -> dict[str, object]:
        return {name: values[name] for name in names if name in values}

    def node(package: str, executable: str, name: str, parameters: dict[str, object], **remappings: str) -> Node:
        return Node(
            package=package,
            executable=executable,
            name=name,
            parameters=[parameters] if parameters else [],
            remappings=list(remappings.items()),
            output="screen",
            on_exit=Shutdown(reason=f"{name} ended"),
        )

    reliability = {"reliability": "best_effort" if values["timing"] == "realtime" else "reliable"}
    # A hint for the first frames, before two stamps are known: the tasks run at 10 Hz and ask every tenth step.
    period = {"frame_period": 1.0 if values["send"] == "on_query" else 0.1}
    rate = {**chosen("codec", "mode", "target_bpp", "target_bitrate"), **period}
    coders = []
    for camera in CAMERAS:
        image = f"/{camera}/image_raw"
        coders.append(node("embodiedcomp_codec", "encoder", f"encoder_{camera}", {**rate, **reliability}, image=image))
        coders.append(node("embodiedcomp_codec", "decoder", f"decoder_{camera}", reliability, image=image))
    return [
        node("embodiedcomp_eval", "simulator", "simulator", chosen("task", "timing", "send", "sensor")),
        *coders,
        node("embodiedcomp_policy", "policy", "policy", chosen("policy", "checkpoint", "server", "timing")),
        node("embodiedcomp_policy", "guard", "guard", chosen("timing")),
        node("embodiedcomp_eval", "evaluator", "evaluator", {**values, "transport": "ros"}),
    ]


def generate_launch_description() -> LaunchDescription:
    """Arguments and wiring."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=choices and list(choices))
        for name, (default, description, choices) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=nodes)])
