"""The two target parameters while the node runs: each checked before it is taken, the one clearing the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from embodiedcomp_codec.nodes.parameters import Parameter
from embodiedcomp_codec.rate_control import Target

TARGETS = ("target_bpp", "target_bitrate")
NOT_SET = math.nan


class TargetParameters:
    """Calls ``follow(target_bpp=, target_bitrate=)`` after each change of a node's targets."""

    def __init__(self, node: Node, table: Sequence[Parameter], follow: Callable[..., None]) -> None:
        self._node, self._follow = node, follow
        self._table = {parameter.name: parameter for parameter in table}
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._take)

    def release(self) -> None:
        """Stop following."""
        self._node.remove_on_set_parameters_callback(self._check)
        self._node.remove_post_set_parameters_callback(self._take)

    def _check(self, parameters: list[RosParameter]) -> SetParametersResult:
        """Refuse an impossible target with the reason; both at once are one."""
        try:
            asked = {p.name: self._table[p.name].check(p.value) for p in parameters if p.name in TARGETS}
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        problem = Target(asked.get("target_bpp", NOT_SET), asked.get("target_bitrate", NOT_SET)).problem()
        return SetParametersResult(successful=problem is None, reason=problem or "")

    def _take(self, parameters: list[RosParameter]) -> None:
        """Follow a new target, and clear the other one."""
        asked = {p.name: float(p.value) for p in parameters if p.name in TARGETS}
        if not asked:
            return
        given = [name for name, value in asked.items() if not math.isnan(value)]
        for other in TARGETS:
            if given and other not in asked and not math.isnan(float(self._node.get_parameter(other).value)):
                # Setting it comes back here with the other one unset, and follows both.
                self._node.set_parameters([RosParameter(other, RosParameter.Type.DOUBLE, NOT_SET)])
                return
        self._follow(**{name: float(self._node.get_parameter(name).value) for name in TARGETS})
