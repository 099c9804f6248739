"""The closed loop in one process: frame, packet, picture, chunk, motion, score. The nodes make the same loop over ROS 2.

It composes the very objects that the nodes hold, in the same order, so both give the same episodes byte for byte.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.stream import DecoderStream, EncoderStream
from embodiedcomp_eval.channel import Channel
from embodiedcomp_eval.recording import EpisodeRecorder
from embodiedcomp_eval.sensor import Sensor
from embodiedcomp_eval.simulator import Simulator
from embodiedcomp_eval.subscriber import Answered, ChunkRefused, FrameReceived, FrameSent, Stepped, Subscriber
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.chunking import hold_chunk
from embodiedcomp_policy.guard import Guard, Refused
from embodiedcomp_policy.matching import FrameMatcher
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import Policy

Image = npt.NDArray[np.uint8]


@dataclass
class Camera:
    """One camera's way from the lens to the policy."""

    encoder: EncoderStream
    decoder: DecoderStream
    channel: Channel | None = None


class ClosedLoop:
    """Runs episodes. Everything that it needs is handed in, so a test can hand in doubles."""

    def __init__(
        self,
        task: TaskConfig,
        simulator: Simulator,
        policy: Policy,
        guard: Guard,
        cameras: Mapping[str, Camera],
        recorder: EpisodeRecorder,
        *,
        every_step: bool = False,
        sensor: Sensor | None = None,
        charge_ns: int | None = None,
        subscribers: Sequence[Subscriber] = (),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """charge_ns: simulated time that one query costs beside the link (timing ``charged``); None: time stands still."""
        self._task, self._simulator, self._policy, self._guard = task, simulator, policy, guard
        self._cameras, self._sensor, self._every_step = dict(cameras), sensor or Sensor(), every_step
        self._recorder, self._subscribers = recorder, (recorder, *subscribers)
        self._charge_ns, self._clock = charge_ns, clock
        self._period_ns = round(1e9 / task.control_hz)
        self._seed = 0
        self._pending: tuple[int, Chunk] | None = None
        self._matcher = FrameMatcher(policy.cameras)

    def run(self, seed: int) -> None:
        """One episode; afterwards the recorder holds it."""
        # 1. Everything forgets the last episode; the scene of this seed is built and settles.
        self._reset(seed)
        while not self._recorder.ended:
            step = self._recorder.steps
            asked = step % self._task.replan_period == 0
            # 2. Frames that are due go from lens to policy.
            if asked or self._every_step:
                delay_ns, seconds = self._transmit()
            # 3. The policy answers what it sees now.
            if asked:
                self._ask(delay_ns, seconds)
            # 4. The guard admits its chunk when it is there, and says where the joints may go in this period.
            now_ns, measured = self._simulator.time_ns, self._simulator.joint_state().positions
            if self._pending is not None and self._pending[0] <= now_ns:
                result = self._guard.accept(self._pending[1], measured, now_ns)
                if isinstance(result, Refused):
                    refused = ChunkRefused(self._pending[1].stamp_ns, result.reason)
                    for subscriber in self._subscribers:
                        subscriber.refused(refused)
                self._pending = None
            target = self._guard.target(now_ns + self._period_ns, measured)
            # 5. The robot moves; 6. the step is scored.
            self._simulator.step(target)
            stepped = Stepped(step + 1, target, self._simulator.joint_state().positions, self._height())
            for subscriber in self._subscribers:
                subscriber.stepped(stepped)

    def close(self) -> None:
        """Free the renderer."""
        self._simulator.close()

    def _reset(self, seed: int) -> None:
        self._seed, self._pending = seed, None
        self._matcher.reset()
        scene = self._simulator.reset(seed)
        for camera in self._cameras.values():
            camera.encoder.reset()
            camera.decoder.reset()
            if camera.channel is not None:
                camera.channel.reset(seed)
        self._policy.reset(seed)
        self._guard.reset()
        positions, height = self._simulator.joint_state().positions, self._height()
        for subscriber in self._subscribers:
            subscriber.reset(seed, scene, positions, height)

    def _transmit(self) -> tuple[int, float]:
        """Render, encode, send, decode, one frame per camera; returns link delay (ns) and coding time (s), the slowest's."""
        stamp_ns, delay_ns, slowest = self._simulator.time_ns, 0, 0.0
        for name, rendered in self._simulator.render().items():
            camera = self._cameras[name]
            image = self._sensor.capture(rendered, self._seed, name, stamp_ns)
            started = self._clock()
            frame = camera.encoder.encode(image, stamp_ns)
            encoding = self._clock() - started
            sent = FrameSent(name, stamp_ns, frame.packet, frame.key, frame.at_floor, frame.at_ceiling, encoding, image)
            for subscriber in self._subscribers:
                subscriber.sent(sent)
            arrival_ns = stamp_ns if camera.channel is None else camera.channel.send(len(frame.packet), stamp_ns)
            picture, decoding = None, 0.0
            if arrival_ns is not None:
                started = self._clock()
                decoded = camera.decoder.decode(frame.packet)
                decoding = self._clock() - started
                picture = decoded.image
                if decoded.need_key:
                    camera.encoder.request_key()
                delay_ns = max(delay_ns, arrival_ns - stamp_ns)
            if name in self._policy.cameras:
                if picture is None:
                    self._matcher.add_lost(name, stamp_ns)
                else:
                    self._matcher.add_image(name, stamp_ns, picture)
            slowest = max(slowest, encoding + decoding)
            received = FrameReceived(name, stamp_ns, picture is None, decoding, picture)
            for subscriber in self._subscribers:
                subscriber.received(received)
        return delay_ns, slowest

    def _ask(self, delay_ns: int, seconds: float) -> None:
        """Let the policy answer the newest pictures that came through whole; before the first it can't: the arm holds."""
        stamp_ns = self._simulator.time_ns
        self._matcher.add_state(stamp_ns, self._simulator.joint_state().positions)
        match = self._matcher.take(stamp_ns)
        if match is None:
            raise RuntimeError(f"the simulator rendered no frame of {', '.join(self._policy.cameras)}")
        late_ns = 0 if self._charge_ns is None else delay_ns + self._charge_ns
        if match.images:
            observation = Observation(match.images, match.state, self._task.prompt, match.stamp_ns)
            started = self._clock()
            chunk = self._policy.act(observation)
            age = seconds if self._charge_ns is None else late_ns * 1e-9
            answered = Answered(stamp_ns, self._clock() - started, age)
            for subscriber in self._subscribers:
                subscriber.answered(answered)
        else:
            chunk = hold_chunk(match.stamp_ns, match.state)
        self._pending = (stamp_ns + late_ns, chunk)

    def _height(self) -> float:
        return float(self._simulator.object_pose().position[2])
