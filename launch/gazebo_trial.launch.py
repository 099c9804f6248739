"""A closed-loop trial in Gazebo: world, server, ros_gz_bridge, encoders, decoders, policy, guard, evaluator; ends with it.

    ros2 launch embodiedcomp_eval gazebo_trial.launch.py gazebo:=harmonic codec:=av1 target_bpp:=0.05 episodes:=3

The world is written beside the folder of the results, for the release and the scene that were asked for. Whichever process
ends, ends the launch, and nothing is started again: a trial with a part missing is no trial.
"""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from embodiedcomp_eval.gazebo.trial_files import write_trial_files
from launch import LaunchContext, LaunchDescription

OBJECTS = (
    "seed", "milk", "can", "cube", "bottle", "lemon", "bread", "cereal", "square_nut", "round_nut", "capsule", "hammer",
)  # fmt: skip
ARGUMENTS = {
    "gazebo": ("harmonic", "release: harmonic (Jazzy), ionic (Kilted), fortress", ("harmonic", "ionic", "fortress")),
    "gui": ("false", "also open Gazebo's window", ("false", "true")),
    "render_engine": ("ogre2", "of the cameras; ogre needs a screen", ("ogre2", "ogre")),
    "real_time_factor": ("1.0", "simulated over wall time at most; 0: as fast as it goes", None),
    "object": ("seed", "kind of object on the table; seed: each seed's own", OBJECTS),
    "codec": ("av1", "codec plug-in; 'none' sends raw pixels", None),
    "mode": ("inter", "whether frames may refer to the one before", ("inter", "intra")),
    "target_bpp": ("0.05", "payload bits per source pixel; empty: no target", None),
    "target_bitrate": ("", "payload bit/s of simulated time, all cameras together; then say target_bpp:=''", None),
    "budget_window": ("1.0", "window of the rate control, s", None),
    "policy": ("reference", "policy plug-in", None),
    "checkpoint": ("", "weights of the policy; empty: its own", None),
    "server": ("", "URL of the policy's server", None),
    "episodes": ("3", "how many, one seed each", None),
    "seed": ("10000", "seed of the first episode", None),
    "record": ("false", "also record a bag into the folder of the results", ("false", "true")),
    "storage": ("mcap", "format of the bag", ("mcap", "sqlite3")),
    "namespace": ("", "namespace of every node and topic but /clock", None),
    "out": ("results/gazebo_trial", "folder of the results; world and bridge file go beside it, into OUT_world", None),
}
"""name: (default, description, choices)"""
NUMBERS = {
    "target_bpp": float, "target_bitrate": float, "budget_window": float, "episodes": int, "seed": int,
    "real_time_factor": float,
}  # fmt: skip
TASK, ROBOT, CAMERAS = "ur5e_lift_gazebo", "ur5e", ("base_camera", "wrist_camera")
RECORDED = (
    "joint_states", "object_pose", "policy_trajectory", "joint_trajectory_controller/joint_trajectory", "policy/status",
    "guard/status", "episode", "trial_result",
)  # fmt: skip


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


def processes(context: LaunchContext) -> list[Node]:
    """Server, bridge and nodes, their parameters from the launch arguments; empty ones are left to the node's default."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    values = {name: NUMBERS.get(name, str)(text) for name, text in given.items() if text != ""}
    namespace = given["namespace"].strip("/")
    prefix = f"/{namespace}" if namespace else ""
    files = write_trial_files(
        Path(given["out"]), given["gazebo"], given["render_engine"], values["seed"], given["object"],
        values["real_time_factor"], given["gui"] == "true",
    )  # fmt: skip

    def chosen(*names: str) -> dict[str, object]:
        return {name: values[name] for name in names if name in values}

    def node(package: str, executable: str, name: str, parameters: dict[str, object], **remappings: str) -> Node:
        return Node(
            package=package,
            executable=executable,
            name=name,
            namespace=prefix,
            parameters=[typed(parameters), {"use_sim_time": package != "ros_gz_bridge"}],
            remappings=list(remappings.items()),
            output="screen",
            sigterm_timeout="30",  # s, for the recorder to put its last part on disk
            on_exit=Shutdown(reason=f"{name} ended"),
        )

    rate = {**chosen("codec", "mode", "target_bpp", "target_bitrate", "budget_window"), "frame_period": 0.1}
    if "target_bitrate" in rate:  # of all cameras together, as in `trial`; each has an encoder of its own
        rate["target_bitrate"] = float(values["target_bitrate"]) / len(CAMERAS)
    realtime = {"timing": "realtime"}
    started = [
        ExecuteProcess(cmd=files.server, output="screen", on_exit=Shutdown(reason="Gazebo ended")),
        node("ros_gz_bridge", "parameter_bridge", "gz_bridge", {"config_file": str(files.bridge)}),
        node(
            "embodiedcomp_eval",
            "gazebo",
            "simulator",  # the evaluator resets the simulator by this name
            {**chosen("gazebo", "object"), "task": TASK, "world_seed": values["seed"]},
        ),
        node(
            "embodiedcomp_policy",
            "policy",
            "policy",
            {
                **chosen("policy", "checkpoint", "server"),
                **realtime,
                "robot": ROBOT,
                "instruction": "Pick up the object",
            },
        ),
        node("embodiedcomp_policy", "guard", "guard", {**realtime, "robot": ROBOT}),
    ]
    names, recorded = ["simulator", "policy", "guard"], [f"{prefix}/{topic}" for topic in RECORDED]
    for camera in CAMERAS:
        image = f"{prefix}/{camera}/image_raw"
        encoder, decoder = f"encoder_{camera}", f"decoder_{camera}"
        lossy = {"reliability": "best_effort"}
        started.append(node("embodiedcomp_codec", "encoder", encoder, {**rate, **lossy}, image=image))
        started.append(node("embodiedcomp_codec", "decoder", decoder, lossy, image=image))
        names += [encoder, decoder]
        recorded += [image, f"{image}/embodiedcomp", f"{prefix}/{encoder}/stats", f"{prefix}/{decoder}/stats"]
    if values["record"] == "true":
        # It listens from the first reset on: before that it would pass for the reader that another node waits for.
        recorder = {**chosen("out", "storage"), "start": "reset", "topics": recorded}
        started.append(node("embodiedcomp_eval", "recorder", "recorder", recorder))
        names.append("recorder")
    trial = chosen(
        "codec", "mode", "target_bpp", "target_bitrate", "budget_window", "policy", "checkpoint", "server", "episodes",
        "seed", "out",
    )  # fmt: skip
    trial = {**trial, **realtime, "task": TASK, "send": "every_step", "transport": "ros", "nodes": names}
    started.append(node("embodiedcomp_eval", "evaluator", "evaluator", trial))
    return started


def generate_launch_description() -> LaunchDescription:
    """Arguments and wiring."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=choices and list(choices))
        for name, (default, description, choices) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=processes)])
