"""The trial over ROS 2: which executables run with which parameters, and what became of them. No rclpy in here."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import math
import os
import random
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.processes import Exit, Fleet, Line
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_eval.trial_config import TrialConfig

DOMAINS = range(1, 102)
"""Domain ids whose ports lie below Linux's ephemeral ones."""
LOCKS = Path(tempfile.gettempdir())
"""Where a domain's lock lies, for every user of this host."""
BAD_INPUT = 2
"""Exit status of a node that was asked for something that can't be had."""


class TrialFailedError(Exception):
    """A node died or the evaluator gave up; the message is one line that names it."""


def run_ros_trial(
    config: TrialConfig,
    task: TaskConfig,
    out: Path,
    tell: Callable[[int, str], None],
    domain: int | None = None,
    storage: str | None = None,
) -> None:
    """Run the nodes until the evaluator is done. ``tell`` hears (finished episodes, what happens now).

    storage: record a bag of that storage; None: record nothing.

    Raises ConfigError (bad input, found by a node), TrialFailedError.
    """
    commands = {
        name: [executable(*node), *arguments]
        for name, (node, arguments) in nodes_of(config, task, out, storage).items()
    }
    with contextlib.ExitStack() as stack:
        number = stack.enter_context(reserved_domain()) if domain is None else domain
        fleet = stack.enter_context(Fleet())
        fleet.start(commands, environment(os.environ, number))
        while True:
            event = fleet.next()
            if isinstance(event, Line):
                words = event.text.split()
                if event.name == "evaluator" and len(words) == 3 and words[0] == "progress":
                    tell(int(words[1]), f"episode {int(words[1]) + 1}, step {words[2]}")
                continue
            if event.name == "evaluator" and event.status == 0:
                return
            _raise_for(event)


def _raise_for(event: Exit) -> None:
    words = event.last[-1] if event.last else "no reason given"
    if event.status == BAD_INPUT:
        raise ConfigError(f"{event.name}: {words}")
    if event.name == "evaluator" and event.status == 1 and event.last and not words.startswith(" "):
        raise TrialFailedError(f"evaluator: {words}")
    cause = f"signal {-event.status}" if event.status < 0 else f"status {event.status}"
    last = " | ".join(line.strip() for line in event.last[-3:])
    raise TrialFailedError(f"node {event.name} died ({cause}); its last words: {last or 'none'}")


def nodes_of(
    config: TrialConfig, task: TaskConfig, out: Path, storage: str | None = None
) -> dict[str, tuple[tuple[str, str], list[str]]]:
    """Every node of the loop: name -> ((package, executable), command line)."""
    timing = {"timing": config.timing}
    reliability = {"reliability": "best_effort" if config.timing == "realtime" else "reliable"}
    stream, link = config.stream(task), config.link_config()
    nodes: dict[str, tuple[tuple[str, str], list[str]]] = {}

    def add(name: str, package: str, program: str, parameters: Mapping[str, Any], **remappings: str) -> None:
        nodes[name] = ((package, program), ros_arguments(name, parameters, remappings))

    camera_side = {"send": config.send, "sensor": config.sensor, "grey": config.grey}
    add("simulator", "embodiedcomp_eval", "simulator", {"task": config.task, **timing, **camera_side})
    for camera in task.cameras:
        image = f"/{camera}/image_raw"
        add(
            f"encoder_{camera}",
            "embodiedcomp_codec",
            "encoder",
            {**dataclasses.asdict(stream), **reliability},
            image=image,
        )
        bits, linked = f"{image}/embodiedcomp", {}
        if link is not None:
            fate = {**dataclasses.asdict(link), "camera": image, **timing, **reliability}
            ends = {"in": bits, "out": f"/{camera}/link/embodiedcomp"}
            add(f"link_{camera}", "embodiedcomp_codec", "link", fate, **ends)
            linked = {bits: ends["out"]}
        add(f"decoder_{camera}", "embodiedcomp_codec", "decoder", reliability, image=image, **linked)
    policy = {"policy": config.policy, "checkpoint": config.checkpoint, "server": config.server, "robot": task.robot}
    period = {"replan_period": task.replan_period / task.control_hz, "control_period": 1.0 / task.control_hz}
    add("policy", "embodiedcomp_policy", "policy", {**policy, **period, "instruction": task.prompt, **timing})
    add("guard", "embodiedcomp_policy", "guard", {"robot": task.robot, **timing})
    evaluator = {**dataclasses.asdict(config), "out": str(out)}
    if storage is not None:
        # It listens from the first reset on: before that it would pass for the reader that another node waits for.
        recorder = {"out": str(out), "storage": storage, "start": "reset", "topics": str(recorded_topics(task))}
        add("recorder", "embodiedcomp_eval", "recorder", recorder)
        evaluator["nodes"] = str(list(nodes))
    add("evaluator", "embodiedcomp_eval", "evaluator", evaluator)
    return nodes


def recorded_topics(task: TaskConfig) -> list[str]:
    """What ``--record`` keeps of a trial over ROS."""
    images = [f"/{camera}/image_raw" for camera in task.cameras]
    bits = [f"{image}/embodiedcomp" for image in images]
    stats = [f"/{side}_{camera}/stats" for camera in task.cameras for side in ("encoder", "decoder")]
    rest = ["joint_states", "object_pose", "policy_trajectory", "joint_trajectory_controller/joint_trajectory"]
    told = ["policy/status", "guard/status", "episode", "trial_result"]
    return [*images, *bits, *stats, *(f"/{topic}" for topic in [*rest, *told])]


def ros_arguments(name: str, parameters: Mapping[str, Any], remappings: Mapping[str, str]) -> list[str]:
    """``--ros-args …`` for one node; unset parameters (None, NaN, infinite, empty) are left out."""
    arguments = ["--ros-args", "-r", f"__node:={name}"]
    for source, target in remappings.items():
        arguments += ["-r", f"{source}:={target}"]
    for key, value in parameters.items():
        if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
            continue
        text = (
            str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)
        )
        arguments += ["-p", f"{key}:={text}"]
    return arguments


def executable(package: str, program: str) -> str:
    """The installed program. Raises ConfigError saying how to build it."""
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        path = Path(prefix) / "lib" / package / program
        if prefix and path.is_file():
            return str(path)
    raise ConfigError(
        f"no executable {program!r} of {package} in this environment: build the workspace and source it "
        "(make build; . tools/env.sh), or use --transport inprocess"
    )


def environment(base: Mapping[str, str], domain: int) -> dict[str, str]:
    """For the nodes: a domain of their own on this host, one thread per library."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    discovery = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_DOMAIN_ID": str(domain)}
    return {"PYTHONUNBUFFERED": "1", "RCUTILS_COLORIZED_OUTPUT": "0", **base, **single, **discovery}


@contextlib.contextmanager
def reserved_domain(domains: Sequence[int] = DOMAINS) -> Iterator[int]:
    """A domain id that nobody on this host uses: no participant (its discovery port can be bound alone) and no other
    trial that is still starting its nodes (they all lock a file). The kernel unlocks it when this process ends.

    Raises TrialFailedError where none is left.
    """
    candidates = list(domains)
    random.SystemRandom().shuffle(candidates)
    for domain in candidates:
        handle = os.open(LOCKS / f"embodiedcomp-ros-domain-{domain}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if _unused(domain):
                yield domain
                return
        finally:
            os.close(handle)
    raise TrialFailedError(f"every ROS domain id from {domains[0]} to {domains[-1]} is in use on this host")


def _unused(domain: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", 7400 + 250 * domain))
        except OSError:
            return False
    return True
