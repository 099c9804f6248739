from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.guard import Accepted, Guard, GuardError, Refused
from embodiedcomp_policy.robot import load_robot

ROBOT = load_robot("ur5e")
HOME = np.array([0.1, -1.7, 1.5, -1.3, -1.5, 0.2, 0.0])
MS = 1_000_000
SECOND = 1_000_000_000


def steps(count: int = 12, move: float = 0.01, stamp: int = 0, period: int = 100 * MS) -> Chunk:
    times = period * np.arange(1, count + 1, dtype=np.int64)
    return Chunk(stamp, times, HOME + move * np.arange(1, count + 1)[:, None] * (np.arange(7) < 6))


def accepted(guard: Guard, chunk: Chunk, now: int = 0) -> Accepted:
    result = guard.accept(chunk, HOME, now)
    assert isinstance(result, Accepted), result
    return result


def reason(guard: Guard, chunk: Chunk, now: int = 0, measured: object = HOME) -> str:
    result = guard.accept(chunk, measured, now)  # type: ignore[arg-type]
    assert isinstance(result, Refused), result
    return result.reason


def test_a_good_chunk_runs_unchanged_and_is_interpolated() -> None:
    guard, chunk = Guard(ROBOT), steps()
    result = accepted(guard, chunk)
    assert not result.limited
    assert np.array_equal(result.chunk.positions, chunk.positions)
    assert np.array_equal(result.chunk.times_ns, chunk.times_ns)
    assert np.array_equal(guard.target(300 * MS, HOME), chunk.positions[2])
    assert np.allclose(guard.target(50 * MS, HOME), HOME + 0.005 * (np.arange(7) < 6))


def test_elapsed_points_and_those_past_the_chunk_age_are_left_out() -> None:
    chunk = steps(count=20)
    result = accepted(Guard(ROBOT), chunk, now=150 * MS)
    assert result.chunk.stamp_ns == 0
    assert result.chunk.times_ns.tolist() == [n * 100 * MS for n in range(2, 13)]


def test_a_point_due_right_now_is_elapsed() -> None:
    assert accepted(Guard(ROBOT), steps(), now=100 * MS).chunk.times_ns[0] == 200 * MS


def test_ages_on_their_boundaries() -> None:
    guard = Guard(ROBOT)
    accepted(guard, steps(), now=200 * MS)
    assert "0.200 s old" in reason(guard, steps(), now=200 * MS + 1)
    assert "in the future" in reason(guard, steps(stamp=1), now=0)
    assert "in the future" in reason(guard, steps(stamp=2**62), now=0)
    assert "old, more than max_observation_age" in reason(guard, steps(stamp=-(2**62)), now=0)


def test_ages_can_be_set() -> None:
    guard = Guard(ROBOT, max_observation_age=0.5, max_chunk_age=0.6)
    assert accepted(guard, steps(), now=450 * MS).chunk.times_ns.tolist() == [500 * MS, 600 * MS]
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(GuardError, match="positive number of seconds"):
            Guard(ROBOT, max_observation_age=bad)


def test_after_the_chunk_age_it_holds_what_was_measured_then() -> None:
    guard, chunk = Guard(ROBOT), steps()
    accepted(guard, chunk)
    assert np.array_equal(guard.target(1200 * MS, HOME), chunk.positions[-1])
    stopped, sagged = HOME + 0.11, HOME + 0.10
    assert np.array_equal(guard.target(1200 * MS + 1, stopped), np.clip(stopped, ROBOT.lower, ROBOT.upper))
    assert np.array_equal(guard.target(5 * SECOND, sagged), guard.target(1300 * MS, stopped))
    assert guard.chunk_stamp_ns is None


def test_a_short_chunk_holds_its_own_end_until_it_is_outlived() -> None:
    guard, chunk = Guard(ROBOT), steps(count=3)
    accepted(guard, chunk)
    assert np.array_equal(guard.target(900 * MS, HOME), chunk.positions[-1])


def test_a_refused_chunk_stops_the_running_one() -> None:
    guard = Guard(ROBOT)
    accepted(guard, steps())
    reason(
        guard, replace(steps(stamp=100 * MS), positions=np.full((12, 7), np.nan)), now=100 * MS, measured=HOME + 0.01
    )
    assert np.array_equal(guard.target(200 * MS, HOME), HOME + 0.01)


def test_nothing_before_the_first_joint_state_and_nothing_from_a_broken_one() -> None:
    guard = Guard(ROBOT)
    assert reason(guard, steps(), measured=None) == "no joint state yet"
    assert "7 joints" in reason(guard, steps(), measured=HOME[:6])
    broken = HOME.copy()
    broken[2] = np.nan
    assert reason(guard, steps(), measured=broken) == "joint 'elbow_joint' is measured as not finite"
    broken[2] = 9.0
    assert "'elbow_joint' is measured at 9, outside [-3.142, 3.142]" in reason(guard, steps(), measured=broken)
    with pytest.raises(GuardError, match="elbow_joint"):
        guard.target(0, broken)
    assert np.array_equal(guard.target(0, HOME), HOME)


@pytest.mark.parametrize(
    ("chunk", "words"),
    [
        (Chunk(0, np.array([100 * MS]), np.full((1, 7), np.inf)), "not finite"),
        (Chunk(0, np.array([100 * MS]), np.zeros((1, 6))), "expected (T,) and (T, 7)"),
        (Chunk(0, np.array([100 * MS, 100 * MS]), np.zeros((2, 7))), "times do not increase"),
        (Chunk(0, np.array([0, 100 * MS]), np.zeros((2, 7))), "times do not increase from above zero"),
        (Chunk(0, np.array([], dtype=np.int64), np.zeros((0, 7))), "expected (T,)"),
        (Chunk(0, np.array([1300 * MS]), np.zeros((1, 7))), "no point of the chunk is due"),
        (Chunk(0, np.array([0.1]), np.zeros((1, 7))), "times of float64"),
    ],
)
def test_what_cannot_be_limited_is_refused(chunk: Chunk, words: str) -> None:
    assert words in reason(Guard(ROBOT), chunk)


def test_points_are_limited_by_position_speed_and_step() -> None:
    target = HOME.copy()
    target[:] = [9, 9, 9, 9, 9, 9, 9]
    chunk = Chunk(0, np.array([50 * MS, 1000 * MS]), np.stack([target, target]))
    result = accepted(Guard(ROBOT), chunk)
    assert result.limited
    first, second = result.chunk.positions
    assert np.allclose(first - HOME, [0.15708] * 6 + [0.2], atol=1e-6)  # speed x 0.05 s
    assert np.allclose((second - first)[:6], 0.35)  # the step, though speed would allow more
    assert second[6] == 0.8  # the gripper's limit


def test_an_older_chunk_does_not_replace_a_newer_one_but_a_restarted_clock_may() -> None:
    guard = Guard(ROBOT)
    accepted(guard, steps(stamp=SECOND), now=SECOND)
    assert "older than that of a chunk already accepted" in reason(guard, steps(stamp=SECOND - 1), now=SECOND + 5)
    accepted(guard, steps(stamp=0), now=0)


def test_a_clock_that_goes_back_holds() -> None:
    guard = Guard(ROBOT)
    accepted(guard, steps(stamp=SECOND), now=SECOND + 10)
    assert np.array_equal(guard.target(SECOND + 9, HOME), HOME)
    assert guard.chunk_stamp_ns is None


def test_reset_is_a_fresh_guard() -> None:
    guard = Guard(ROBOT)
    accepted(guard, steps(stamp=SECOND), now=SECOND)
    guard.target(4 * SECOND, HOME)
    guard.reset()
    fresh = Guard(ROBOT)
    assert vars(guard).keys() == vars(fresh).keys()
    assert all(vars(guard)[key] is None for key in ("_chunk", "_held", "_newest_stamp_ns"))


def test_the_guard_needs_no_torch() -> None:
    code = (
        "import sys, embodiedcomp_policy.guard, embodiedcomp_policy.slew, embodiedcomp_policy.robot;"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'transformers', 'pinocchio', 'rclpy', 'scipy'}))"
    )
    folder = str(Path(__file__).resolve().parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder, timeout=60
    )
    assert done.stdout.strip() == "[]"
