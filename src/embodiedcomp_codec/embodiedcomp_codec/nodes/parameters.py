"""Node parameters: name, default, unit, range and meaning of each stand once, in a table beside the node."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from embodiedcomp_codec.nodes.lifecycle import ParameterError


@dataclass(frozen=True)
class Parameter:
    """One parameter. ``default`` gives the type; NaN and [] mean "not set". ``low`` and ``high`` include their ends."""

    name: str
    default: bool | int | float | str | list[str] | list[int]
    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    runtime: bool = False
    integers: bool = False  # of a list

    def descriptor(self) -> ParameterDescriptor:
        """What `ros2 param describe` shows."""
        unit = f" [{self.unit}]" if self.unit else ""
        choices = f"; one of: {', '.join(self.choices)}" if self.choices else ""
        descriptor = ParameterDescriptor(
            name=self.name, description=f"{self.meaning}{unit}{choices}", read_only=not self.runtime
        )
        # "-p target_bitrate:=20000" is an integer to rcl.
        descriptor.dynamic_typing = isinstance(self.default, float | list)
        # rcl refuses NaN, our "not set", within a range: such parameters are checked by the node alone.
        if self.low is not None and self.high is not None and self.default == self.default:
            if isinstance(self.default, int):
                descriptor.integer_range = [IntegerRange(from_value=int(self.low), to_value=int(self.high))]
            else:
                descriptor.floating_point_range = [FloatingPointRange(from_value=self.low, to_value=self.high)]
        return descriptor

    def check(self, value: Any) -> Any:
        """The value in its own type. Raises ParameterError naming it and what is valid."""
        if isinstance(self.default, float):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ParameterError(f"parameter {self.name} must be a number, not {value!r}")
            value = float(value)
            unset = math.isnan(value) and math.isnan(self.default)
            if not unset and self.low is not None and not self.low <= value <= (self.high or math.inf):
                raise ParameterError(
                    f"parameter {self.name} is {value:g}; valid: {self.low:g} to {self.high:g} {self.unit}"
                )
        if isinstance(self.default, list):
            if isinstance(value, str):
                value = [value]
            if value is not None and (isinstance(value, bool | int | float) or not hasattr(value, "__iter__")):
                raise ParameterError(f"parameter {self.name} must be a list, not {value!r}")
            value = [item for item in value or [] if item != ""]
            kind, name = (int, "integers") if self.integers else (str, "strings")
            if any(isinstance(item, bool) or not isinstance(item, kind) for item in value):
                raise ParameterError(f"parameter {self.name} must be a list of {name}, not {value}")
            twice = [] if self.integers else [item for item in value if value.count(item) > 1]
            if twice:
                raise ParameterError(f"parameter {self.name} holds {twice[0]!r} twice; name each once")
        if self.choices and value not in self.choices:
            raise ParameterError(f"parameter {self.name} is {value!r}; choose one of: {', '.join(self.choices)}")
        return value


def declare(node: Node, table: Sequence[Parameter]) -> dict[str, Any]:
    """Declare every parameter of the table and return the values, checked. Raises ParameterError."""
    values = {}
    for parameter in table:
        if not node.has_parameter(parameter.name):
            # rcl can't tell the type of an empty list.
            default = [""] if parameter.default == [] else parameter.default
            node.declare_parameter(parameter.name, default, parameter.descriptor())
        values[parameter.name] = parameter.check(node.get_parameter(parameter.name).value)
    return values
