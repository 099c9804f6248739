"""Where the time of a closed loop goes: a simulator that is timed, and the clock of a loop without its resets."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.simulator import JointState, Pose, Simulator
from embodiedcomp_eval.subscriber import Answered, FrameReceived, FrameSent, Stepped, Subscriber


class TimedSimulator:
    """A ``Simulator`` around one; ``seconds`` adds up what ``step`` and ``render`` took."""

    def __init__(self, simulator: Simulator) -> None:
        self.joint_names, self.cameras = simulator.joint_names, simulator.cameras
        self._simulator = simulator
        self.clear()

    def clear(self) -> None:
        """Start again from 0."""
        self.seconds = {"physics": 0.0, "render": 0.0}

    def reset(self, seed: int) -> dict[str, Any]:
        return self._simulator.reset(seed)

    @property
    def time_ns(self) -> int:
        return self._simulator.time_ns

    def render(self) -> dict[str, npt.NDArray[np.uint8]]:
        started = time.perf_counter()
        images = self._simulator.render()
        self.seconds["render"] += time.perf_counter() - started
        return images

    def joint_state(self) -> JointState:
        return self._simulator.joint_state()

    def object_pose(self) -> Pose:
        return self._simulator.object_pose()

    def step(self, target: npt.NDArray[np.float64]) -> None:
        started = time.perf_counter()
        self._simulator.step(target)
        self.seconds["physics"] += time.perf_counter() - started

    def close(self) -> None:
        self._simulator.close()


class LoopClock(Subscriber):
    """Adds up steps and seconds from each step 0 to the episode's last step, and what codec and policy took of them."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Start again from 0."""
        self.steps, self.queries = 0, 0
        self.seconds = {"loop": 0.0, "loop_cpu": 0.0, "codec": 0.0, "policy": 0.0}
        self._last, self._last_cpu = 0.0, 0.0

    def reset(self, seed: int, scene: dict[str, Any], positions: npt.NDArray[np.float64], height: float) -> None:
        self._last, self._last_cpu = time.perf_counter(), time.process_time()

    def sent(self, event: FrameSent) -> None:
        self.seconds["codec"] += event.seconds

    def received(self, event: FrameReceived) -> None:
        self.seconds["codec"] += event.seconds

    def answered(self, event: Answered) -> None:
        self.queries += 1
        self.seconds["policy"] += event.seconds

    def stepped(self, event: Stepped) -> None:
        now, cpu = time.perf_counter(), time.process_time()
        self.seconds["loop"] += now - self._last
        self.seconds["loop_cpu"] += cpu - self._last_cpu
        self.steps += 1
        self._last, self._last_cpu = now, cpu
