"""A closed-loop trial in simulation: simulator, encoders, link, decoders, policy, guard, evaluator; ends with the evaluator.

    ros2 launch embodiedcomp_eval sim_trial.launch.py codec:=av1 target_bpp:=0.05 episodes:=3

Whichever node ends, ends the launch, and nothing is started again: a trial with a part missing is no trial.
"""

from functools import partial
from pathlib import Path

import yaml
from launch_ros.actions import Node

from embodiedcomp_eval.nodes.launching import (
    ASKING,
    CODING,
    EPISODES,
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

CONFIG = Path(__file__).resolve().parents[1] / "config"
ARGUMENTS = {
    **CODING,
    **TRIAL_TARGETS,
    **WINDOW,
    **ASKING,
    "task": Argument("ur5e_lift", "name in config/tasks, or a YAML file"),
    "link": Argument("none", "name in config/links, or a YAML file: what lies between encoders and decoders"),
    **EPISODES,
    "send": Argument("on_query", "when frames are sent", ("on_query", "every_step")),
    "sensor": Argument("clean", "clean pixels, or shot noise, exposure drift and vibration", ("clean", "real")),
    "timing": Argument("lockstep", "simulated time, repeatable, or wall clock", ("lockstep", "realtime")),
    **RECORDING,
    "namespace": Argument("", "namespace of every node and topic: several trials at once"),
    "out": Argument("results/launch", "folder of the results"),
}


def named_file(kind: str, name: str) -> Path:
    """``config/KIND/NAME.yaml``, or the file that ``name`` is."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else CONFIG / kind / f"{name}.yaml"
    if not path.is_file():
        choices = ", ".join(sorted(file.stem for file in (CONFIG / kind).glob("*.yaml")))
        raise RuntimeError(f"{kind.removesuffix('s')} {name!r} is unknown; choose from {choices}, or give a YAML file")
    return path


def nodes(context: LaunchContext) -> list[Node]:
    """Every node, its parameters from the launch arguments; empty ones are left to the node's own default."""
    given = Given(context, ARGUMENTS)
    task = yaml.safe_load(named_file("tasks", given.values["task"]).read_text())
    node = partial(trial_node, given.prefix)
    timing = given.chosen("timing")
    reliability = {"reliability": "best_effort" if given.values["timing"] == "realtime" else "reliable"}
    control_period = 1.0 / task["control_hz"]
    replan_period = task["replan_period"] * control_period
    # A hint for the first frames, before two stamps are known.
    period = {"frame_period": replan_period if given.values["send"] == "on_query" else control_period}
    rate = {**given.rate(len(task["cameras"])), **period, **reliability}
    asked = {**given.chosen(*ASKING), **timing, "robot": task["robot"], "instruction": task["prompt"]}
    pace = {"replan_period": replan_period, "control_period": control_period}
    started = [
        node("embodiedcomp_eval", "simulator", "simulator", given.chosen("task", "timing", "send", "sensor")),
        node("embodiedcomp_policy", "policy", "policy", {**asked, **pace}),
        node("embodiedcomp_policy", "guard", "guard", {**timing, "robot": task["robot"]}),
    ]
    names = ["simulator", "policy", "guard"]
    for camera in task["cameras"]:
        image = f"{given.prefix}/{camera}/image_raw"
        bits, linked = f"{image}/embodiedcomp", {}
        if given.values["link"] != "none":
            link = yaml.safe_load(named_file("links", given.values["link"]).read_text())
            fate = {key: value for key, value in link.items() if key != "name"}
            ends = {"in": bits, "out": f"{given.prefix}/{camera}/link/embodiedcomp"}
            fate = {**fate, "camera": image, **timing, **reliability}
            started.append(node("embodiedcomp_codec", "link", f"link_{camera}", fate, ends))
            linked = {bits: ends["out"]}
            names.append(f"link_{camera}")
        encoder, decoder = f"encoder_{camera}", f"decoder_{camera}"
        started.append(node("embodiedcomp_codec", "encoder", encoder, rate, {"image": image}))
        started.append(node("embodiedcomp_codec", "decoder", decoder, reliability, {"image": image, **linked}))
        names += [encoder, decoder]
    if given.values["record"] == "true":
        started.append(trial_recorder(given, task["cameras"]))
        names.append("recorder")
    options = {name: value for name, value in given.values.items() if name not in (*RECORDING, "namespace")}
    started.append(node("embodiedcomp_eval", "evaluator", "evaluator", {**options, "transport": "ros", "nodes": names}))
    return started


def generate_launch_description() -> LaunchDescription:
    """Arguments and wiring."""
    return description(ARGUMENTS, nodes)
