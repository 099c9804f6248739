"""The simulator node: joint commands in; camera images, joint states, the object's pose and the clock out."""

from __future__ import annotations

import json

import numpy as np
from geometry_msgs.msg import PoseStamped
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.nodes.lifecycle import LOCKSTEP_QOS, SENSOR_QOS, AutostartNode, ParameterError, run_node
from embodiedcomp_eval.nodes.messages import image_message, joint_message, pose_message, to_chunk, to_stamp
from embodiedcomp_eval.plant import Instant, Plant
from embodiedcomp_eval.registry import make_simulator
from embodiedcomp_eval.sensor import Sensor
from embodiedcomp_eval.task import load_task
from embodiedcomp_msgs.msg import EpisodeState, ObservationRequest
from embodiedcomp_msgs.srv import ResetEpisode
from embodiedcomp_policy.robot import load_robot

JOINT_READERS = 3
"""Policy, guard, evaluator."""


class SimulatorNode(AutostartNode):
    """A work cell in place of the robot.

    lockstep: renders when asked, executes ``replan_period`` steps per trajectory, and stands still in between; stamps
    are simulated time since step 0. realtime: steps by the wall clock, holds without commands, renders when asked (or
    at every step); stamps are wall time.
    """

    errors = (ParameterError, ConfigError)

    def __init__(self) -> None:
        super().__init__("simulator")

    def prepare(self) -> None:
        """Read parameters, build the simulator, its topics and its reset service."""
        self._task = load_task(self.parameter("task", "ur5e_lift", "name in config/tasks, or a YAML file"))
        self._lockstep = self.choice("timing", ("lockstep", "realtime"), "whose clock rules") == "lockstep"
        self._every_step = self.choice("send", ("on_query", "every_step"), "when frames are rendered") == "every_step"
        sensor = self.choice("sensor", ("clean", "real"), "what stands between rendering and frame")
        grey = self.parameter("grey", False, "replace every picture by even grey")
        self._robot = load_robot(self._task.robot)
        sees = Sensor(sensor, grey)  # type: ignore[arg-type]
        self._plant = Plant(self._task, make_simulator(self._task), sees, self._every_step, self._robot)
        self._period_ns = round(1e9 / self._task.control_hz)
        self._episode, self._steps, self._asked_ns, self._moving = 0, 0, -1, False
        deep = LOCKSTEP_QOS
        frames = deep if self._lockstep else SENSOR_QOS
        self._images = {
            camera: self.create_lifecycle_publisher(Image, f"{camera}/image_raw", frames)
            for camera in self._task.cameras
        }
        self._joints = self.create_lifecycle_publisher(JointState, "joint_states", deep)
        self._pose = self.create_lifecycle_publisher(PoseStamped, "object_pose", deep)
        self._clock_topic = self.create_lifecycle_publisher(Clock, "clock", deep)
        self.create_subscription(ObservationRequest, "observation_request", self._on_request, deep)
        self.create_subscription(
            JointTrajectory, "joint_trajectory_controller/joint_trajectory", self._on_trajectory, deep
        )
        self.create_service(ResetEpisode, "~/reset_episode", self._on_reset)
        if not self._lockstep:
            commands = "forward_position_controller/commands"
            self.create_subscription(Float64MultiArray, commands, self._on_command, deep)
            self.create_subscription(EpisodeState, "episode", self._on_episode, deep)
            self.create_timer(1.0 / self._task.control_hz, self._on_period)

    def _on_reset(self, request: ResetEpisode.Request, response: ResetEpisode.Response) -> ResetEpisode.Response:
        """Ready once everything has its readers: then nothing of step 0 can be lost."""
        unheard = [camera for camera, publisher in self._images.items() if publisher.get_subscription_count() < 1]
        if unheard:
            response.message = f"no encoder subscribes {', '.join(unheard)} yet"
            return response
        if self._joints.get_subscription_count() < JOINT_READERS:
            response.message = "not all of policy, guard and evaluator subscribe joint_states yet"
            return response
        self._episode, self._steps, self._asked_ns, self._moving = request.episode, 0, -1, False
        response.scene_json = json.dumps(self._plant.reset(request.seed))
        response.ok = True
        return response

    def _on_request(self, message: ObservationRequest) -> None:
        if not self.running or message.episode != self._episode:
            return
        if not self._lockstep:
            self._publish_frames(self._plant.observe(True, self._wall_ns()))
        elif message.step == self._steps:
            self._asked_ns = self._plant.time_ns
            self._publish_step(self._plant.observe(True, self._asked_ns))

    def _on_trajectory(self, message: JointTrajectory) -> None:
        if not self.running:
            return
        try:
            chunk = to_chunk(message, self._robot)
        except ValueError as error:
            self.get_logger().error(str(error))
            return
        if not self._lockstep:
            self._plant.follow(chunk.stamp_ns, chunk.times_ns, chunk.positions, self._wall_ns())
        elif chunk.stamp_ns == self._asked_ns:
            self._asked_ns = -1
            self._plant.follow(chunk.stamp_ns, chunk.times_ns, chunk.positions, self._plant.time_ns)
            steps = min(self._task.replan_period, self._task.horizon - self._steps)
            self._steps += steps
            for instant in self._plant.execute(steps):
                self._publish_step(instant)

    def _on_command(self, message: Float64MultiArray) -> None:
        if len(message.data) != len(self._robot.names):
            self.get_logger().error(
                f"a command needs {len(self._robot.names)} positions, not {len(message.data)}", once=True
            )
        elif self.running:
            self._plant.command(np.array(message.data, dtype=np.float64))

    def _on_episode(self, message: EpisodeState) -> None:
        if message.episode == self._episode:
            self._moving = message.phase == EpisodeState.RUN
            if self._moving and self._steps == 0:
                self._publish_step(self._plant.observe(False, self._wall_ns()))

    def _on_period(self) -> None:
        """Realtime: one control period, whatever the policy does meanwhile."""
        if not (self.running and self._moving):
            return
        self._plant.step(self._wall_ns() + self._period_ns)
        self._steps += 1
        self._publish_step(self._plant.observe(self._every_step, self._wall_ns()))

    def _publish_step(self, instant: Instant) -> None:
        """Everything that the end of a step shows. Frames first: who waits for the pose then knows that they are out."""
        self._publish_frames(instant)
        self._pose.publish(pose_message(instant.pose, to_stamp(instant.stamp_ns)))

    def _publish_frames(self, instant: Instant) -> None:
        """Clock, joints, and the images if some were due."""
        stamp = to_stamp(instant.stamp_ns)
        self._clock_topic.publish(Clock(clock=stamp))
        self._joints.publish(joint_message(self._robot, instant.joints, stamp))
        for camera, image in instant.images.items():
            self._images[camera].publish(image_message(camera, image, stamp))

    def _wall_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)


def main() -> int:
    """``ros2 run embodiedcomp_eval simulator``."""
    return run_node("simulator", SimulatorNode)
