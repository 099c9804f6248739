"""A closed-loop trial in Gazebo: world, server, ros_gz_bridge, encoders, decoders, policy, guard, evaluator; ends with it.

    ros2 launch embodiedcomp_eval gazebo_trial.launch.py gazebo:=harmonic codec:=av1 target_bpp:=0.05 episodes:=3

The world is written beside the folder of the results, for the release and the scene that were asked for. Whichever process
ends, ends the launch, and nothing is started again: a trial with a part missing is no trial.
"""

from pathlib import Path

from launch.actions import ExecuteProcess, Shutdown
from launch_ros.actions import Node

from embodiedcomp_eval.gazebo.trial_files import write_trial_files
from embodiedcomp_eval.nodes.launching import (
    ASKING,
    CODING,
    EPISODES,
    FLAG,
    RATE,
    RECORDING,
    TRIAL_TARGETS,
    WINDOW,
    Argument,
    Given,
    description,
    trial_node,
    trial_recorder,
)
from launch import LaunchContext, LaunchDescription

OBJECTS = (
    "seed", "milk", "can", "cube", "bottle", "lemon", "bread", "cereal", "square_nut", "round_nut", "capsule", "hammer",
)  # fmt: skip
ARGUMENTS = {
    "gazebo": Argument(
        "harmonic", "release: harmonic (Jazzy), ionic (Kilted), fortress", ("harmonic", "ionic", "fortress")
    ),
    "gui": Argument("false", "also open Gazebo's window", FLAG),
    "render_engine": Argument("ogre2", "of the cameras; ogre needs a screen", ("ogre2", "ogre")),
    "real_time_factor": Argument("1.0", "simulated over wall time at most; 0: as fast as it goes", kind=float),
    "object": Argument("seed", "kind of object on the table; seed: each seed's own", OBJECTS),
    **CODING,
    **TRIAL_TARGETS,
    **WINDOW,
    **ASKING,
    **EPISODES,
    **RECORDING,
    "namespace": Argument("", "namespace of every node and topic but /clock"),
    "out": Argument(
        "results/gazebo_trial", "folder of the results; world and bridge file go beside it, into OUT_world"
    ),
}
TASK, ROBOT, CAMERAS = "ur5e_lift_gazebo", "ur5e", ("base_camera", "wrist_camera")


def processes(context: LaunchContext) -> list[Node]:
    """Server, bridge and nodes, their parameters from the launch arguments; empty ones are left to the node's default."""
    given = Given(context, ARGUMENTS)
    values = given.values
    files = write_trial_files(
        Path(values["out"]), values["gazebo"], values["render_engine"], values["seed"], values["object"],
        values["real_time_factor"], values["gui"] == "true",
    )  # fmt: skip

    def node(package: str, executable: str, name: str, parameters: dict[str, object], **remappings: str) -> Node:
        simulated = {**parameters, "use_sim_time": package != "ros_gz_bridge"}
        return trial_node(given.prefix, package, executable, name, simulated, remappings)

    realtime, lossy = {"timing": "realtime"}, {"reliability": "best_effort"}
    rate = {**given.rate(len(CAMERAS)), "frame_period": 0.1, **lossy}
    asked = {**given.chosen(*ASKING), "robot": ROBOT, "instruction": "Pick up the object"}
    scene = {**given.chosen("gazebo", "object"), "task": TASK, "world_seed": values["seed"]}
    started = [
        ExecuteProcess(cmd=files.server, output="screen", on_exit=Shutdown(reason="Gazebo ended")),
        node("ros_gz_bridge", "parameter_bridge", "gz_bridge", {"config_file": str(files.bridge)}),
        node("embodiedcomp_eval", "gazebo", "simulator", scene),  # the evaluator resets the simulator by this name
        node("embodiedcomp_policy", "policy", "policy", {**asked, **realtime}),
        node("embodiedcomp_policy", "guard", "guard", {**realtime, "robot": ROBOT}),
    ]
    names = ["simulator", "policy", "guard"]
    for camera in CAMERAS:
        image = f"{given.prefix}/{camera}/image_raw"
        encoder, decoder = f"encoder_{camera}", f"decoder_{camera}"
        started.append(node("embodiedcomp_codec", "encoder", encoder, rate, image=image))
        started.append(node("embodiedcomp_codec", "decoder", decoder, lossy, image=image))
        names += [encoder, decoder]
    if values["record"] == "true":
        started.append(trial_recorder(given, CAMERAS, use_sim_time=True))
        names.append("recorder")
    trial = {**given.chosen(*RATE, *ASKING, *EPISODES, "out"), **realtime, "task": TASK, "send": "every_step"}
    started.append(node("embodiedcomp_eval", "evaluator", "evaluator", {**trial, "transport": "ros", "nodes": names}))
    return started


def generate_launch_description() -> LaunchDescription:
    """Arguments and wiring."""
    return description(ARGUMENTS, processes)
