"""The gazebo node: stands for the simulator node in a Gazebo trial. Follows the guard's chunks and resets the scene.

Images, joint states, object pose and clock come from ros_gz_bridge under the simulator's own names.
"""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.gazebo.command_line import GazeboCommandLine, GazeboError
from embodiedcomp_eval.gazebo.resetting import Action, Resetting
from embodiedcomp_eval.gazebo.scene_services import SceneServices
from embodiedcomp_eval.gazebo.trajectory import dense, homeward, with_fingers
from embodiedcomp_eval.gazebo.versions import VERSIONS
from embodiedcomp_eval.layout import HOME
from embodiedcomp_eval.nodes.lifecycle import LOCKSTEP_QOS, SENSOR_QOS, AutostartNode, ParameterError, run_node
from embodiedcomp_eval.nodes.messages import SECOND, to_chunk, to_ns, to_stamp
from embodiedcomp_eval.scene import OBJECTS
from embodiedcomp_eval.task import load_task
from embodiedcomp_msgs.msg import EpisodeState, ObservationRequest
from embodiedcomp_msgs.srv import ResetEpisode
from embodiedcomp_policy.robot import load_robot

HOMING_SPEED = 0.8  # rad/s, of the fastest joint
HOMING_PERIOD_NS = 50_000_000


class GazeboNode(AutostartNode):
    """Between the guard and Gazebo's joint trajectory controller; owner of the scene."""

    errors = (ParameterError, ConfigError, GazeboError)

    def __init__(self) -> None:
        super().__init__("gazebo")

    def prepare(self) -> None:
        """Read parameters, find Gazebo's command line, build topics and the reset service."""
        task = load_task(self.parameter("task", "ur5e_lift_gazebo", "name in config/tasks, or a YAML file"))
        version = VERSIONS[self.choice("gazebo", ("harmonic", "ionic", "fortress"), "release of Gazebo")]
        kind = self.choice("object", ("seed", *OBJECTS), "object on the table; seed: each seed's own")
        seed = self.parameter("world_seed", 10000, "seed that the running world was generated with")
        self._robot = load_robot(task.robot)
        fixed = None if kind == "seed" else kind
        self._scenes = SceneServices(GazeboCommandLine(version), seed, fixed, task.control_hz)
        self._home = np.array([*HOME, 0.0])
        self._resetting = Resetting(self._home)
        self._worker = ThreadPoolExecutor(max_workers=1)
        self._placing: Future[dict[str, Any]] | None = None
        self._measured: np.ndarray | None = None
        self._now_ns, self._moving = 0, False
        self._trouble = ""
        deep = LOCKSTEP_QOS
        self._commands = self.create_lifecycle_publisher(JointTrajectory, "gazebo/joint_trajectory", deep)
        self.create_subscription(JointState, "joint_states", self._on_joints, SENSOR_QOS)
        self.create_subscription(PoseStamped, "object_pose", self._on_pose, deep)
        self.create_subscription(
            JointTrajectory, "joint_trajectory_controller/joint_trajectory", self._on_trajectory, deep
        )
        self.create_subscription(EpisodeState, "episode", self._on_episode, deep)
        self.create_subscription(ObservationRequest, "observation_request", self._on_request, deep)
        self.create_service(ResetEpisode, "~/reset_episode", self._on_reset)

    def release(self) -> None:
        """End the thread that calls Gazebo's services."""
        worker = getattr(self, "_worker", None)
        if worker is not None:
            worker.shutdown(wait=False, cancel_futures=True)

    def _on_reset(self, request: ResetEpisode.Request, response: ResetEpisode.Response) -> ResetEpisode.Response:
        """Not ready until the arm is home and the object lies still: the evaluator asks again until then."""
        if self._commands.get_subscription_count() < 1:
            response.message = f"no bridge subscribes {self._commands.topic_name} yet"
        elif self._measured is None:
            response.message = "no joint state has come through the bridge yet"
        else:
            self._moving = False
            response.ok = self._resetting.ask(request.seed, request.episode)
            self._go_on()
            waiting = self._trouble or self._resetting.step.value
            response.message = "" if response.ok else waiting
            response.scene_json = json.dumps(self._resetting.scene) if response.ok else ""
        return response

    def _go_on(self) -> None:
        """Do what the reset needs next."""
        if self._placing is not None and self._placing.done():
            done, self._placing = self._placing, None
            error = done.exception()
            if isinstance(error, GazeboError):
                self._trouble = str(error)
                self.get_logger().error(self._trouble)
                self._resetting.failed()
            else:
                self._trouble = ""
                self._resetting.placed(done.result())
        action = self._resetting.next_action(self._now_ns, self._measured)
        if action is Action.GO_HOME and self._measured is not None:
            self._send(*homeward(self._measured, self._home, HOMING_SPEED, HOMING_PERIOD_NS))
        elif action is Action.PLACE and self._resetting.episode is not None:
            scene = self._scenes.scene(self._resetting.episode[0])
            self._placing = self._worker.submit(self._scenes.apply, scene)

    def _on_joints(self, message: JointState) -> None:
        positions = self._robot.reorder(message.name, message.position)
        if positions is not None:
            self._measured, self._now_ns = positions, to_ns(message.header.stamp)

    def _on_pose(self, message: PoseStamped) -> None:
        at = message.pose.position
        self._resetting.see_object(to_ns(message.header.stamp), np.array([at.x, at.y, at.z]))

    def _on_episode(self, message: EpisodeState) -> None:
        of_this = self._resetting.episode is not None and message.episode == self._resetting.episode[1]
        if of_this:
            self._moving = message.phase == EpisodeState.RUN

    def _on_request(self, message: ObservationRequest) -> None:
        """Gazebo's cameras run by themselves: a question only shows whether the policy lives."""
        self.get_logger().debug(f"asked at step {message.step}")

    def _on_trajectory(self, message: JointTrajectory) -> None:
        """Follow a chunk; between episodes, when the arm goes home, nobody's."""
        idle = self._resetting.episode is None  # without an evaluator the node follows whatever the guard lets through
        if not self.running or not (self._moving or idle):
            return
        try:
            chunk = to_chunk(message, self._robot)
        except ValueError as error:
            self.get_logger().error(str(error))
            return
        self._send(*dense(chunk.stamp_ns, chunk.times_ns, chunk.positions, self._now_ns))

    def _send(self, times_ns: np.ndarray, positions: np.ndarray) -> None:
        names, rows = with_fingers(self._robot.names, positions)
        message = JointTrajectory(joint_names=list(names))
        message.header.stamp = to_stamp(self._now_ns)
        for time, row in zip(times_ns, rows, strict=True):
            point = JointTrajectoryPoint(positions=row.tolist())
            point.time_from_start.sec, point.time_from_start.nanosec = divmod(int(time), SECOND)
            message.points.append(point)
        self._commands.publish(message)


def main() -> int:
    """``ros2 run embodiedcomp_eval gazebo``."""
    return run_node("gazebo", GazeboNode)
