"""The policy node: decoded images, joint states and an instruction in; chunks of joint targets out."""

from __future__ import annotations

import time
import traceback
from functools import partial

import numpy as np
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from embodiedcomp_msgs.msg import EpisodeState, FrameLost, ObservationRequest, PolicyStatus
from embodiedcomp_msgs.srv import ResetEpisode
from embodiedcomp_policy.chunking import hold_chunk, wrap
from embodiedcomp_policy.config import ConfigError
from embodiedcomp_policy.joint_memory import JointMemory, not_finite
from embodiedcomp_policy.matching import FrameMatcher, Match
from embodiedcomp_policy.nodes.lifecycle import (
    COMMAND_QOS,
    LATCHED_QOS,
    LOCKSTEP_QOS,
    SENSOR_QOS,
    AutostartNode,
    ParameterError,
    run_node,
)
from embodiedcomp_policy.nodes.messages import chunk_to_trajectory, image_to_rgb, ns_to_stamp, stamp_to_ns
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import Policy, PolicyError
from embodiedcomp_policy.registry import make_policy
from embodiedcomp_policy.robot import load_robot
from embodiedcomp_policy.robot_clock import RobotClock

SILENCE = 4
"""Periods without a word of the evaluator, which repeats itself every one, after which its episode is over."""
NO_DESCRIPTION = "no robot_description has come yet"


class PolicyNode(AutostartNode):
    """Asks for an observation, waits for every camera and the joints of that instant, answers once.

    realtime: asks every ``replan_period`` and answers the next complete instant that the guard will not find too old (with
    ``wait_for_episode`` only while an evaluator's episode runs). lockstep: asks when the evaluator says
    RUN and answers the instant of that step; where nothing can be answered it sends a hold, so that nobody waits.
    """

    errors = (ParameterError, ConfigError, PolicyError)

    def __init__(self) -> None:
        super().__init__("policy")

    def prepare(self) -> None:
        """Read parameters, load the policy, build topics and the reset service."""
        self._robot = load_robot(self.parameter("robot", "ur5e", "name in config/robots, or a YAML file"))
        self._lockstep = self.choice("timing", ("realtime", "lockstep"), "whose clock rules") == "lockstep"
        period = self.parameter("replan_period", 1.0, "time between questions in realtime, s", 0.01, 60.0)
        self._control_ns = round(1e9 * self.parameter("control_period", 0.1, "one step in lockstep, s", 1e-3, 10.0))
        self._instruction: str = self.parameter("instruction", "Pick up the object", "until one comes on the topic")
        self._waits: bool = self.parameter("wait_for_episode", False, "in realtime ask nothing before an episode runs")
        self._period_ns, self._told_ns = round(1e9 * period), 0
        age = self.parameter(
            "max_observation_age", float("nan"), "the guard's, in realtime, s; not set: the robot's", 1e-3, 60.0
        )
        self._max_age_ns = self._robot.max_observation_age_ns if np.isnan(age) else round(1e9 * age)
        self._memory, self._robot_clock = JointMemory(self._robot), RobotClock()
        self._policy: Policy | None = None
        self._cameras: tuple[str, ...] = ()
        self._clear(episode=0, seed=self.parameter("seed", 0, "of the policy's random choices"))
        self._wire(period)
        description = self.parameter("robot_description", "", "URDF (XML) for kinematics; empty: the robot file's own")
        if self.parameter("robot_description_topic", False, "wait for the URDF on the topic robot_description"):
            if description:
                raise ParameterError("robot_description and robot_description_topic are both set; set one")
            self.create_subscription(String, "robot_description", self._on_description, LATCHED_QOS)
        else:
            self._load(description)

    def _wire(self, period: float) -> None:
        deep, live = LOCKSTEP_QOS, self._lockstep
        states, commands = (deep, deep) if live else (SENSOR_QOS, COMMAND_QOS)
        self._trajectories = self.create_lifecycle_publisher(JointTrajectory, "policy_trajectory", commands)
        self._requests = self.create_lifecycle_publisher(ObservationRequest, "observation_request", deep)
        self._status = self.create_lifecycle_publisher(PolicyStatus, "~/status", 10)
        self._camera_of: dict[str, str] = {}
        self.create_subscription(JointState, "joint_states", self._on_joints, states)
        self.create_subscription(String, "instruction", self._on_instruction, LATCHED_QOS)
        self.create_subscription(EpisodeState, "episode", self._on_episode, deep)
        self.create_subscription(FrameLost, "frame_lost", self._on_lost, deep)
        self.create_service(ResetEpisode, "~/reset_episode", self._on_reset)
        if not self._lockstep:
            self.create_timer(period, self._on_period)

    def _load(self, description: str) -> None:
        """Load the policy, its kinematics by ``description`` (URDF; empty: the robot file's own), and hear its cameras."""
        name = self.parameter("policy", "reference", "name of an installed policy")
        checkpoint = self.parameter("checkpoint", "", "path of its weights; empty: its own")
        server = self.parameter("server", "", "URL of the process that runs it")
        wrappers = self.parameter("chunk_wrappers", [""], "wrappers around it, innermost first, such as ensemble=0.01")
        made = make_policy(name, checkpoint or None, server or None, description or None, self._robot)
        policy = wrap(made, wrappers, self._robot_now)
        cameras = self.parameter("cameras", [""], "camera names; empty: those that the policy wants")
        cameras = self._checked_cameras(cameras, policy.cameras)
        topics = self.parameter("image_topics", [""], "decoded image topic per camera; empty: CAMERA/image_raw/decoded")
        topics = topics or [f"{camera}/image_raw/decoded" for camera in cameras]
        if len(topics) != len(cameras):
            raise ParameterError(f"{len(topics)} image_topics for {len(cameras)} cameras: {', '.join(cameras)}")
        tolerances = [
            round(1e9 * self.parameter(f"{what}_tolerance", 0.0 if what == "image" else 0.05, text, 0.0, 1.0))
            for what, text in (
                ("image", "how far apart the stamps of one set of images may be, s"),
                ("state", "how far from the images' stamp a joint state may be, s; in lockstep 0"),
            )
        ]
        self._policy, self._cameras = policy, cameras
        self._matcher = FrameMatcher(cameras, *((0, 0) if self._lockstep else tolerances))
        self._clear(self._episode, self._seed)
        for camera, topic in zip(cameras, topics, strict=True):
            subscription = self.create_subscription(
                Image, topic, partial(self._on_image, camera), LOCKSTEP_QOS if self._lockstep else SENSOR_QOS
            )
            self._camera_of[_source(subscription.topic_name)] = camera

    def _on_description(self, message: String) -> None:
        """The robot's own URDF has come."""
        if self._policy is not None or not message.data:
            return
        try:
            self._load(message.data)
        except self.errors as error:
            reason = f"robot_description: {' '.join(str(error).split())}"
            self.get_logger().error(reason)
            self._report("error", float("nan"), self._newest_ns, reason)

    def _checked_cameras(self, cameras: list[str], wanted: tuple[str, ...]) -> tuple[str, ...]:
        if cameras and sorted(cameras) != sorted(wanted):
            raise ParameterError(f"cameras {', '.join(cameras)} don't serve the policy; it wants {', '.join(wanted)}")
        return tuple(cameras or wanted)

    def _clear(self, episode: int, seed: int) -> None:
        self._episode, self._seed, self._step = episode, seed, 0
        self._asked = False
        self._paused = self._waits
        self._newest_ns = 0
        self._memory.reset()
        self._robot_clock.reset()
        self._unmeasured = ""
        if self._policy is not None:
            self._policy.reset(seed)
            self._matcher.reset()

    def _now(self) -> int:
        return self._newest_ns if self._lockstep else int(self.get_clock().now().nanoseconds)

    def _robot_now(self) -> int:
        """This host's clock is not the robot's; before a joint state has come there is nothing else to go by."""
        heard = None if self._lockstep else self._robot_clock.now(self._now())
        return self._now() if heard is None else heard

    def _on_reset(self, request: ResetEpisode.Request, response: ResetEpisode.Response) -> ResetEpisode.Response:
        """Ready, in lockstep, once simulator and guard listen: then nothing of step 0 can be lost."""
        if self._policy is None:
            response.message = NO_DESCRIPTION
            return response
        said = (self._requests, self._trajectories) if self._lockstep else ()
        unheard = [publisher.topic_name for publisher in said if publisher.get_subscription_count() == 0]
        if unheard:
            response.message = f"nobody subscribes {', '.join(unheard)} yet"
            return response
        self._clear(request.episode, request.seed)
        response.ok = True
        return response

    def _on_instruction(self, message: String) -> None:
        self._instruction = message.data

    def _on_episode(self, message: EpisodeState) -> None:
        if message.episode != self._episode:
            return
        self._paused = message.phase == EpisodeState.DONE
        self._told_ns = int(self.get_clock().now().nanoseconds)
        if self._lockstep and not self._paused and self.running and self._policy is not None:
            self._ask(message.step)

    def _on_period(self) -> None:
        silent_ns = int(self.get_clock().now().nanoseconds) - self._told_ns
        if self._waits and not self._paused and silent_ns > SILENCE * self._period_ns:
            self._paused = True
            self.get_logger().error("the evaluator says no more that the episode runs: paused")
        if self.running and not self._paused:
            if self._policy is None:
                self._report("waiting", float("nan"), self._newest_ns, NO_DESCRIPTION)
                return
            self._ask(self._step + 1)

    def _ask(self, step: int) -> None:
        if self._asked and not self._lockstep:
            self._report("waiting", float("nan"), self._newest_ns, self._why_waiting())
        self._step, self._asked = step, True
        request = ObservationRequest(episode=self._episode, step=step, stamp=ns_to_stamp(self._now()))
        self._requests.publish(request)
        self._answer()

    def _why_waiting(self) -> str:
        if self._unmeasured:
            return self._unmeasured
        newest_ns = self._matcher.newest_ns()
        if newest_ns is None:
            return "no complete observation since the last question"
        old, most = (self._robot_now() - newest_ns) / 1e9, self._max_age_ns / 1e9
        return f"the newest pictures are {old:.2f} s old, more than max_observation_age {most:.2f} s"

    def _on_image(self, camera: str, message: Image) -> None:
        try:
            image = image_to_rgb(message)
        except ValueError as error:
            self.get_logger().error(f"{camera}: {error}", once=True)
            return
        self._matcher.add_image(camera, stamp_to_ns(message.header.stamp), image)
        self._answer()

    def _on_lost(self, message: FrameLost) -> None:
        camera = self._camera_of.get(_source(message.topic))
        if camera is not None and message.episode == self._episode:
            self._matcher.add_lost(camera, stamp_to_ns(message.header.stamp))
            self._answer()

    def _on_joints(self, message: JointState) -> None:
        stamp_ns = stamp_to_ns(message.header.stamp)
        state = self._memory.update(stamp_ns, message.name, message.position)
        if state is None:
            return
        self._unmeasured = not_finite(self._robot, state)
        if self._unmeasured:
            return
        self._newest_ns = stamp_ns
        self._robot_clock.hear(stamp_ns, int(self.get_clock().now().nanoseconds))
        if self._policy is not None:
            if self._matcher.add_state(stamp_ns, state):
                self.get_logger().warning("the robot's clock has gone back: a new start")
                self._policy.reset(self._seed)
            self._answer()

    def _answer(self) -> None:
        """Answer the question once its instant is complete."""
        if self._policy is None or not (self._asked and self.running):
            return
        if self._lockstep:
            match = self._matcher.take(at_ns=self._step * self._control_ns)
        else:  # an older one would use up the question, and the guard refuse the answer
            match = self._matcher.take(not_before_ns=self._robot_now() - self._max_age_ns)
        if match is None:
            return
        self._asked = False
        if not match.images:
            self._send_nothing(match, "holding", "no picture has come through yet")
            return
        observation = Observation(match.images, match.state, self._instruction, match.stamp_ns)
        started = time.perf_counter()
        try:
            chunk = self._policy.act(observation)
            seconds = time.perf_counter() - started
            trajectory = chunk_to_trajectory(chunk, self._robot, list(range(len(self._robot.names))))
        except PolicyError as error:
            self._send_nothing(match, "error", " ".join(str(error).split()))
            return
        except Exception as error:  # a plug-in's fault must not end a robot's node: no chunk, not even a hold
            if self._lockstep:  # nothing comes after an unanswered question: the trial ends and names it
                raise
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            self.get_logger().error(traceback.format_exc(), throttle_duration_sec=10.0)
            self._report("error", float("nan"), match.stamp_ns, reason)
            return
        self._trajectories.publish(trajectory)
        lost = "" if match.image_stamp_ns == match.stamp_ns else "a frame was lost: answered from the last whole set"
        self._report("answered", seconds, match.stamp_ns, lost, self._robot_now() - match.image_stamp_ns)

    def _send_nothing(self, match: Match, state: str, reason: str) -> None:
        if self._lockstep:
            joints = list(range(len(self._robot.names)))
            self._trajectories.publish(
                chunk_to_trajectory(hold_chunk(match.stamp_ns, match.state), self._robot, joints)
            )
        self.get_logger().warning(f"{state}: {reason}", throttle_duration_sec=1.0)
        self._report(state, float("nan"), match.stamp_ns, reason)

    def _report(self, state: str, seconds: float, stamp_ns: int, reason: str, age_ns: float = float("nan")) -> None:
        status = PolicyStatus(state=state, inference_seconds=seconds, frame_age_seconds=age_ns / 1e9, reason=reason)
        status.header.stamp = ns_to_stamp(stamp_ns)
        status.header.frame_id = self._cameras[0] if self._cameras else ""
        self._status.publish(status)


def _source(topic: str) -> str:
    """The source image topic behind one of its transports' names."""
    return topic.removesuffix("/decoded").removesuffix("/embodiedcomp")


def main() -> int:
    """``ros2 run embodiedcomp_policy policy``."""
    return run_node("policy", PolicyNode)
