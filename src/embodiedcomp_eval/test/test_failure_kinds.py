"""Each kind of failure from made-up signals, one change at a time; and the recorder's geometry on a cube."""

from typing import Any

import numpy as np
import pytest

from embodiedcomp_eval.failure_kinds import ABOVE, ACROSS, KINDS, SignalRecorder, Signals, failure_kind
from embodiedcomp_eval.simulator import Pose
from embodiedcomp_eval.subscriber import Stepped

T = 10
TOUCH = 0.4


def signals(**changed: Any) -> Signals:
    """A tool far from the grasp, open fingers, an object at rest; then what is changed."""
    still: dict[str, Any] = {
        "across": np.full(T, 0.10), "above": np.full(T, 0.15), "finger": np.zeros(T), "touch": np.full(T, TOUCH),
        "rise": np.zeros(T), "moved": np.zeros(T),
    }  # fmt: skip
    for name, value in changed.items():
        still[name] = still[name] + np.asarray(value, dtype=np.float64) if name in ("rise", "moved") else value
    return Signals(**{name: np.broadcast_to(np.asarray(v, dtype=np.float64), (T,)).copy() for name, v in still.items()})


def late(value: float, before: float, since: int = 5) -> np.ndarray:
    return np.where(np.arange(T) >= since, value, before)


AT = {"across": late(0.005, 0.1), "above": late(0.01, 0.15)}


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("never reached", {}),
        ("closed beside it", {"finger": late(0.7, 0.0)}),
        ("pushed away", {"moved": late(0.06, 0.0)}),
        ("pushed away", {"rise": late(-0.5, 0.0), "finger": late(0.7, 0.0)}),
        ("reached, not closed", AT),
        ("reached, not closed", AT | {"moved": late(0.06, 0.0)}),
        ("closed without hold", AT | {"finger": late(0.38, 0.0)}),
        ("slipped", AT | {"finger": late(0.38, 0.0), "rise": np.where(np.arange(T) == 7, 0.05, 0.0)}),
        ("still rising", AT | {"finger": late(0.38, 0.0), "rise": np.linspace(-0.02, 0.1, T)}),
        ("lifted", AT | {"finger": late(0.38, 0.0), "rise": np.linspace(0, 0.13, T)}),
    ],
)
def test_kind(kind: str, changed: dict[str, Any]) -> None:
    assert failure_kind(signals(**changed), 0.12) == kind
    assert kind in KINDS


def test_the_bounds_of_the_grasp_count_as_at_it_and_beyond_does_not() -> None:
    assert failure_kind(signals(across=ACROSS, above=-ABOVE), 0.12) == "reached, not closed"
    assert failure_kind(signals(across=ACROSS * 1.01, above=0.0), 0.12) == "never reached"
    assert failure_kind(signals(across=0.0, above=ABOVE * 1.01), 0.12) == "never reached"


def test_fingers_that_close_before_the_tool_arrives_have_not_closed_there() -> None:
    early = np.where(np.arange(T) < 3, 0.7, 0.0)
    assert failure_kind(signals(finger=early, **AT), 0.12) == "reached, not closed"


def test_an_episode_without_steps_reached_nothing() -> None:
    assert failure_kind(Signals(*(np.zeros(0) for _ in range(6))), 0.12) == "never reached"


def test_the_recorder_measures_from_the_grasp_of_the_object_where_it_is_now() -> None:
    poses = [Pose(np.array([0.5, 0.1, -0.09]), np.array([1.0, 0.0, 0.0, 0.0]))]
    recorder = SignalRecorder(lambda: poses[-1], lambda positions: np.array([*positions[:3], 0.0]))
    recorder.reset(7, {"object": "cube"}, np.zeros(7), -0.09)
    grasp_height = max(-0.09 + 0.022 - 0.035, -0.112 + 0.023)
    joints = np.array([0.5, 0.1, grasp_height + 0.02, 0.0, 0.0, 0.0, 0.3])
    recorder.stepped(Stepped(1, joints, joints, -0.09))
    poses.append(Pose(np.array([0.53, 0.14, -0.04]), np.array([1.0, 0.0, 0.0, 0.0])))
    recorder.stepped(Stepped(2, joints, joints, -0.04))
    found = recorder.signals()
    assert found.across == pytest.approx([0.0, 0.05], abs=1e-9) and found.moved == pytest.approx([0.0, 0.05], abs=1e-9)
    assert found.above == pytest.approx([0.02, 0.02 - (0.022 - 0.035 - 0.04 - grasp_height)])
    assert found.rise == pytest.approx([0.0, 0.05]) and (found.finger == 0.3).all() and (found.touch > 0.4).all()
    recorder.reset(8, {"object": "cube"}, np.zeros(7), -0.04)
    assert len(recorder.signals().rise) == 0
