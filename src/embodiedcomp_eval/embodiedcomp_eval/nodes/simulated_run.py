"""Episodes in a simulator, from the evaluator's side: the lockstep protocol, or the wall clock, scored by ground truth."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.lifecycle import LifecyclePublisher
from rclpy.node import Node

from embodiedcomp_eval.infrastructure import InfrastructureError
from embodiedcomp_eval.nodes.trial_resets import Resets
from embodiedcomp_eval.nodes.trial_topics import TrialTopics
from embodiedcomp_eval.nodes.waits import Waits
from embodiedcomp_eval.remote_episode import RemoteEpisode
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_eval.trial_config import TrialConfig
from embodiedcomp_msgs.msg import EpisodeState


class SimulatedRun:
    """Runs one episode after the other."""

    def __init__(
        self,
        node: Node,
        config: TrialConfig,
        task: TaskConfig,
        topics: TrialTopics,
        episode: RemoteEpisode,
        resets: Resets,
        waits: Waits,
        state: LifecyclePublisher,
        patience: tuple[float, float],
    ) -> None:
        """state: publisher of the topic ``episode``. patience: s of wall time for nodes to be there, for a query's steps."""
        self._node, self._config, self._task, self._topics, self._remote = node, config, task, topics, episode
        self._resets, self._waits, self._state = resets, waits, state
        self._start_seconds, self._step_seconds = patience

    async def episode(self, number: int, seed: int, episode: int, progress: Callable[[int], None]) -> dict[str, Any]:
        """The episode's line. number: on the topics. episode: in the results. Raises InfrastructureError."""
        started = time.perf_counter()
        # 1. Every node forgets the last episode; the simulator builds the scene.
        self._topics.listen(None)
        scene = await self._resets.reset(seed, number)
        self._remote.begin(seed, scene)
        self._topics.listen(number)
        executed = 0
        while not self._remote.ended:
            # 2. The policy is told to ask; everything else follows from that, down to the robot's steps.
            self._tell(number, seed, executed, EpisodeState.RUN)
            executed = min(executed + self._task.replan_period, self._task.horizon)
            goal = executed
            if not await self._waits.until(
                lambda: self._remote.ended or self._remote.scored >= goal,  # noqa: B023
                self._step_seconds,
            ):
                stuck = f"stuck at step {self._remote.scored} of {goal} for {self._step_seconds:g} s"
                raise InfrastructureError(
                    f"{stuck}: no {', no '.join(self._remote.missing(executed)) or 'trajectory executed'}"
                )
            progress(self._remote.scored)
        # 3. The end: wait for what is still under way, so that nothing leaks into the next episode.
        self._tell(number, seed, self._remote.scored, EpisodeState.DONE)
        if not await self._waits.until(partial(self._all_in, executed), self._step_seconds):
            raise InfrastructureError(f"episode ended, but no {', no '.join(self._remote.missing(executed))}")
        return self._remote.line(episode, time.perf_counter() - started)

    def _tell(self, number: int, seed: int, step: int, phase: int) -> None:
        self._state.publish(EpisodeState(episode=number, seed=seed, step=step, phase=phase))

    def _all_in(self, executed: int) -> bool:
        return self._remote.reached(executed) and not self._remote.missing(executed)

    async def endpoints(self) -> None:
        """Wait until every node is there and every topic has all of its ends.

        A node that has answered a reset sends to this one whatever it says from then on: it found this node's
        subscriptions before its clients, which were made after them. Between two other nodes, each refuses to be reset
        until its own readers are there.
        """
        absent: list[str] = []

        def matched() -> bool:
            absent[:] = [f"node {name}" for name in self._resets.absent]
            absent.extend(f"topic {topic}" for topic, ends in self._ends().items() if not self._has(topic, *ends))
            silent = [s.topic_name for s in self._node.subscriptions if s.get_publisher_count() == 0]
            absent.extend(f"publisher of {name}" for name in silent)
            if self._state.get_subscription_count() < self._ends()["episode"][1]:
                absent.append("reader of episode")
            return not absent

        if not await self._waits.until(matched, self._start_seconds):
            raise InfrastructureError(f"after {self._start_seconds:g} s still missing: {', '.join(absent)}")

    def _ends(self) -> dict[str, tuple[int, int]]:
        """Every topic of the loop -> (publishers, subscribers) at least, the evaluator among them."""
        cameras, linked = self._task.cameras, self._config.link != "none"
        movers = 1 if self._config.timing == "lockstep" else 2  # in realtime the simulator moves by the episode too
        topics = {
            "joint_states": (1, 3),
            "object_pose": (1, 1),
            "episode": (1, movers),
            "observation_request": (1, 1),
            "policy_trajectory": (1, 1),
            "policy/status": (1, 1),
            "guard/status": (1, 1),
            "joint_trajectory_controller/joint_trajectory": (1, 2),
            "frame_lost": (len(cameras) * (3 if linked else 2), 2),
        }
        for camera in cameras:
            image = f"{camera}/image_raw"
            topics |= {image: (1, 1), f"{image}/embodiedcomp": (1, 2), f"{image}/embodiedcomp/key_request": (1, 1)}
        return topics

    def _has(self, topic: str, publishers: int, subscribers: int) -> bool:
        name = self._node.resolve_topic_name(topic)
        return self._node.count_publishers(name) >= publishers and self._node.count_subscribers(name) >= subscribers
