"""Which of a bag's topics is what a policy or a dataset needs, and the stamps of their messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.images import Source, changed_topics
from embodiedcomp_eval.bags.reader import BagReader

JOINTS = "sensor_msgs/msg/JointState"
COMMANDS = "trajectory_msgs/msg/JointTrajectory"
EPISODE = "/episode"
EPISODE_TYPE = "embodiedcomp_msgs/msg/EpisodeState"


def stamp_of(message: Any) -> int:
    """ns, of the header or, as in CompressedVideo, of the message itself."""
    stamp = message.header.stamp if hasattr(message, "header") else message.timestamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def joint_topic(reader: BagReader, given: str) -> str:
    """``given``, else the topic of joint states by type. Raises BagError where there is none."""
    best = topic_of_type(reader, JOINTS, given, "joint_states") or _first(reader, JOINTS)
    if not best:
        raise BagError(f"{reader.path} holds no {JOINTS}, which the policy's action error and datasets need")
    return best


def topic_of_type(reader: BagReader, msgtype: str, given: str, ending: str) -> str:
    """``given``, else the first topic of that type whose name ends so; empty if there is none. Raises BagError."""
    names = _names(reader, msgtype)
    if given and (changed := changed_topics(reader.topics).get(given)):
        raise BagError(changed)
    if given and given not in names:
        raise BagError(f"no topic {given!r} of type {msgtype} in this bag; there are: {', '.join(names) or 'none'}")
    return given or next((name for name in names if name.rsplit("/", 1)[-1] == ending), "")


def _names(reader: BagReader, msgtype: str) -> list[str]:
    changed = changed_topics(reader.topics)
    return [t.name for t in reader.topics if t.msgtype == msgtype and t.count and t.name not in changed]


def _first(reader: BagReader, msgtype: str) -> str:
    return next(iter(_names(reader, msgtype)), "")


def match_cameras(wanted: Sequence[str], sources: Sequence[Source], given: Mapping[str, str]) -> dict[str, str]:
    """The policy's camera -> source topic. Raises BagError naming what is missing and the choices."""
    choices = ", ".join(source.topic for source in sources)
    for name in given:
        if name not in wanted:
            raise BagError(f"the policy has no camera {name!r}; it wants {', '.join(wanted)}")
    found = {}
    for name in wanted:
        if name in given:
            matching = [s.topic for s in sources if given[name] in (s.topic, s.image)]
        else:
            matching = [s.topic for s in sources if name in s.image.split("/")]
        if len(matching) != 1:
            what = f"no topic {given[name]!r}" if name in given else f"{len(matching)} topics by that name"
            raise BagError(f"policy camera {name!r}: {what}; say --camera {name}=TOPIC with one of: {choices}")
        found[name] = matching[0]
    return found
