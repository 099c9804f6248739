"""A lifecycle node that configures and activates itself, and the main function of one.

The three packages import nothing of each other, so each carries this file; a test holds the copies equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import rclpy
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor, ParameterType
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher, LifecycleState, TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

LOCKSTEP_QOS = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
"""Nothing is lost in lockstep: deeper than an episode has messages."""
SENSOR_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
COMMAND_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
"""Only the newest command counts."""
LATCHED_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)

WAKE_PERIOD = 1.0
"""s. On a signal rclpy wakes its executor and only then shuts down: one that was quicker to wait again would never end."""
FAILED, BAD_INPUT = 1, 2
"""Exit status where the program failed, and where the user asked for something that can't be had."""


class ParameterError(ValueError):
    """A parameter value that can't be used; the message names it and the valid ones."""


class AutostartNode(LifecycleNode):
    """``prepare`` reads parameters and builds everything; ``running`` says whether the node is active.

    Cleaning up destroys what ``prepare`` built, so that the node can be configured again.
    """

    errors: tuple[type[Exception], ...] = (ParameterError,)
    """What ``prepare`` raises on bad input: one line, and the node stays unconfigured."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.failure: Exception | None = None
        self.fatal = False
        self.running = False
        self.autostart: bool = self.parameter("autostart", True, "configure and activate at start")
        self._own: set[int] = set()
        self.create_timer(WAKE_PERIOD, lambda: None, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def parameter(self, name: str, default: Any, description: str, low: float | None = None, high: float = 1e9) -> Any:
        """Declare a read-only parameter, its unit in ``description``, and return its value; an empty list is ['']."""
        descriptor = ParameterDescriptor(description=description, read_only=True)
        if isinstance(default, list):
            descriptor.type = ParameterType.PARAMETER_STRING_ARRAY
        if isinstance(default, float):
            descriptor.dynamic_typing = True  # "-p replan_period:=1" is an integer to rcl
            if low is not None and not math.isnan(default):  # rcl takes no NaN, our "not set", within a range
                descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        if not self.has_parameter(name):
            self.declare_parameter(name, default, descriptor)
        value = self.get_parameter(name).value
        if isinstance(default, list):
            return [item for item in value if item]
        if isinstance(default, float):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ParameterError(f"parameter {name} must be a number, not '{value}'")
            value = float(value)
            unset = math.isnan(value) and math.isnan(default)
            if low is not None and not unset and not low <= value <= high:
                raise ParameterError(
                    f"parameter {name} must be from {low:g} to {high:g} ({description}), not {value:g}"
                )
        return value

    def choice(self, name: str, choices: tuple[str, ...], description: str) -> str:
        """Declare a read-only parameter that is one of ``choices``, the first by default."""
        value = str(self.parameter(name, choices[0], f"{description}: {', '.join(choices)}"))
        if value not in choices:
            raise ParameterError(f"unknown {name} '{value}'; there are: {', '.join(choices)}")
        return value

    def prepare(self) -> None:
        """Build publishers, subscriptions, services from parameters; raises one of ``errors``."""
        raise NotImplementedError

    def stop(self) -> None:
        """Called before the node becomes inactive, while it can still publish."""

    def release(self) -> None:
        """Free what ``prepare`` took beside topics, services and timers, such as threads. May be called twice."""

    def fail(self, what: str, error: Exception) -> None:
        """Any thread: say in one line what broke, and end the process with a failure."""
        if not self.context.ok():
            return  # the process is being ended already, which is why it broke
        self.get_logger().fatal(f"{what} failed: {type(error).__name__}: {_line(error)}")
        self.fatal = True
        self.context.try_shutdown()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._own = {id(entity) for entity in self._entities()}
        self.failure = None
        try:
            self.prepare()
        except Exception as error:
            self.failure = error  # rclpy would swallow it: run_node raises it again
            self._clean()
            if not isinstance(error, self.errors):
                raise
            if not self.autostart:
                self.get_logger().error(_line(error))
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        self.running = True
        self.get_logger().info("ready")
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.stop()
        self.running = False
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._clean()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self.running:
            self.stop()
            self.running = False
        if state.label != "unconfigured":
            self._clean()
        return TransitionCallbackReturn.SUCCESS

    def _entities(self) -> list[Any]:
        return [*self.timers, *self.subscriptions, *self.services, *self.clients, *self.publishers]

    def _clean(self) -> None:
        """Destroy everything that was not there before ``prepare``."""
        self.release()
        kinds = (
            (self.timers, self.destroy_timer),
            (self.subscriptions, self.destroy_subscription),
            (self.services, self.destroy_service),
            (self.clients, self.destroy_client),
            (self.publishers, self._destroy_publisher),
        )
        for entities, destroy in kinds:
            for entity in list(entities):
                if id(entity) not in self._own:
                    destroy(entity)

    def _destroy_publisher(self, publisher: Any) -> None:
        if isinstance(publisher, LifecyclePublisher):
            self.destroy_lifecycle_publisher(publisher)
        else:
            self.destroy_publisher(publisher)


def run_node(name: str, make: Callable[[], AutostartNode]) -> int:
    """Run until interrupted; returns the exit status. Bad input is one line and status 2."""
    rclpy.init()
    bad_input: tuple[type[Exception], ...] = (ParameterError, ParameterException)
    node = None
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
        pass
    except Exception:
        if rclpy.ok():
            raise
        # else interrupted while it was starting: whatever it was about to make failed for lack of a context
    finally:
        if node is not None:
            node.running = False
            node.release()
        rclpy.try_shutdown()
    return FAILED if node is not None and node.fatal else 0


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
