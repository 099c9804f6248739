"""An episode put together from messages in any order equals one recorded in order."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from embodiedcomp_eval.recording import EpisodeRecorder
from embodiedcomp_eval.remote_episode import Encoded, RealtimeEpisode, RemoteEpisode
from embodiedcomp_eval.subscriber import Answered, ChunkRefused, FrameReceived, FrameSent, Stepped
from embodiedcomp_eval.task import TaskConfig

STEP = 100_000_000
TIMES = np.arange(1, 8, dtype=np.int64) * STEP


def recorder_of(task: TaskConfig) -> EpisodeRecorder:
    return EpisodeRecorder(task, lambda camera, size: size)


def points(query: int) -> np.ndarray:
    return np.stack([np.full(7, query), np.arange(7.0)], axis=1)


def calls(remote: RemoteEpisode, steps: int, lift_at: int) -> list[Callable[[], None]]:
    made: list[Callable[[], None]] = []
    for step in range(steps + 1):
        height = 0.5 if step >= lift_at else 0.1
        made.append(lambda s=step: remote.add_joints(s * STEP, np.array([s * 0.1, 0.0])))
        made.append(lambda s=step, h=height: remote.add_height(s * STEP, h))
    for query in range(0, steps, 5):
        made.append(lambda q=query: remote.add_trajectory(q * STEP, TIMES, points(q)))
        made.append(lambda q=query: remote.add_answer(Answered(q * STEP, 0.01, 9.0)))
        made.append(lambda q=query: remote.add_guarded(q * STEP, "too old" if q else None))
        for camera in ("a", "b"):
            made.append(lambda q=query, c=camera: remote.add_packet(c, q * STEP, c.encode() * (q + 1)))
            made.append(lambda q=query, c=camera: remote.add_encoded(c, q * STEP, Encoded(q == 0, False, False, 0.002)))
            made.append(lambda q=query, c=camera: remote.add_received(FrameReceived(c, q * STEP, False, 0.001)))
    return made


def test_any_order_of_arrival_gives_the_same_line(small_task: TaskConfig) -> None:
    expected = recorder_of(small_task)
    expected.reset(4, {"object": "cube"}, np.zeros(2), 0.1)
    for query in (0, 5):
        for camera in ("a", "b"):
            data = camera.encode() * (query + 1)
            expected.sent(FrameSent(camera, query * STEP, data, query == 0, False, False, 0.002))
            expected.received(FrameReceived(camera, query * STEP, False, 0.001))
        expected.answered(Answered(query * STEP, 0.01, 0.003))
    expected.refused(ChunkRefused(5 * STEP, "too old"))
    for step in range(1, 8):
        query = (step - 1) // 5 * 5
        target, joints = points(query)[step - query - 1], np.array([step * 0.1, 0.0])
        expected.stepped(Stepped(step, target, joints, 0.5 if step >= 7 else 0.1))
    for seed in range(20):
        remote = RemoteEpisode(small_task, recorder_of(small_task), every_step=False)
        remote.begin(4, {"object": "cube"})
        order = calls(remote, 10, lift_at=7)
        random.Random(seed).shuffle(order)
        for call in order:
            call()
        assert remote.ended and remote.scored == 7 and remote.reached(10) and remote.missing(10) == []
        assert remote.line(0, 1.0) == expected.line(0, 1.0)


@pytest.mark.parametrize("left_out", range(22, 40))
def test_what_is_missing_is_named(small_task: TaskConfig, left_out: int) -> None:
    remote = RemoteEpisode(small_task, recorder_of(small_task), every_step=False)
    remote.begin(4, {})
    order = calls(remote, 10, lift_at=7)
    for call in order[:left_out] + order[left_out + 1 :]:
        call()
    if left_out in (22, 31):  # a trajectory: the steps that it moves can't be scored without it
        assert remote.scored == {22: 0, 31: 5}[left_out] and not remote.ended
    else:
        assert len(remote.missing(10)) == 1


def test_a_new_episode_forgets_the_last(small_task: TaskConfig) -> None:
    remote = RemoteEpisode(small_task, recorder_of(small_task), every_step=False)
    remote.begin(4, {})
    for call in calls(remote, 10, lift_at=7):
        call()
    remote.begin(5, {})
    assert remote.scored == 0 and not remote.ended and not remote.reached(0) and len(remote.missing(5)) == 4


def test_realtime_counts_from_the_first_pose(small_task: TaskConfig) -> None:
    remote = RealtimeEpisode(small_task, recorder_of(small_task), every_step=False)
    remote.begin(4, {})
    start = 1_700_000_000_000_000_000
    for step in range(9):
        stamp = start + step * STEP + 3_000_000 * (step % 2)  # a wall clock wanders
        remote.add_joints(stamp, np.array([step * 0.1, 0.0]))
        remote.add_height(stamp, 0.5 if step >= 7 else 0.1)
        remote.add_joints(stamp + 50_000_000, np.zeros(2))  # with a frame in between: no step
    remote.add_packet("a", start - 5, b"before the start")
    remote.add_encoded("a", start - 5, Encoded(True, False, False, 0.001))
    remote.add_packet("a", start + STEP // 2, b"12345")
    remote.add_encoded("a", start + STEP // 2, Encoded(True, False, False, 0.001))
    line = remote.line(0, 1.0)
    assert line["success"] and line["steps"] == 7 and line["frames_sent"] == 1 and line["payload_bytes"] == 5


def test_a_frame_that_was_never_coded_is_not_waited_for(small_task: TaskConfig) -> None:
    remote = RemoteEpisode(small_task, recorder_of(small_task), every_step=False)
    remote.begin(4, {})
    for call in calls(remote, 10, lift_at=7):
        call()
    remote._packets.pop((5 * STEP, "b"))
    remote._encoded.pop((5 * STEP, "b"))
    assert remote.missing(10) == ["packet of b at step 5"]
    remote.add_skipped("b", 5 * STEP)
    assert remote.missing(10) == []
    remote.add_received(FrameReceived("b", 5 * STEP, True, 0.0))
    assert len(remote.line(0, 1.0)["frame_bytes"]["b"]) == 1
    remote._received.pop((5 * STEP, "b"))
    assert remote.missing(10) == ["decoded frame of b at step 5"]
