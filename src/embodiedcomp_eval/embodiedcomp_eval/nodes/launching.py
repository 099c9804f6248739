"""What the launch files share: described arguments with types, nodes whose parameters keep theirs, the rate of the encoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription

FLAG = ("false", "true")
PATIENCE = "30"
"""s between asking a node to end and killing it: the recorder puts its last part on disk."""
BAD_INPUT = 2
"""Exit status of a node that was given what it can't work with: to start it again would change nothing."""


@dataclass(frozen=True)
class Argument:
    """One launch argument; ``kind`` reads its text, and empty text means that it isn't given."""

    default: str
    description: str
    choices: tuple[str, ...] = ()
    kind: Callable[[str], object] = str


CODING = {
    "codec": Argument("av1", "codec plug-in; 'none' sends raw pixels"),
    "mode": Argument("inter", "whether frames may refer to the one before", ("inter", "intra")),
}
TRIAL_TARGETS = {
    "target_bpp": Argument("0.05", "payload bits per source pixel; empty: no target", kind=float),
    "target_bitrate": Argument(
        "", "payload bit/s of simulated time, all cameras together; then say target_bpp:=''", kind=float
    ),
}
WINDOW = {"budget_window": Argument("1.0", "window of the rate control, s", kind=float)}
ASKING = {
    "policy": Argument("reference", "policy plug-in"),
    "checkpoint": Argument("", "weights of the policy; empty: its own"),
    "server": Argument("", "URL of the policy's server"),
}
EPISODES = {
    "episodes": Argument("3", "how many, one seed each", kind=int),
    "seed": Argument("10000", "seed of the first episode", kind=int),
}
RECORDING = {
    "record": Argument("false", "also record a bag into the folder of the results", FLAG),
    "storage": Argument("mcap", "format of the bag", ("mcap", "sqlite3")),
}
RATE = ("codec", "mode", "target_bpp", "target_bitrate", "budget_window")
"""Of these arguments each is an encoder's parameter of the same name."""


class Given:
    """The values of a launch file's arguments. text: as they were typed; values: read, those that are not empty."""

    def __init__(self, context: LaunchContext, arguments: Mapping[str, Argument]) -> None:
        """Raise RuntimeError naming a value that can't be read."""
        self.text = {name: LaunchConfiguration(name).perform(context) for name in arguments}
        self.values: dict[str, Any] = {}
        for name, text in self.text.items():
            if text == "":
                continue
            try:
                self.values[name] = arguments[name].kind(text)
            except ValueError as error:
                raise RuntimeError(f"{name}:={text} can't be read: {error}") from error

    @property
    def prefix(self) -> str:
        """The namespace with a slash before it, or nothing."""
        space = self.text["namespace"].strip("/")
        return f"/{space}" if space else ""

    def chosen(self, *names: str) -> dict[str, Any]:
        """Those of the named arguments that are given."""
        return {name: self.values[name] for name in names if name in self.values}

    def rate(self, cameras: int) -> dict[str, Any]:
        """Parameters of a trial's encoders: ``target_bitrate`` is of all together, and each has an encoder of its own."""
        chosen = self.chosen(*RATE)
        if "target_bitrate" in chosen:
            chosen["target_bitrate"] /= cameras
        return chosen


def description(arguments: Mapping[str, Argument], function: Callable[[LaunchContext], Any]) -> LaunchDescription:
    """The arguments, and ``function``, which makes the processes of their values."""
    declared = [
        DeclareLaunchArgument(
            name,
            default_value=argument.default,
            description=argument.description,
            choices=list(argument.choices) or None,
        )
        for name, argument in arguments.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=function)])


def typed(parameters: Mapping[str, object]) -> dict[str, Any]:
    """Parameters that keep their type: launch_ros would read a text such as 'yes' or '12' as YAML."""
    kept: dict[str, Any] = {}
    for name, value in parameters.items():
        if isinstance(value, str):
            kept[name] = ParameterValue(value, value_type=str)
        elif isinstance(value, list) and value and isinstance(value[0], str):
            kept[name] = ParameterValue(value, value_type=list[str])
        else:
            kept[name] = value
    return kept


def trial_node(
    prefix: str,
    package: str,
    executable: str,
    name: str,
    parameters: Mapping[str, object],
    remappings: Mapping[str, str] | None = None,
) -> Node:
    """A node whose end is the launch's end: a trial or a recording with a part missing is none."""
    return Node(
        package=package,
        executable=executable,
        name=name,
        namespace=prefix,
        parameters=[typed(parameters)],
        remappings=list((remappings or {}).items()),
        output="screen",
        sigterm_timeout=PATIENCE,
        on_exit=Shutdown(reason=f"{name} ended"),
    )


def respawned(name: str, respawns: int) -> Callable[[Any, LaunchContext], Any]:
    """``on_exit`` of a node that is started again so many times: bad input ends the launch, the last end is told."""
    ends = 0

    def on_exit(event: Any, context: LaunchContext) -> Any:
        nonlocal ends
        if context.is_shutdown:
            return None
        ends += 1
        if event.returncode == BAD_INPUT:
            return Shutdown(reason=f"{name} was given what it can't work with: see its last line")
        if ends > respawns:
            return LogInfo(msg=f"{name} has ended and is not started again: the others go on without it")
        return None

    return on_exit


def recorded_topics(prefix: str, cameras: Sequence[str]) -> list[str]:
    """What ``record:=true`` keeps of a trial."""
    told = (
        "joint_states", "object_pose", "policy_trajectory", "joint_trajectory_controller/joint_trajectory",
        "policy/status", "guard/status", "episode", "trial_result",
    )  # fmt: skip
    of_cameras = [
        topic
        for camera in cameras
        for topic in (
            f"{prefix}/{camera}/image_raw", f"{prefix}/{camera}/image_raw/embodiedcomp",
            f"{prefix}/encoder_{camera}/stats", f"{prefix}/decoder_{camera}/stats",
        )
    ]  # fmt: skip
    return [*(f"{prefix}/{topic}" for topic in told), *of_cameras]


def trial_recorder(given: Given, cameras: Sequence[str], **more: object) -> Node:
    """The recorder of a trial. It listens from the first reset on: before, it would pass for a reader waited for."""
    topics = recorded_topics(given.prefix, cameras)
    parameters = {**given.chosen("out", "storage"), "start": "reset", "topics": topics, **more}
    return trial_node(given.prefix, "embodiedcomp_eval", "recorder", "recorder", parameters)
