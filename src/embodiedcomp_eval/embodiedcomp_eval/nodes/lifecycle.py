"""A lifecycle node that configures and activates itself, and the main function of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rclpy
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor, ParameterType
from rclpy.exceptions import InvalidParameterTypeException, ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.qos import QoSProfile, ReliabilityPolicy

LOCKSTEP_QOS = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
"""Nothing is lost in lockstep: deeper than an episode has messages."""
SENSOR_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)

BAD_INPUT = 2
"""Exit status where the user asked for something that can't be had."""


class ParameterError(ValueError):
    """A parameter value that can't be used; the message names it and the valid ones."""


class AutostartNode(LifecycleNode):
    """``prepare`` reads parameters and builds everything; ``running`` says whether the node is active."""

    errors: tuple[type[Exception], ...] = (ParameterError,)
    """What ``prepare`` raises on bad input: one line, and the node stays unconfigured."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.failure: Exception | None = None
        self.running = False
        self.autostart: bool = self.parameter("autostart", True, "configure and activate at start")

    def prepare(self) -> None:
        """Build publishers, subscriptions, services from parameters; raises one of ``errors``."""
        raise NotImplementedError

    def parameter(self, name: str, default: Any, description: str, low: float | None = None, high: float = 1e9) -> Any:
        """Declare a read-only parameter, its unit in ``description``, and return its value. An empty list is ['']."""
        descriptor = ParameterDescriptor(description=description, read_only=True)
        if isinstance(default, list):
            descriptor.type = ParameterType.PARAMETER_STRING_ARRAY
        if isinstance(default, float):
            descriptor.dynamic_typing = True  # "-p step_timeout:=1" is an integer to rcl
            if low is not None:
                descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        value = self.declare_parameter(name, default, descriptor).value
        if isinstance(default, list):
            return [item for item in value if item]
        if isinstance(default, float):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ParameterError(f"parameter {name} must be a number, not '{value}'")
            value = float(value)
            if low is not None and not low <= value <= high:
                raise ParameterError(f"parameter {name} must be {low:g} to {high:g}, not {value:g}: {description}")
        return value

    def choice(self, name: str, choices: tuple[str, ...], description: str) -> str:
        """Declare a read-only parameter that is one of ``choices``, the first by default."""
        value = str(self.parameter(name, choices[0], f"{description}: {', '.join(choices)}"))
        if value not in choices:
            raise ParameterError(f"unknown {name} '{value}'; choose from {', '.join(choices)}")
        return value

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self.prepare()
        except Exception as error:  # noqa: BLE001 (kept for run_node)
            self.failure = error  # rclpy would log and drop it; run_node raises it again
            if not self.autostart and isinstance(error, self.errors):
                self.get_logger().error(_line(error))
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        self.running = True
        self.get_logger().info("ready")
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.running = False
        return super().on_deactivate(state)


def run_node(name: str, make: Callable[[], AutostartNode]) -> int:
    """Run until interrupted; returns the exit status. Bad input is one line and status 2."""
    rclpy.init()
    bad_input: tuple[type[Exception], ...] = (ParameterError, InvalidParameterTypeException, ParameterException)
    try:
        node = make()
        bad_input = (*bad_input, *node.errors)
        if node.autostart:
            node.trigger_configure()
            if node.failure is not None:
                raise node.failure
            node.trigger_activate()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        executor.spin()
    except bad_input as error:
        get_logger(name).fatal(_line(error))
        return BAD_INPUT
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    finally:
        rclpy.try_shutdown()
    return 0


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
