"""A lifecycle node that configures and activates itself, its QoS, and the main function of one."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException, ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile, ReliabilityPolicy

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.nodes.parameters import Parameter, ParameterError

BAD_INPUT = 2
"""Exit status where the user asked for something that can't be had."""
BAD_INPUT_ERRORS = (
    ParameterError,
    CodecError,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterException,
)
STREAM_DEPTH, LOSSLESS_DEPTH = 5, 1000
REQUEST_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)

AUTOSTART = Parameter("autostart", True, "configure and activate at start")
RELIABILITY = Parameter(
    "reliability",
    "best_effort",
    "QoS of image and bit topics; reliable also codes every frame in the order of arrival",
    choices=("best_effort", "reliable"),
)


def stream_qos(reliability: str) -> QoSProfile:
    """QoS of image and bit topics: sensor data in a live stack; nothing lost in lockstep."""
    if reliability == "reliable":
        return QoSProfile(depth=LOSSLESS_DEPTH, reliability=ReliabilityPolicy.RELIABLE)
    return QoSProfile(depth=STREAM_DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT)


class AutostartNode(LifecycleNode):
    """``prepare`` reads parameters and builds everything; ``running`` says whether it is active."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.failure: Exception | None = None
        self.running = False
        self.declare_parameter(AUTOSTART.name, True, AUTOSTART.descriptor())

    def prepare(self) -> None:
        """Build everything from parameters; raises one of BAD_INPUT_ERRORS."""
        raise NotImplementedError

    def release(self) -> None:
        """Undo ``prepare``: threads, publishers, subscriptions."""
        raise NotImplementedError

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self.prepare()
        except Exception as error:
            self.failure = error  # rclpy would swallow it; run_node raises it again
            if not isinstance(error, BAD_INPUT_ERRORS):
                raise
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

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.release()
        return TransitionCallbackReturn.SUCCESS


def run_node(make: Callable[[], AutostartNode]) -> int:
    """Run until interrupted and return the exit status. Bad input is one line on stderr and status 2."""
    rclpy.init()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    node = None
    try:
        node = make()
        if node.get_parameter(AUTOSTART.name).value:
            # The line below says it once, without a logger's second one.
            node.get_logger().set_level(rclpy.logging.LoggingSeverity.FATAL)
            node.trigger_configure()
            node.get_logger().set_level(rclpy.logging.LoggingSeverity.INFO)
            if node.failure is not None:
                raise node.failure
            node.trigger_activate()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        executor.spin()
    except BAD_INPUT_ERRORS as error:
        sys.stderr.write(_line(error) + "\n")
        return BAD_INPUT
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    finally:
        if node is not None:
            node.running = False
            node.release()
        rclpy.try_shutdown()
    return 0


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
