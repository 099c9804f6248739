"""What a worker process does with one piece of a sweep: run the episode in process, on parts that it keeps."""

from __future__ import annotations

import functools
import os
import time

from embodiedcomp_eval.assembly import Parts, make_loop, make_parts
from embodiedcomp_eval.quality import QualityMeter
from embodiedcomp_eval.report.webp import encode_webp
from embodiedcomp_eval.saved_frames import FrameSaver
from embodiedcomp_eval.subscriber import Subscriber
from embodiedcomp_eval.sweep import Done, Work
from embodiedcomp_eval.task import TaskConfig, load_task
from embodiedcomp_eval.trial_config import TrialConfig
from embodiedcomp_policy.policy import Policy
from embodiedcomp_policy.registry import make_policy
from embodiedcomp_policy.robot import load_robot

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # one episode, one core: that is what makes two workers twice as fast


def run_episode(work: Work) -> Done:
    """Run one episode and return its line, with saved pictures where they were asked for."""
    started = time.perf_counter()
    task = _task(work.trial.task)
    which = (work.trial.policy, work.trial.checkpoint, work.trial.server)
    parts = _parts(*which, work.trial.task)
    saver = FrameSaver(round(1e9 / task.control_hz), encode_webp)
    subscribers: list[Subscriber] = [saver] if work.save_frames else []
    meter = None
    if work.measure_quality and not getattr(parts.policy, "privileged", False):
        meter = QualityMeter(_shadow(*which, task.robot))
        subscribers.append(meter)
        parts = Parts(meter.watch(parts.policy), parts.simulator)
    loop, recorder = make_loop(work.trial, task, subscribers, parts)
    loop.run(work.seed)
    seconds = time.perf_counter() - started
    line = recorder.line(work.number, seconds)
    if meter is not None:
        line["quality"] = meter.result()
    return Done(line, saver.files, seconds)


@functools.lru_cache(maxsize=16)
def _task(name: str) -> TaskConfig:
    return load_task(name)


@functools.lru_cache(maxsize=2)
def _shadow(policy: str, checkpoint: str | None, server: str | None, robot: str) -> Policy:
    """A second copy of the policy, which answers from source pictures."""
    return make_policy(policy, checkpoint, server, robot=load_robot(robot))


@functools.lru_cache(maxsize=2)
def _parts(policy: str, checkpoint: str | None, server: str | None, task: str) -> Parts:
    """Policy and simulator are kept from episode to episode and from cell to cell: compiling scenes takes seconds."""
    return make_parts(TrialConfig(policy=policy, checkpoint=checkpoint, server=server, task=task), _task(task))
