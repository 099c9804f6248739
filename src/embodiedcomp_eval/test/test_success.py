"""Judges without ROS: what they call success, failure, and what they refuse to know."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.evidence import JointsSeen, PoseSeen, TransformSeen, ValuesSeen, WordSeen
from embodiedcomp_eval.judge_registry import judge_names, make_panel
from embodiedcomp_eval.judging import Setting, WatchOptions
from embodiedcomp_eval.success.gripper import Gripper, GripperOptions
from embodiedcomp_eval.watch import Watch
from embodiedcomp_policy.robot import load_robot

MS = 1_000_000
START = 1_000_000 * MS
END = START + 10_000 * MS
ROBOT = load_robot("ur5e")
SETTING = Setting(ROBOT, 0.12)
UNIT = np.array([1.0, 0.0, 0.0, 0.0])


def judge(name: str, **options: Any) -> Any:
    return make_panel(name, {name: options} if options else {}, SETTING)


def pose(stamp: int, z: float, frame: str = "base_link") -> PoseSeen:
    return PoseSeen(stamp, frame, np.array([0.4 + 1e-9 * (stamp // MS % 1000), 0.0, z]))


def lift(panel: Any, heights: Any, period: int = 100 * MS, rest: float = 0.02, frame: str = "base_link") -> Any:
    """A panel that has seen the object at rest and then at ``heights`` (None: not seen), until the end."""
    for stamp in range(START - 2000 * MS, START + 1, period):
        panel.add("object_pose", pose(stamp, rest, frame))
    panel.begin(START, END)
    for index, z in enumerate(heights):
        if z is not None:
            panel.add("object_pose", pose(START + (index + 1) * period, z, frame))
    return panel


def test_the_lift_rule_on_seen_poses() -> None:
    assert lift(judge("object_pose"), [0.02] * 100).verdict().outcome == "failure"
    risen = lift(judge("object_pose"), [0.02] * 40 + [0.15] * 60)
    found = risen.verdict()
    assert (found.outcome, found.decided_by) == ("success", "object_pose")
    assert found.at_ns == START + 46 * 100 * MS  # held since the 41st pose, for half a second
    assert found.facts["lift"] == pytest.approx(0.13) and found.facts["rest_height"] == pytest.approx(0.02)
    assert risen.decided() == risen.decided() is not None
    # The last rest counts, not the table's height; and a moment above is no lift.
    assert lift(judge("object_pose"), [0.25] * 100, rest=0.2).verdict().outcome == "failure"
    assert lift(judge("object_pose"), [0.02] * 50 + [0.5] * 4 + [0.02] * 46).verdict().outcome == "failure"


def test_what_was_not_seen_is_neither_success_nor_failure() -> None:
    hidden = lift(judge("object_pose"), [0.02] * 30 + [None] * 70).verdict()
    assert hidden.outcome == "undecided"
    assert "saw nothing of the object for 6.50 of 10.00 s" in hidden.reason
    # Held by two poses with a hole between them: not a hold.
    holes = lift(judge("object_pose"), [0.02] * 40 + [0.15, None, None, None, None, None, None, 0.15] * 7)
    assert holes.verdict().outcome == "undecided"
    assert lift(judge("object_pose", max_blind=20.0), [0.02] * 30 + [None] * 70).verdict().outcome == "failure"
    assert "0 poses of the object" in judge("object_pose").unready(START)


def test_a_lost_body_whose_last_pose_is_repeated_is_not_seen() -> None:
    def frozen(**options: Any) -> Any:
        panel = lift(judge("object_pose", **options), [0.02] * 40 + [0.15])
        for index in range(41, 100):
            panel.add(
                "object_pose",
                PoseSeen(START + (index + 1) * 100 * MS, "base_link", pose(START + 4100 * MS, 0.15).position),
            )
        return panel

    assert frozen().decided() is None and frozen().verdict().outcome == "undecided"
    assert "59 poses repeat the one before to the bit: no news" in frozen().verdict().reason
    assert frozen(repeats=True).verdict().outcome == "success"


def test_an_object_that_moved_or_hid_before_the_start_is_not_judged() -> None:
    panel = judge("object_pose")
    for index in range(20):
        panel.add("object_pose", pose(START - 1000 * MS + index * 50 * MS, 0.01 * index))
    assert "moved before the start" in panel.unready(START)
    panel.begin(START, END)
    for index in range(100):
        panel.add("object_pose", pose(START + index * 100 * MS, 0.9))
    assert panel.decided() is None and panel.verdict().outcome == "undecided"
    old = judge("object_pose")
    for index in range(20):
        old.add("object_pose", pose(START - 5000 * MS + index * 50 * MS, 0.02))
    assert old.unready(START) is not None


def camera_on_base(stamp: int, height: float) -> TransformSeen:
    """A camera ``height`` above the base, looking down: its z is the base's -z."""
    return TransformSeen(
        stamp, "base_link", "camera", np.array([0.0, 0.0, height]), np.array([0.0, 1.0, 0.0, 0.0]), True
    )


def test_a_pose_in_the_cameras_frame_is_lifted_in_the_bases() -> None:
    panel = judge("object_pose")
    panel.add("/tf_static", camera_on_base(0, 1.0))
    found = lift(panel, [0.98] * 40 + [0.80] * 60, rest=0.98, frame="camera").verdict()
    assert found.outcome == "success" and found.facts["lift"] == pytest.approx(0.18)
    lost = lift(judge("object_pose"), [0.80] * 100, rest=0.98, frame="camera")
    assert lost.verdict().outcome == "undecided" and "0 poses" in lost.verdict().reason


def test_a_tag_seen_from_the_moving_wrist_waits_for_the_arms_transforms() -> None:
    panel = judge("object_tf", object_frame="tag")

    def tick(stamp: int, camera: float, seen: float) -> None:
        """The tag's transform comes before the camera's of the same instant, as detectors and drivers do it."""
        place = np.array([1e-9 * (stamp // MS % 1000), 0.0, seen])
        panel.add("/tf", TransformSeen(stamp - 10 * MS, "camera", "tag", place, UNIT))
        panel.add("/tf", TransformSeen(stamp, "base_link", "camera", np.array([0.0, 0.0, camera]), UNIT))

    for index in range(40):
        tick(START - (40 - index) * 50 * MS, 0.5, -0.48)
    assert panel.unready(START) is None
    panel.begin(START, END)
    for index in range(199):  # the wrist goes up and down over an object that stays
        height = 0.5 + 0.3 * np.sin(index / 10)
        before = 0.5 + 0.3 * np.sin((index - 0.2) / 10)
        tick(START + index * 50 * MS, height, 0.02 - before)
    found = panel.verdict()
    assert found.outcome == "failure" and abs(found.facts["lift"]) < 0.002


GRIPPER = {"width_min": 0.03, "width_max": 0.06}


class Straight:
    """A fake arm whose tool height is its first joint."""

    lower = upper = np.zeros(6)

    def forward(self, q: Any) -> tuple[np.ndarray, np.ndarray]:
        return np.array([0.0, 0.0, q[0]]), np.eye(3)

    def jacobian(self, q: Any) -> np.ndarray:
        raise NotImplementedError


def joints(stamp: int, height: float, width: float, effort: float | None = None) -> JointsSeen:
    knuckle = 0.8 * (1 - width / 0.085)
    efforts = () if effort is None else (0.0,) * 6 + (effort,)
    return JointsSeen(stamp, ROBOT.names, (height, 0.0, 0.0, 0.0, 0.0, 0.0, knuckle), efforts)


def grip(course: list[tuple[float, float]], effort: float | None = None, **options: float) -> Any:
    made = Gripper(GripperOptions(**{**GRIPPER, **options}), SETTING, arm=Straight())
    made.add("joint_states", joints(START - 10 * MS, 0.3, 0.085))
    assert made.unready(START) is None
    made.begin(START, END)
    for index, (height, width) in enumerate(course):
        made.add("joint_states", joints(START + (index + 1) * 100 * MS, height, width, effort))
    return made.verdict()


def test_fingers_around_the_object_and_a_tool_that_rises() -> None:
    down, up = [(0.3, 0.085)] * 20, [(0.15 + 0.01 * i, 0.05) for i in range(21)]
    lifted = grip(down + [(0.15, 0.05)] * 20 + up + [(0.35, 0.05)] * 39)
    assert lifted.outcome == "success" and lifted.facts["lift"] == pytest.approx(0.2)
    assert (
        grip(down + [(0.15, 0.085)] * 20 + [(0.35, 0.085)] * 60).reason
        == "the fingers never stood 0.03 to 0.06 m apart"
    )
    closed_on_air = grip(down + [(0.15, 0.0)] * 20 + [(0.35, 0.0)] * 60)
    assert closed_on_air.outcome == "failure"
    # Grasped, dropped on the way, risen with empty fingers: the height counts from the grasp, and the grasp is gone.
    assert grip(down + [(0.15, 0.05)] * 20 + up[:8] + [(0.4, 0.0)] * 52).outcome == "failure"
    # Grasped high up, not lifted since.
    assert grip([(0.5, 0.085)] * 20 + [(0.5, 0.05)] * 80).outcome == "failure"
    strong = down + [(0.15, 0.05)] * 20 + [(0.35, 0.05)] * 60
    assert grip(strong, effort=0.1, min_effort=2.0).outcome == "failure"
    assert grip(strong, effort=-3.0, min_effort=2.0).outcome == "success"
    assert grip(strong[:47]).outcome == "success" and grip(strong[:30]).outcome == "undecided"


def test_the_gripper_judge_reads_the_real_arm() -> None:
    panel = make_panel("gripper", {"gripper": GRIPPER}, SETTING)
    (made,) = panel.judges
    home = (0.0, -np.pi / 2, 0.0, -np.pi / 2, 0.0, 0.0)  # a UR5e upright: 0.1625 + 0.425 + 0.3922 + 0.0997 m
    made.begin(START, END)
    made.add("joint_states", JointsSeen(START, ROBOT.names, (*home, 0.4)))
    # The hand points sideways here, so its length does not count.
    assert made._grasp_height == pytest.approx(0.1625 + 0.425 + 0.3922 + 0.0997, abs=1e-6)


def signal(values: list[float | None], rest: float = 0.0, field: str = "value", **options: Any) -> Any:
    panel = judge("signal", field=field, **options)
    for index in range(20):
        panel.add("success_signal", ValuesSeen(START - 1000 * MS + index * 50 * MS, {field: rest}))
    assert panel.unready(START) is None
    panel.begin(START, END)
    for index, value in enumerate(values):
        if value is not None:
            panel.add("success_signal", ValuesSeen(START + (index + 1) * 100 * MS, {field: value}))
    return panel.verdict()


def test_contact_weight_and_force() -> None:
    assert signal([0.0] * 50 + [1.0] * 50, above=0.5).outcome == "success"
    assert signal([0.0] * 50 + [1.0, 0.0] * 25, above=0.5).outcome == "failure"
    scale = signal([4.2] * 50 + [3.9] * 50, rest=4.2, relative=True, below=-0.2)
    assert scale.outcome == "success" and scale.facts["lowest"] == pytest.approx(-0.3)
    assert signal([4.2] * 100, rest=4.2, relative=True, below=-0.2).outcome == "failure"
    assert signal([-9.0] * 100, field="force_z", below=-5.0).outcome == "success"
    assert signal([0.0] * 100, above=-1.0, below=1.0).outcome == "success"
    assert signal([1.0] * 20 + [None] * 80, above=2.0).outcome == "undecided"
    panel = judge("signal", field="force", above=1.0)
    panel.add("success_signal", ValuesSeen(START, {"value": 1.0}))
    assert panel.unready(START) == "signal: its message has no 'force', but value"


def test_the_operators_word() -> None:
    panel = judge("operator")
    panel.add("operator_word", WordSeen(START - 1, "success"))  # of the episode before
    panel.begin(START, END)
    assert panel.decided() is None and panel.verdict().outcome == "undecided" and panel.asks
    panel.add("operator_word", WordSeen(START + 3000 * MS, "failure"))
    assert panel.decided().outcome == "failure" and panel.decided().at_ns == START + 3000 * MS
    panel.add("operator_word", WordSeen(END + 3000 * MS, "success"))
    assert panel.verdict().outcome == "success" and panel.verdict().at_ns is None


def test_the_operator_decides_what_the_pose_can_not() -> None:
    def both() -> Any:
        return make_panel("object_pose,operator", {}, SETTING)

    seen = lift(both(), [0.02] * 100)
    assert seen.verdict().outcome == "failure" and seen.verdict().decided_by == "object_pose"
    hidden = lift(both(), [0.02] * 20 + [None] * 80)
    assert hidden.verdict().outcome == "undecided" and "no word of the operator" in hidden.verdict().reason
    hidden.add("operator_word", WordSeen(END + 1, "success"))
    assert (hidden.verdict().outcome, hidden.verdict().decided_by) == ("success", "operator")
    assert both().required == ["object_pose", "operator_word"]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.booleans()), max_size=80),
    st.floats(0.0, 2.0),
    st.floats(0.05, 1.0),
)
def test_success_is_never_seen_where_it_was_not(course: list[tuple[int, bool]], hold: float, age: float) -> None:
    """Against the definition, whatever comes in whatever order: a hold is a run of observations, close enough together."""
    watch = Watch("w", WatchOptions(hold=hold, max_age=age))
    watch.begin(START, END)
    kept: list[tuple[int, bool]] = []
    for at, holds in course:
        stamp = START + at * MS
        watch.see(stamp, holds)
        if not kept or stamp > kept[-1][0]:
            kept.append((stamp, holds))
    limit, gap = round(1e9 * hold), round(1e9 * age)

    def held(first: int, last: int) -> bool:
        part = kept[first : last + 1]
        close = all(b[0] - a[0] <= gap for a, b in itertools.pairwise(part))
        return len(part) >= 3 and all(holds for _, holds in part) and close and part[-1][0] - part[0][0] >= limit

    expected = any(held(i, j) for i in range(len(kept)) for j in range(i, len(kept)))
    assert (watch.held_ns is not None) == expected
    found = watch.verdict("it", "because", {})
    assert (found.outcome == "success") == expected
    instants = [START, *(stamp for stamp, _ in kept), END]
    blind = sum(max(0, b - a - gap) for a, b in itertools.pairwise(instants)) / 1e9
    assert watch.blind_seconds() == pytest.approx(blind)
    assert expected or (found.outcome == "failure") == (round(1e9 * blind) <= 1_000_000_000)


@pytest.mark.parametrize(
    ("success", "options", "line"),
    [
        ("camera", {}, "unknown success 'camera'; choose from gripper, object_pose, object_tf, operator, signal"),
        ("operator,operator", {}, "names a judge twice"),
        ("object_pose", {"object_pose": {"height": 1.0}}, "unknown key 'height'; valid keys: hold, max_age"),
        ("object_pose", {"object_pose": {"hold": -1.0}}, "object_pose.hold must be from 0 to 60"),
        ("object_pose", {"signal": {}}, "options for 'signal', which is none of the judges: object_pose"),
        ("object_tf", {}, "object_tf.object_frame must be set"),
        ("signal", {}, "signal.above or signal.below must be set"),
        ("signal", {"signal": {"field": "mass", "above": 1.0}}, "unknown signal.field 'mass'; there are: value, force"),
        ("gripper", {}, "gripper.width_min and gripper.width_max must be set"),
        ("gripper", {"gripper": {"width_min": 0.05, "width_max": 0.09}}, "below the gripper's opening 0.085 m"),
    ],
)
def test_bad_options_are_one_line(success: str, options: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as found:
        make_panel(success, options, SETTING)
    assert line in str(found.value) and "\n" not in str(found.value)


def test_every_judge_is_a_plug_in() -> None:
    assert judge_names() == ["gripper", "object_pose", "object_tf", "operator", "signal"]
    bare = SimpleNamespace(**{**ROBOT.__dict__, "gripper": None})
    with pytest.raises(ConfigError, match="needs a robot with a gripper"):
        make_panel("gripper", {"gripper": GRIPPER}, Setting(bare, 0.1))  # type: ignore[arg-type]
