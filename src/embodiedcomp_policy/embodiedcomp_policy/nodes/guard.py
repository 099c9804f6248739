"""The guard node: chunks in, joint commands out; last before the controller, on the robot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from rclpy.clock import Clock, ClockType
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from embodiedcomp_msgs.msg import GuardStatus
from embodiedcomp_msgs.srv import ResetEpisode
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.chunking import hold_chunk
from embodiedcomp_policy.config import ConfigError
from embodiedcomp_policy.guard import Accepted, Guard, GuardError, Refused
from embodiedcomp_policy.joint_memory import JointMemory
from embodiedcomp_policy.nodes.lifecycle import (
    COMMAND_QOS,
    LOCKSTEP_QOS,
    SENSOR_QOS,
    AutostartNode,
    ParameterError,
    run_node,
)
from embodiedcomp_policy.nodes.messages import (
    chunk_to_trajectory,
    ns_to_stamp,
    positions_to_array,
    stamp_to_ns,
    trajectory_to_chunk,
)
from embodiedcomp_policy.robot import Robot, Vector, load_robot
from embodiedcomp_policy.slew import Slew

COMMAND_READERS = 2
"""Of the commands in lockstep: simulator and evaluator."""
PATIENCE = 2.0
"""s of wall time that a chunk waits in lockstep for the joint state of its own stamp."""


class GuardNode(AutostartNode):
    """Feeds ``Guard`` with messages and publishes what it says.

    joint_trajectory: the accepted chunk, once; a hold when it is refused or outlived.
    forward_position: the position due now, ``rate`` times a second from the first accepted chunk on.
    In lockstep the clock stands still while the policy thinks: now is the stamp of the joint state that the chunk answers.
    """

    errors = (ParameterError, ConfigError, GuardError)

    def __init__(self) -> None:
        super().__init__("guard")

    def prepare(self) -> None:
        """Read parameters, build the guard, its topics and its reset service."""
        self._robot = self._limited(
            load_robot(self.parameter("robot", "ur5e", "name in config/robots, or a YAML file"))
        )
        self._interface = self.choice("command_interface", ("joint_trajectory", "forward_position"), "how to command")
        gripper = self.choice("gripper", ("joint", "topic"), "gripper within the arm's command or on its own topic")
        self._lockstep = self.choice("timing", ("realtime", "lockstep"), "whose clock rules") == "lockstep"
        rate = self.parameter("rate", 50.0, "commands or checks a second, Hz", 1.0, 1000.0)
        ages = [
            self.parameter(name, float("nan"), f"{what}, s; not set: the robot's", 1e-3, 60.0)
            for name, what in (
                ("max_observation_age", "age from which an observation's chunk is refused"),
                ("max_chunk_age", "time after the observation from which the arm holds"),
            )
        ]
        if self._lockstep and self._interface != "joint_trajectory":
            raise ParameterError("timing 'lockstep' needs command_interface 'joint_trajectory'")
        self._guard = Guard(self._robot, *(None if np.isnan(age) else age for age in ages))
        self._stale_ns = round(1e9 * (self._robot.max_observation_age if np.isnan(ages[0]) else ages[0]))
        self._slew, self._memory = Slew(self._robot), JointMemory(self._robot)
        self._outputs = self._make_outputs(apart=gripper == "topic" and self._robot.gripper is not None)
        self._status = self.create_lifecycle_publisher(GuardStatus, "~/status", 10)
        self._clear()
        commands, states = (LOCKSTEP_QOS, LOCKSTEP_QOS) if self._lockstep else (COMMAND_QOS, SENSOR_QOS)
        self.create_subscription(JointTrajectory, "policy_trajectory", self._on_chunk, commands)
        self.create_subscription(JointState, "joint_states", self._on_joints, states)
        self.create_service(ResetEpisode, "~/reset_episode", self._on_reset)
        if self._lockstep:
            self._patience = self.create_timer(
                PATIENCE, self._on_impatience, clock=Clock(clock_type=ClockType.STEADY_TIME)
            )
            self._patience.cancel()
        else:
            self.create_timer(1.0 / rate, self._on_tick)

    def _limited(self, robot: Robot) -> Robot:
        step = self.parameter(
            "max_step", robot.max_step, "largest joint change between points, rad", 1e-4, robot.max_step
        )
        scale = self.parameter("velocity_scale", 1.0, "share of the joints' speed limits that may be used", 1e-3, 1.0)
        return replace(robot, step=np.minimum(robot.step, self._arm_or(robot, step)), velocity=robot.velocity * scale)

    @staticmethod
    def _arm_or(robot: Robot, step: float) -> Vector:
        limits = np.full(len(robot.names), step)
        if robot.gripper is not None:
            limits[robot.gripper] = np.inf
        return limits

    def _make_outputs(self, apart: bool) -> list[tuple[Any, list[int]]]:
        """Publishers with the joints (indices) that each commands."""
        trajectories = self._interface == "joint_trajectory"
        kind, leaf = (JointTrajectory, "joint_trajectory") if trajectories else (Float64MultiArray, "commands")
        controller = "joint_trajectory_controller" if trajectories else "forward_position_controller"
        arm, everything = self._robot.arm, list(range(len(self._robot.names)))
        groups = {controller: arm if apart else everything}
        if apart:
            groups["gripper_controller"] = [joint for joint in everything if joint not in arm]
        qos = LOCKSTEP_QOS if self._lockstep else COMMAND_QOS
        return [
            (self.create_lifecycle_publisher(kind, f"{controller}/{leaf}", qos), joints)
            for controller, joints in groups.items()
        ]

    def _clear(self) -> None:
        self._guard.reset()
        self._slew.reset()
        self._memory.reset()
        self._measured: Vector | None = None
        self._measured_ns = 0
        self._waiting: Chunk | None = None
        self._engaged = self._blind = False

    def _on_reset(self, request: ResetEpisode.Request, response: ResetEpisode.Response) -> ResetEpisode.Response:
        """Ready, in lockstep, once the robot and who scores it listen: then no command of step 0 can be lost."""
        commands = self._outputs[0][0]
        if self._lockstep and commands.get_subscription_count() < COMMAND_READERS:
            response.message = f"not both of simulator and evaluator subscribe {commands.topic_name} yet"
            return response
        self._clear()
        response.ok = True
        return response

    def _now(self) -> int:
        return self._measured_ns if self._lockstep else int(self.get_clock().now().nanoseconds)

    def _fresh(self, now_ns: int) -> Vector | None:
        """The measured state, None if there is none or it has gone stale."""
        fresh = abs(now_ns - self._measured_ns) <= self._stale_ns
        return self._measured if fresh else None

    def _unknown(self, now_ns: int) -> str:
        return f"joint state is {abs(now_ns - self._measured_ns) / 1e9:.3f} s off the clock"

    def _on_joints(self, message: JointState) -> None:
        stamp_ns = stamp_to_ns(message.header.stamp)
        state = self._memory.update(stamp_ns, message.name, message.position)
        if state is None:
            return
        self._measured, self._measured_ns = state, stamp_ns
        if self._waiting is not None and self._waiting.stamp_ns == stamp_ns:
            self._decide(self._waiting)

    def _on_chunk(self, message: JointTrajectory) -> None:
        if not self.running:
            return
        try:
            chunk = trajectory_to_chunk(message, self._robot)
        except ValueError as error:
            self._hold(self._guard.refuse(str(error), self._fresh(self._now())), stamp_to_ns(message.header.stamp))
            return
        if self._lockstep and not (self._measured is not None and self._measured_ns == chunk.stamp_ns):
            self._waiting = chunk
            self._patience.reset()
            return
        self._decide(chunk)

    def _on_impatience(self) -> None:
        self._patience.cancel()
        if self._waiting is not None:
            self._decide(self._waiting)

    def _decide(self, chunk: Chunk) -> None:
        self._waiting = None
        if self._lockstep:
            self._patience.cancel()
        now_ns = self._now()
        measured = self._fresh(now_ns)
        result: Accepted | Refused
        if measured is None and self._measured is not None:
            result = self._guard.refuse(self._unknown(now_ns), None)
        else:
            result = self._guard.accept(chunk, measured, now_ns)
        if isinstance(result, Refused):
            self._hold(result, chunk.stamp_ns)
            return
        self._run(result, now_ns)

    def _run(self, accepted: Accepted, now_ns: int) -> None:
        self._engaged = True
        if self._interface == "joint_trajectory":
            self._publish_trajectory(accepted.chunk)
        self._report(
            "running", "limited to the robot's limits" if accepted.limited else "", accepted.chunk.stamp_ns, now_ns
        )

    def _hold(self, refused: Refused, stamp_ns: int, state: str = "refused") -> None:
        """Stand still where the arm is now. The forward_position stream does so by itself."""
        now_ns = self._now()
        measured = self._fresh(now_ns)
        if self._interface == "joint_trajectory" and measured is not None and not self._guard.unusable(measured):
            # In lockstep the answer carries the stamp asked about, whatever became of it; live, it starts now.
            self._publish_trajectory(
                hold_chunk(stamp_ns if self._lockstep else now_ns, self._guard.target(now_ns, measured))
            )
        self._report(state, refused.reason, stamp_ns, now_ns)

    def _publish_trajectory(self, chunk: Chunk) -> None:
        for publisher, joints in self._outputs:
            publisher.publish(chunk_to_trajectory(chunk, self._robot, joints))

    def _on_tick(self) -> None:
        if not (self.running and self._engaged):
            return
        now_ns, before_ns = self._now(), self._guard.chunk_stamp_ns
        measured = self._fresh(now_ns)
        reason = self._unknown(now_ns) if measured is None else self._guard.unusable(measured)
        if (
            measured is None or reason
        ):  # nothing may be commanded from a state that nobody knows; the controller keeps its last command
            if not self._blind:
                self._report("holding", f"{reason}: nothing is commanded", before_ns or now_ns, now_ns)
            self._blind = True
            return
        self._blind = False
        target = self._guard.target(now_ns, measured)
        if self._interface == "forward_position":
            command = self._slew.limit(target, now_ns, measured)
            for publisher, joints in self._outputs:
                publisher.publish(positions_to_array(command, self._robot, joints))
        if before_ns is not None and self._guard.chunk_stamp_ns is None:
            self._hold(Refused("no new chunk before the last one reached max_chunk_age"), before_ns, "holding")

    def _report(self, state: str, reason: str, stamp_ns: int, now_ns: int) -> None:
        status = GuardStatus(state=state, reason=reason, chunk_age_seconds=(now_ns - stamp_ns) / 1e9)
        status.header.stamp = ns_to_stamp(stamp_ns)
        self._status.publish(status)
        if state != "running":
            self.get_logger().warning(f"{state}: {reason}", throttle_duration_sec=1.0)

    def stop(self) -> None:
        """Leave the arm still before the gate closes."""
        if self._guard.chunk_stamp_ns is not None:
            stamp_ns = self._guard.chunk_stamp_ns
            self._hold(
                self._guard.refuse("the guard is being deactivated", self._fresh(self._now())), stamp_ns, "holding"
            )
        self._engaged = False


def main() -> int:
    """``ros2 run embodiedcomp_policy guard``."""
    return run_node("guard", GuardNode)
