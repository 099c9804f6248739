"""What a topic is offered as: its type, and the quality of service that every one of its publishers can serve."""

from __future__ import annotations

import importlib
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy


def offered_quality(node: Node, topic: str, depth: int) -> QoSProfile:
    """The best that every publisher of ``topic`` (resolved) offers."""
    offers = [info.qos_profile for info in node.get_publishers_info_by_topic(topic)]
    reliable = all(offer.reliability == ReliabilityPolicy.RELIABLE for offer in offers)
    latched = all(offer.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers)
    return QoSProfile(
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def offered_types(node: Node, topic: str) -> list[str]:
    """Types under which ``topic`` (resolved) is published; none while nobody does."""
    return sorted({info.topic_type for info in node.get_publishers_info_by_topic(topic)})


def message_class(msgtype: str) -> Any:
    """The class of ``package/msg/Name``. Raises ModuleNotFoundError, AttributeError where this ROS has none."""
    package, _, name = msgtype.partition("/msg/")
    return getattr(importlib.import_module(f"{package}.msg"), name)
