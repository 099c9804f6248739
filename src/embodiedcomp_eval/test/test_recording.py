"""An episode's line: counts, rates and hashes from hand-made events."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest

from embodiedcomp_eval.recording import EpisodeRecorder
from embodiedcomp_eval.subscriber import Answered, ChunkRefused, FrameReceived, FrameSent, Stepped
from embodiedcomp_eval.task import TaskConfig

STEP = 100_000_000
START = np.array([0.0, 0.0])


def events(steps: int, lift_at: int | None) -> list[object]:
    """A frame per camera every 5 steps (1000 bytes, then 10), one answer each, the object lifted after ``lift_at``."""
    made: list[object] = []
    for step in range(0, steps, 5):
        for camera in ("a", "b"):
            size = 1000 if step == 0 else 10
            made.append(FrameSent(camera, step * STEP, bytes(size), step == 0, step > 0, False, 0.002))
            made.append(FrameReceived(camera, step * STEP, camera == "b" and step == 5, 0.001))
        made.append(Answered(step * STEP, 0.01, 0.003))
    for step in range(1, steps + 1):
        height = 0.9 if lift_at is not None and step >= lift_at else 0.5
        made.append(Stepped(step, np.array([step * 0.1, 0.5]), np.array([step * 0.09, 0.4]), height))
    return made


def record(task: TaskConfig, order: list[object]) -> EpisodeRecorder:
    recorder = EpisodeRecorder(task, lambda camera, size: size + 100)
    recorder.reset(7, {"object": "cube"}, START, 0.5)
    call = {
        FrameSent: recorder.sent,
        FrameReceived: recorder.received,
        Answered: recorder.answered,
        Stepped: recorder.stepped,
    }
    for event in order:
        call[type(event)](event)  # type: ignore[operator]
    return recorder


def test_a_success_ends_the_episode_at_its_step(small_task: TaskConfig) -> None:
    recorder = record(small_task, events(10, lift_at=8))
    line = recorder.line(3, 1.5)
    assert recorder.ended and recorder.success
    assert (line["episode"], line["seed"], line["success"], line["steps"], line["queries"]) == (3, 7, True, 8, 2)
    assert line["lift"] == pytest.approx(0.4)
    assert line["frames_sent"] == 4 and line["frames_lost"] == 1 and line["key_frames"] == 2
    assert line["frames_at_floor"] == 2 and line["frames_at_ceiling"] == 0
    assert line["payload_bytes"] == 2020 and line["wire_bytes"] == 2420
    assert line["payload_bpp"] == pytest.approx(8 * 2020 / (4 * 256))
    assert line["bits_per_second"] == pytest.approx(8 * 2020 / 0.8)
    assert line["frame_bytes"] == {"a": [1000, 10], "b": [1000, 10]}
    assert line["wall"]["latency_ms"]["decode"] == [1.0, 1.0, 1.0]  # the lost one took none
    targets = np.array([[step * 0.1, 0.5] for step in range(1, 9)])
    assert line["actions_sha256"] == hashlib.sha256(targets.tobytes()).hexdigest()


def test_what_was_sent_after_the_end_does_not_count(small_task: TaskConfig) -> None:
    late = FrameSent("a", 8 * STEP, bytes(999), False, False, False, 0.1)
    with_late = record(small_task, [*events(10, lift_at=8), late, Answered(9 * STEP, 1.0, 1.0)])
    without = record(small_task, events(10, lift_at=8))
    line = with_late.line(0, 0.0)
    assert line.pop("frames_after_end") == 1
    expected = without.line(0, 0.0)
    assert expected.pop("frames_after_end") == 0 and line == expected


def test_refusals_of_the_guard_are_counted_until_the_end(small_task: TaskConfig) -> None:
    recorder = record(small_task, events(10, lift_at=8))
    assert recorder.line(0, 0.0)["guard_refusals"] == 0 and recorder.line(0, 0.0)["guard_last_reason"] is None
    for step, reason in ((5, "not finite"), (0, "too old"), (8, "after the end")):
        recorder.refused(ChunkRefused(step * STEP, reason))
    line = recorder.line(0, 0.0)
    assert line["guard_refusals"] == 2 and line["guard_last_reason"] == "not finite"


def test_a_failure_lasts_the_horizon(small_task: TaskConfig) -> None:
    recorder = record(small_task, events(30, lift_at=None))
    line = recorder.line(0, 0.0)
    assert recorder.ended and not line["success"] and line["steps"] == 20 and line["frames_sent"] == 8


def test_the_order_of_arrival_of_frames_does_not_matter(small_task: TaskConfig) -> None:
    frames = [e for e in events(10, 8) if not isinstance(e, Stepped)]
    steps = [e for e in events(10, 8) if isinstance(e, Stepped)]
    lines = [
        record(small_task, [*order, *steps]).line(0, 0.0)["packets_sha256"]
        for order in itertools.islice(itertools.permutations(frames), 50)
    ]
    assert len(set(lines)) == 1


def test_any_other_byte_or_action_changes_a_hash(small_task: TaskConfig) -> None:
    plain = record(small_task, events(10, 8)).line(0, 0.0)
    other = events(10, 8)
    other[0] = FrameSent("a", 0, b"\1" + bytes(999), True, False, False, 0.002)
    changed = record(small_task, other).line(0, 0.0)
    assert changed["packets_sha256"] != plain["packets_sha256"] and changed["actions_sha256"] == plain["actions_sha256"]


def test_reset_forgets(small_task: TaskConfig) -> None:
    recorder = record(small_task, events(10, 8))
    recorder.reset(8, {}, START, 0.0)
    assert recorder.steps == 0 and not recorder.ended and recorder.line(0, 0.0)["frames_sent"] == 0
