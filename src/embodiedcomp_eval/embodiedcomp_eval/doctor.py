"""What is wrong with a stack, in plain words, from facts that somebody else has gathered. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

MAX_AGE = 0.2
"""s: older observations are refused by the guard."""
FUTURE = 0.005
"""s that a stamp may lie ahead of this host's clock before it is called wrong."""
LEAST_MTU = 1280
BITS = "/embodiedcomp"
COMMANDS = ("trajectory_msgs/msg/JointTrajectory", "std_msgs/msg/Float64MultiArray")
GUARD_STATUS = "embodiedcomp_msgs/msg/GuardStatus"
HOST = 4
"""Bytes of a GUID that the participants of one host have in common."""


@dataclass(frozen=True)
class Endpoint:
    """One end of a topic. reliable, latched: what a publisher offers or a subscriber demands."""

    node: str
    topic: str
    msgtype: str
    publishes: bool
    reliable: bool
    latched: bool


@dataclass(frozen=True)
class Arrival:
    """One message: its stamp and the time on this host's clock when it came, ns."""

    stamp_ns: int
    received_ns: int


@dataclass(frozen=True)
class Facts:
    """What was seen. needed: topics that must have a publisher; heard: messages by topic, of those listened to.

    mtu: bytes by network interface. environment: variables of the shell. middlewares: installed RMW implementations.
    renderers, weights: what there is of them, by name.
    """

    endpoints: Sequence[Endpoint]
    needed: Sequence[str]
    heard: Mapping[str, Sequence[Arrival]]
    seconds: float
    mtu: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    middlewares: Sequence[str] = ()
    renderers: Sequence[str] = ()
    weights: bool = True


@dataclass(frozen=True)
class Finding:
    """One line for people. problem: something won't work; note: it may be meant so."""

    level: Literal["problem", "note"]
    text: str


def worth_hearing(topic: str, picture: bool, own: bytes, publishers: Sequence[bytes]) -> bool:
    """Whether a stamped topic is listened to: all but pictures from another host, which would fill a thin link.

    own, publishers: GUIDs, of which Fast DDS's begin with two bytes of vendor and two of the host. Where a middleware
    makes them otherwise, pictures pass for another host's. Packets bear the same stamps and are heard from anywhere.
    """
    return not picture or topic.endswith(BITS) or all(gid[:HOST] == own[:HOST] for gid in publishers)


def diagnose(facts: Facts) -> list[Finding]:
    """Everything that looks wrong, problems first; empty if all is well."""
    found = [
        *_topics(facts), *_commands(facts.endpoints), *_quality(facts.endpoints), *_stamps(facts), *_host(facts),
    ]  # fmt: skip
    return sorted(found, key=lambda finding: finding.level != "problem")


def _topics(facts: Facts) -> Iterator[Finding]:
    by_topic: dict[str, list[Endpoint]] = {}
    for endpoint in facts.endpoints:
        by_topic.setdefault(endpoint.topic, []).append(endpoint)
    for topic in facts.needed:
        ends = by_topic.get(topic, [])
        if not any(end.publishes for end in ends):
            near = sorted(name for name in by_topic if name.rsplit("/", 1)[-1] == topic.rsplit("/", 1)[-1])
            hint = f"; there is {', '.join(near)}: is a remapping or namespace missing?" if near and not ends else ""
            yield Finding("problem", f"nobody publishes {topic}{hint}")
    for topic, ends in sorted(by_topic.items()):
        types = sorted({end.msgtype for end in ends})
        if len(types) > 1:
            yield Finding("problem", f"{topic} has {len(types)} types, so not all of its ends meet: {', '.join(types)}")
        ours = topic.endswith(("/embodiedcomp", "/decoded", "policy_trajectory"))
        if ours and any(end.publishes for end in ends) and all(end.publishes for end in ends):
            idle = " (the encoder codes nothing while nobody does)" if topic.endswith("/embodiedcomp") else ""
            yield Finding("note", f"nobody subscribes {topic}{idle}")


def _commands(endpoints: Sequence[Endpoint]) -> Iterator[Finding]:
    """A guard whose commands nobody takes: most often the controller has another name than the usual one."""
    heard = {end.topic for end in endpoints if not end.publishes}
    published = {end.topic for end in endpoints if end.publishes}
    guards = {end.node for end in endpoints if end.publishes and end.msgtype == GUARD_STATUS}
    for end in endpoints:
        if end.node not in guards or not end.publishes or end.msgtype not in COMMANDS or end.topic in heard:
            continue
        waiting = [e for e in endpoints if not e.publishes and e.msgtype == end.msgtype and e.node not in guards]
        free = sorted({e.topic for e in waiting} - published)
        hint = f"commands are awaited on {', '.join(free)}" if free else "no controller awaits such commands"
        yield Finding(
            "problem",
            f"nobody subscribes {end.topic}, which {end.node} commands the robot on; {hint} (robot.launch.py: commands, "
            "gripper_commands)",
        )


def _quality(endpoints: Iterable[Endpoint]) -> Iterator[Finding]:
    ends = list(endpoints)
    for reader in (end for end in ends if not end.publishes):
        for writer in (end for end in ends if end.publishes and end.topic == reader.topic):
            pair = f"{reader.topic}: {reader.node} gets nothing from {writer.node}, it wants"
            if reader.reliable and not writer.reliable:
                yield Finding("problem", f"{pair} reliable delivery and best effort is offered (parameter reliability)")
            if reader.latched and not writer.latched:
                yield Finding("problem", f"{pair} transient local durability and volatile is offered")


def _stamps(facts: Facts) -> Iterator[Finding]:
    published = {end.topic for end in facts.endpoints if end.publishes}
    commands = {end.topic for end in facts.endpoints if end.publishes and end.msgtype in COMMANDS}
    for topic, arrivals in sorted(facts.heard.items()):
        if not arrivals:
            if topic in commands:
                yield Finding(
                    "note", f"no command came on {topic} in {facts.seconds:g} s: nothing has asked for motion"
                )
            elif topic in published:
                yield Finding("problem", f"{topic} has a publisher, but no message came in {facts.seconds:g} s")
            continue
        if all(arrival.stamp_ns == 0 for arrival in arrivals):
            yield Finding("problem", f"stamps of {topic} are all zero: frames can't be matched, aged or guarded")
            continue
        age = median((arrival.received_ns - arrival.stamp_ns) * 1e-9 for arrival in arrivals)
        if age < -FUTURE:
            yield Finding(
                "problem",
                f"stamps of {topic} lie {-age:.3f} s in the future: this host's clock is behind its publisher's; "
                "synchronise them (chrony)",
            )
        elif age > 3600:
            yield Finding(
                "problem", f"stamps of {topic} are {age:.0f} s old: simulated time or a bag? then set use_sim_time"
            )
        elif age > MAX_AGE:
            yield Finding(
                "problem",
                f"{topic} is {age:.3f} s old when it comes, and the guard refuses what is older than {MAX_AGE:g} s: a "
                "slow link, or this host's clock is ahead of its publisher's (which matters on the robot alone)",
            )
        if any(later.stamp_ns <= first.stamp_ns for first, later in zip(arrivals, arrivals[1:])):  # noqa: RUF007
            yield Finding("note", f"stamps of {topic} do not increase: two publishers, or a clock that was set back?")


def _host(facts: Facts) -> Iterator[Finding]:
    wanted = facts.environment.get("RMW_IMPLEMENTATION", "")
    if wanted and facts.middlewares and wanted not in facts.middlewares:
        yield Finding(
            "problem",
            f"RMW_IMPLEMENTATION is {wanted}, which is not installed; there is {', '.join(facts.middlewares)}",
        )
    local = facts.environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "").upper()
    if local in ("LOCALHOST", "OFF") or facts.environment.get("ROS_LOCALHOST_ONLY") == "1":
        peers = facts.environment.get("ROS_STATIC_PEERS") or facts.environment.get("ROS_DISCOVERY_SERVER")
        if not peers:
            yield Finding(
                "note",
                "nodes on other hosts are not looked for (ROS_AUTOMATIC_DISCOVERY_RANGE or ROS_LOCALHOST_ONLY), and "
                "neither ROS_STATIC_PEERS nor ROS_DISCOVERY_SERVER is set",
            )
    for interface, size in sorted(facts.mtu.items()):
        if size < LEAST_MTU:
            yield Finding("problem", f"network interface {interface} has an MTU of {size} bytes: messages fragment")
    if not [interface for interface in facts.mtu if interface != "lo"]:
        yield Finding("note", "no network interface but the loopback is up")
    if not facts.renderers:
        yield Finding(
            "note", "no library for rendering without a screen: the simulator needs one (apt-get install libosmesa6)"
        )
    if not facts.weights:
        yield Finding("note", "the reference policy has no weights here: give checkpoint:=…, or make train-policy")
