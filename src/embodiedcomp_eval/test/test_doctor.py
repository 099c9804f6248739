"""Each fault gives its one line; a sound stack gives none."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from embodiedcomp_eval.doctor import Arrival, Endpoint, Facts, diagnose, worth_hearing

SECOND = 1_000_000_000
IMAGE, BITS = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
CAMERA = Endpoint("/camera", "/cam", IMAGE, True, False, False)
ENDS = (
    CAMERA,
    Endpoint("/encoder", "/cam", IMAGE, False, False, False),
    Endpoint("/encoder", "/cam/embodiedcomp", BITS, True, False, False),
    Endpoint("/decoder", "/cam/embodiedcomp", BITS, False, False, False),
)

TRAJECTORY = "trajectory_msgs/msg/JointTrajectory"
GUARD = (
    Endpoint("/guard", "/guard/status", "embodiedcomp_msgs/msg/GuardStatus", True, True, False),
    Endpoint("/guard", "/policy_trajectory", TRAJECTORY, False, True, False),
    Endpoint("/policy", "/policy_trajectory", TRAJECTORY, True, True, False),
    Endpoint("/guard", "/arm/commands", TRAJECTORY, True, True, False),
    Endpoint("/controller", "/arm/commands", TRAJECTORY, False, True, False),
)


def arrivals(age: float) -> list[Arrival]:
    return [Arrival(100 * SECOND + i, 100 * SECOND + i + round(age * 1e9)) for i in range(3)]


SOUND = Facts(
    ENDS, ("/cam", "/cam/embodiedcomp"), {"/cam": arrivals(0.01)}, 5.0, {"lo": 65536, "eth0": 1500},
    {"RMW_IMPLEMENTATION": "rmw_fastrtps_cpp"}, ("rmw_fastrtps_cpp",), ("EGL",), True,
)  # fmt: skip


def test_a_sound_stack_has_no_findings() -> None:
    assert diagnose(SOUND) == []
    assert diagnose(dataclasses.replace(SOUND, endpoints=(*ENDS, *GUARD))) == []


def test_a_stack_that_waits_for_its_policy_has_no_problem() -> None:
    """Encoders and guard beside the drivers, and nobody on the other side yet."""
    alone = [end for end in (*ENDS, *GUARD) if end.node not in ("/decoder", "/policy")]
    found = diagnose(dataclasses.replace(SOUND, endpoints=alone, heard={"/arm/commands": [], "/cam": arrivals(0.01)}))
    assert {finding.level for finding in found} == {"note"}


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        ({"needed": ("/other/cam",)}, "problem", "nobody publishes /other/cam; there is /cam: is a remapping"),
        ({"needed": ("/x",)}, "problem", "nobody publishes /x"),
        ({"endpoints": ENDS[:3]}, "note", "nobody subscribes /cam/embodiedcomp (the encoder codes nothing"),
        (
            {"endpoints": (*ENDS, dataclasses.replace(ENDS[1], node="/viewer", reliable=True))},
            "problem",
            "/cam: /viewer gets nothing from /camera, it wants reliable delivery",
        ),
        (
            {"endpoints": (*ENDS, dataclasses.replace(ENDS[1], node="/viewer", latched=True))},
            "problem",
            "it wants transient local durability",
        ),
        ({"endpoints": (*ENDS, dataclasses.replace(CAMERA, msgtype=BITS))}, "problem", "/cam has 2 types"),
        ({"heard": {"/cam": []}}, "problem", "/cam has a publisher, but no message came in 5 s"),
        (
            {"endpoints": (*ENDS, *GUARD), "heard": {"/arm/commands": []}},
            "note",
            "no command came on /arm/commands in 5 s",
        ),
        (
            {"endpoints": (*ENDS, *GUARD[:-1], dataclasses.replace(GUARD[-1], topic="/scaled/joint_trajectory"))},
            "problem",
            "nobody subscribes /arm/commands, which /guard commands the robot on; commands are awaited on /scaled/joint_tr",
        ),
        (
            {"endpoints": (*ENDS, *GUARD[:2], GUARD[3])},
            "problem",
            "nobody subscribes /arm/commands, which /guard commands the robot on; no controller awaits such commands",
        ),
        ({"heard": {"/cam": [Arrival(0, SECOND)] * 2}}, "problem", "stamps of /cam are all zero"),
        ({"heard": {"/cam": arrivals(-0.5)}}, "problem", "lie 0.500 s in the future: this host's clock is behind"),
        ({"heard": {"/cam": arrivals(0.3)}}, "problem", "/cam is 0.300 s old when it comes"),
        ({"heard": {"/cam": arrivals(1e6)}}, "problem", "set use_sim_time"),
        ({"heard": {"/cam": arrivals(0.01)[::-1]}}, "note", "do not increase"),
        ({"middlewares": ("rmw_zenoh_cpp",)}, "problem", "RMW_IMPLEMENTATION is rmw_fastrtps_cpp, which is not"),
        ({"environment": {"ROS_LOCALHOST_ONLY": "1"}}, "note", "nodes on other hosts are not looked for"),
        ({"mtu": {"lo": 65536, "tun0": 576}}, "problem", "tun0 has an MTU of 576 bytes"),
        ({"mtu": {"lo": 65536}}, "note", "no network interface but the loopback"),
        ({"renderers": ()}, "note", "no library for rendering"),
        ({"weights": False}, "note", "the reference policy has no weights"),
    ],
)
def test_each_fault_is_said(change: dict[str, Any], level: str, words: str) -> None:
    found = diagnose(dataclasses.replace(SOUND, **change))
    assert [finding.level for finding in found if words in finding.text] == [level]


def test_static_peers_are_enough_for_discovery() -> None:
    environment = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_STATIC_PEERS": "10.0.0.2"}
    assert diagnose(dataclasses.replace(SOUND, environment=environment)) == []


def test_problems_come_first() -> None:
    found = diagnose(dataclasses.replace(SOUND, weights=False, needed=("/x",)))
    assert [finding.level for finding in found] == ["problem", "note"]


def test_pictures_are_not_fetched_from_another_host() -> None:
    here, there = bytes.fromhex("010f995b0001"), bytes.fromhex("010ff5d70002")
    assert worth_hearing("/cam", True, here, [here, here[:4] + b"else"])
    assert not worth_hearing("/cam", True, here, [here, there])
    assert worth_hearing("/cam/embodiedcomp", True, here, [there])
    assert worth_hearing("/joint_states", False, here, [there])
