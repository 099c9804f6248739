"""Quality of service of the codec nodes' topics."""

from __future__ import annotations

import copy
from typing import Any

from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from embodiedcomp_codec.nodes.lifecycle import LOCKSTEP_QOS, SENSOR_QOS
from embodiedcomp_codec.nodes.parameters import Parameter

REQUEST_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
RELIABILITY = Parameter(
    "reliability",
    "best_effort",
    "QoS of image and bit topics; reliable also codes every frame in the order of arrival",
    choices=("best_effort", "reliable"),
)


def stream_qos(reliability: str) -> QoSProfile:
    """QoS of image and bit topics: sensor data in a live stack; nothing lost in lockstep."""
    return LOCKSTEP_QOS if reliability == "reliable" else SENSOR_QOS


def request_qos(reliability: str) -> QoSProfile:
    """QoS of key frame requests: the newest says it all in a live stack; in lockstep each stands for one lost frame."""
    return LOCKSTEP_QOS if reliability == "reliable" else REQUEST_QOS


def overridable(qos: QoSProfile) -> dict[str, Any]:
    """How to make a topic whose policies follow ``qos_overrides./TOPIC.publisher.reliability`` and the like.

    A copy: rclpy writes the overrides into the profile that it gets, which other topics may share.
    """
    return {"qos_profile": copy.copy(qos), "qos_overriding_options": QoSOverridingOptions.with_default_policies()}
