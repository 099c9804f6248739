"""Two hosts without multicast, as docs/how-to/two-hosts.md has it: what crosses the link, and what a pulled cable does."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from interfaces import LAUNCH_FILES, ROOT, load_launch_file
from rtps import Crossed, crossed
from two_hosts import ADDRESSES, HOSTS, TwoHosts, why_not

from embodiedcomp_eval.config import dump_yaml, load_yaml
from embodiedcomp_eval.ros_trial import executable, ros_arguments
from embodiedcomp_eval.waiting import wait_until
from ros_harness import Process, Processes

LAUNCH = load_launch_file(next(path for path in LAUNCH_FILES if path.name == "robot.launch.py"))
DOUBLE = str(Path(__file__).with_name("robot_double.py"))
BEHIND = 30.0
"""s that the robot's clock is behind the other host's."""
RATE = 1e6
"""bit/s of the link; both cameras raw would be 31 Mbit/s."""
TARGET = 64_000
"""bit/s of each camera."""
IMAGES = ("/base_camera/image_raw", "/wrist_camera/image_raw")
CASES = {
    "static peers": {
        host: {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_STATIC_PEERS": ADDRESSES[other]}
        for host, other in zip(HOSTS, reversed(HOSTS), strict=True)
    },
    "discovery server": {host: {"ROS_DISCOVERY_SERVER": f"{ADDRESSES['remote']}:11811"} for host in HOSTS},
}
DOWN = {
    "static peers": {*(f"{image}/embodiedcomp" for image in IMAGES), "/joint_states"},
    "discovery server": {"/bundle"},
}
"""Topics from the robot that the policy's host needs; with the server everything travels in bundles."""
BACK = {"/policy_trajectory", *(f"{topic}/key_request" for topics in DOWN.values() for topic in topics)}
pytestmark = pytest.mark.skipif(bool(why_not()), reason=f"no two hosts here: {why_not()}")


@pytest.fixture
def hosts() -> Iterator[TwoHosts]:
    with TwoHosts() as made:
        yield made


class Stack:
    """Both sides of robot.launch.py with a robot that isn't there, each node started as the launch file says."""

    def __init__(self, hosts: TwoHosts, processes: Processes, folder: Path, case: str) -> None:
        self._hosts, self._processes, self._environment = hosts, processes, CASES[case]
        self._capture = folder / "link.pcap"
        processes.command(hosts.switch(sys.executable, self._capture, RATE)).wait_for("switching")
        bundle = case == "discovery server"
        if bundle:
            server = ["fastdds", "discovery", "-l", ADDRESSES["remote"], "-p", "11811"]
            self.start("remote", server).wait_for("Server started")
        self.robot = self.start("robot", [sys.executable, DOUBLE, str(BEHIND)])
        # This machine may be slow, and how old an observation may be is not the question here.
        arm = folder / "ur5e.yaml"
        values = load_yaml(ROOT / "config/robots/ur5e.yaml") | {"max_observation_age": 1.0, "max_chunk_age": 2.0}
        arm.write_text(dump_yaml({key: value for key, value in values.items() if key != "tool"}))
        common = {
            "images": ",".join(IMAGES), "codec": "h264", "policy": "toy", "target_bitrate": str(TARGET),
            "robot": str(arm), "bundle": str(bundle).lower(),
        }  # fmt: skip
        started = []
        for side, simulated in (("robot", "true"), ("remote", "false")):
            for node in LAUNCH.nodes(side=side, use_sim_time=simulated, **common):
                arguments = ros_arguments(node.name, node.parameters, node.remappings)
                started.append(self.start(side, [executable(node.package, node.executable), *arguments]))
        for process in started:
            process.wait_for("ready", 90)

    def start(self, host: str, command: list[str], **environment: str) -> Process:
        """A program on one of the hosts. Memory is really shared between them, and would go round the link."""
        given = {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4", "ROS_DOMAIN_ID": "0", **self._environment[host], **environment}
        given.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
        return self._processes.command(self._hosts.on(host, command), given)

    def crossed(self) -> tuple[Crossed, Crossed]:
        """From the robot, and back."""
        found = crossed(self._capture)
        return found.get(ADDRESSES["robot"], Crossed()), found.get(ADDRESSES["remote"], Crossed())

    def guard(self, state: str, after: int = 0, patience: float = 60.0) -> int:
        """Wait until the guard says so in a line after the ``after`` first ones; returns how many lines there are then."""
        wait_until(lambda: f"guard {state}" in "\n".join(self.said[after:]), f"guard {state}", patience)
        return len(self.said)

    @property
    def said(self) -> list[str]:
        return self.robot.output.splitlines()

    @property
    def states(self) -> list[str]:
        """The guard's, one line a change; the double tells of commands between them."""
        return [line for line in self.said if line.startswith("guard ")]


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.parametrize("case", CASES)
def test_only_what_the_policy_needs_crosses_and_a_pulled_cable_ends_in_a_hold(
    case: str, hosts: TwoHosts, processes: Processes, toy_task: str, tmp_path: Path
) -> None:
    if case == "discovery server" and shutil.which("fastdds") is None:
        pytest.skip("no tool `fastdds` here")
    stack = Stack(hosts, processes, tmp_path, case)
    stack.guard("running")
    down, back = stack.crossed()
    # Nothing else crosses: no raw image, no statistics, status, diagnostics, clock or log.
    assert set(down.topics) == DOWN[case] and not down.unknown, down
    assert "/policy_trajectory" in back.topics and set(back.topics) <= BACK and not back.unknown, back
    # The clocks differ by half a minute, which only the doctor minds, and he fetches no picture to find it out.
    doctor = stack.start("remote", [executable("embodiedcomp_eval", "doctor")], ROS_SUPER_CLIENT="TRUE")
    doctor.wait(60)
    assert not set(IMAGES) & set(stack.crossed()[0].topics)
    assert re.search(r"is (29\.\d|3\d\.\d)\d* s old when it comes.*clock is ahead", doctor.output), doctor.output

    wait_until(lambda: stack.states[-1].startswith("guard running"), "guard running", 60.0)
    lines = len(stack.said)
    hosts.plug("remote", False)
    wait_until(lambda: re.search("guard (holding|refused)", "\n".join(stack.said[lines:])), "hold", 10.0)
    hosts.plug("remote", True)
    stack.guard("running", lines)
