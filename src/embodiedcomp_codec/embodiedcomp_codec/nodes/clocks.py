"""How old a frame is, where that can be said."""

from __future__ import annotations

import math

from rclpy.node import Node


def age_seconds(node: Node, stamp_ns: int, lockstep: bool) -> float:
    """The node's clock minus a source stamp, s; NaN in lockstep on a wall clock, which knows nothing of simulated stamps."""
    if lockstep and not node.get_parameter("use_sim_time").value:
        return math.nan
    return float((node.get_clock().now().nanoseconds - stamp_ns) * 1e-9)
