"""Recorded trials judged again from their bags."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bag_examples import SECOND, START, header, make, put

from embodiedcomp_eval.bags.episode_windows import episode_windows
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.reader import BagReader
from embodiedcomp_eval.bags.recorder import CONFIGURATION
from embodiedcomp_eval.bags.rescoring import configuration, rescore
from embodiedcomp_eval.bags.writer import BagWriter
from embodiedcomp_eval.config import ConfigError, dump_yaml
from embodiedcomp_eval.judge_registry import make_panel
from embodiedcomp_eval.judged_trial import Judging, judging_of
from embodiedcomp_eval.judging import Setting
from embodiedcomp_eval.results import ResultsError
from embodiedcomp_eval.rewriting import rewrite_results
from embodiedcomp_policy.robot import load_robot

MS = 1_000_000
SETTING = Setting(load_robot("ur5e"), 0.12)
LENGTH = 6 * SECOND
EPISODES = 3


def pose(stamp_ns: int, z: float) -> Any:
    place = make("geometry_msgs/msg/Point", x=0.4 + 1e-9 * (stamp_ns // MS % 1000), y=0.0, z=z)
    turn = make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0)
    body = make("geometry_msgs/msg/Pose", position=place, orientation=turn)
    return make("geometry_msgs/msg/PoseStamped", header=header(stamp_ns, "base_link"), pose=body)


def state(told: int, phase: int) -> Any:
    return make("embodiedcomp_msgs/msg/EpisodeState", episode=told, seed=100 + told % EPISODES, step=0, phase=phase)


def result(stamp_ns: int, episode: int, outcome: str, error: str = "") -> Any:
    stamp = make("builtin_interfaces/msg/Time", sec=stamp_ns // SECOND, nanosec=stamp_ns % SECOND)
    counts = dict.fromkeys(
        ("steps", "queries", "frames_sent", "frames_lost", "key_frames", "payload_bytes", "wire_bytes"), 0
    )
    numbers = dict.fromkeys(
        ("target_bpp", "target_bitrate", "action_efficiency", "payload_bpp", "wire_bpp", "bits_per_second", "duration",
         "wall_seconds"), math.nan,
    )  # fmt: skip
    return make(
        "embodiedcomp_msgs/msg/TrialResult", stamp=stamp, task="ur5e_pick", codec="av1", mode="inter", policy="p",
        episode=episode, seed=100 + episode, success=outcome == "success", error=error, outcome=outcome, decided_by="object_pose",
        reason="as it was", **counts, **numbers,
    )  # fmt: skip


CONFIG = {
    "configuration": {
        "task": "ur5e_pick",
        "judging": Judging("object_pose", {"object_pose": {"hold": 0.3}}).to_mapping(),
    }
}


def record(path: Path, off_ns: int = 0, pose_topic: str = "/cell/object_pose") -> Path:
    """Lifted (0); a voided attempt (1 on the topics); table (1, told 4); tag lost (2). Said at the time: success, thrice."""
    with BagWriter(path, custom={CONFIGURATION: dump_yaml(CONFIG)}) as writer:
        at = START
        for told, episode, error in ((0, 0, ""), (1, 1, "the operator said void"), (4, 1, ""), (2, 2, "")):
            put(writer, "/episode", at, state(told, 1))  # quiet, before the scene is set
            for step in range(-40, 140):
                stamp = at + 2 * SECOND + step * 50 * MS
                if step == -10:
                    put(writer, "/episode", stamp, state(told, 1))  # set: what was seen before was somebody's hand
                if step == 0:
                    put(writer, "/episode", stamp, state(told, 0))
                if step == 120:
                    put(writer, "/episode", stamp, state(told, 1))
                high = step < -10 or (told == 0 and 40 <= step < 120) or (told == 4 and step >= 121)
                if not (told == 2 and step > 20):
                    put(writer, pose_topic, stamp + MS, pose(stamp + off_ns, 0.3 if high else 0.05))
            at += 10 * SECOND
            put(writer, "/trial_result", at - SECOND, result(at - SECOND, episode, "" if error else "success", error))
    return path


def outcomes(found: list[Any]) -> list[tuple[int, str, str]]:
    return [(one.window.episode, one.verdict.outcome, one.verdict.decided_by) for one in found]


def test_a_bag_knows_what_its_trial_was_judged_by_and_is_judged_again(tmp_path: Path) -> None:
    bag = record(tmp_path / "bag")
    judging = judging_of(configuration(bag), "bag")
    assert judging == Judging("object_pose", {"object_pose": {"hold": 0.3}})
    found = rescore(bag, make_panel(judging.success, judging.options, SETTING))
    assert outcomes(found) == [
        (0, "success", "object_pose"), (1, "failure", "object_pose"), (2, "undecided", "object_pose"),
    ]  # fmt: skip
    assert [one.changed for one in found] == [False, True, True]
    first = found[0].to_mapping()
    assert first["seconds"] == pytest.approx(2.3, abs=0.051) and first["seed"] == 100
    assert first["was"] == {"outcome": "success", "decided_by": "object_pose", "reason": "as it was"}
    assert "saw nothing of the object" in found[2].verdict.reason


def test_results_from_before_the_recording_end_no_episode(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        put(writer, "/episode", START, state(2, 0))
        for told in range(2):  # latched: they come when the recorder is found, with the episode under way
            put(writer, "/trial_result", START + MS, result(START - SECOND, told, "failure"))
        put(writer, "/episode", START + LENGTH, state(2, 1))
        put(writer, "/trial_result", START + LENGTH + MS, result(START + LENGTH, 2, "success"))
    with BagReader(tmp_path / "bag") as reader:
        found = episode_windows(reader)
    assert [(one.episode, one.start_ns, one.end_ns) for one in found] == [(2, START, START + LENGTH)]
    assert found[0].result.outcome == "success"


def test_an_operator_who_looked_since_decides_the_doubtful_one(tmp_path: Path) -> None:
    bag = record(tmp_path / "bag")
    panel = make_panel("object_pose,operator", {}, SETTING)
    found = rescore(bag, panel, words={2: "success"})
    assert outcomes(found)[2] == (2, "success", "operator") and outcomes(found)[1][1] == "failure"
    with pytest.raises(BagError, match="has no episode 7; it has: 0, 1, 2"):
        rescore(bag, panel, words={7: "success"})


def test_an_episode_stopped_before_its_horizon_has_not_failed_for_sure(tmp_path: Path) -> None:
    bag = record(tmp_path / "bag")
    strict = make_panel("object_pose", {"object_pose": {"lift_height": 0.9}}, SETTING)
    assert [one.verdict.outcome for one in rescore(bag, strict, horizon_ns=LENGTH)] == [
        "failure",
        "failure",
        "undecided",
    ]
    stopped = rescore(bag, strict, horizon_ns=30 * SECOND)
    assert [one.verdict.outcome for one in stopped] == ["undecided"] * 3
    assert stopped[0].verdict.reason.startswith("the episode was stopped after 6.0 of 30.0 s: the object rose 0.250 m")
    said = rescore(bag, make_panel("operator", {}, SETTING), words={0: "failure"}, horizon_ns=30 * SECOND)
    assert said[0].verdict.outcome == "failure"


def test_other_clocks_and_other_topics_are_said_in_one_line(tmp_path: Path) -> None:
    panel = make_panel("object_pose", {}, SETTING)
    off = record(tmp_path / "off", off_ns=-3600 * SECOND)
    with pytest.raises(BagError, match="are -3600 s off the time of recording; give --clock log"):
        rescore(off, panel)
    assert [outcome for _, outcome, _ in outcomes(rescore(off, panel, by_header=False))] == [
        "success",
        "failure",
        "undecided",
    ]
    other = record(tmp_path / "other", pose_topic="/mocap/cup")
    with pytest.raises(
        BagError, match=r"no topic object_pose; wanted .*PoseStamped .*say which: --topic object_pose=/NAME"
    ):
        rescore(other, panel)
    assert len(rescore(other, panel, topics={"object_pose": "/mocap/cup"})) == 3
    with pytest.raises(BagError, match="no judge listens to cup; they do to object_pose"):
        rescore(other, panel, topics={"cup": "/mocap/cup"})
    with pytest.raises(BagError, match="one topic of embodiedcomp_msgs/msg/EpisodeState must say when episodes ran"):
        with BagWriter(tmp_path / "bare") as writer:
            put(writer, "/object_pose", START, pose(START, 0.0))
        rescore(tmp_path / "bare", panel)


def test_results_are_written_anew_and_the_old_ones_kept(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "config.yaml").write_text(dump_yaml({"configuration": {"task": "ur5e_pick", "episodes": 3}, "facts": {}}))
    line = {
        "seed": 5, "success": True, "steps": 60, "queries": 6, "outcome": "success", "decided_by": "object_pose",
        "reason": "r", "evidence": {}, "path_length": 1.0, "jerk": 1.0, "frames_sent": 2, "frames_lost": 0,
        "frames_at_floor": 0, "frames_at_ceiling": 0, "payload_bytes": 10, "wire_bytes": 20, "pixels": 100,
        "duration": 6.0,
        "wall": {"wall_seconds": 7.0, "latency_ms": {k: [] for k in ("encode", "decode", "policy", "frame_age")}},
    }  # fmt: skip
    (old / "episodes.jsonl").write_text("".join(json.dumps({"episode": n, **line}) + "\n" for n in range(3)))
    before = (old / "episodes.jsonl").read_bytes()
    rows = [one.to_mapping() for one in rescore(record(tmp_path / "bag"), make_panel("object_pose", {}, SETTING))]
    rewrite_results(old, new, rows)
    assert (old / "episodes.jsonl").read_bytes() == before
    lines = [json.loads(text) for text in (new / "episodes.jsonl").read_text().splitlines()]
    assert [one["success"] for one in lines] == [True, False, None]
    assert lines[0] == {"episode": 0, **line} and lines[1]["was"]["success"] is True
    summary = json.loads((new / "summary.json").read_text())
    assert summary["episodes"] == 3 and summary["successes"] == 1 and summary["success_rate"] == 0.5
    assert summary["undecided"] == 1 and summary["success_rate_bounds"] == pytest.approx([1 / 3, 2 / 3])
    assert [one["episode"] for one in summary["undecided_episodes"]] == [2]
    assert summary["decided_by"] == {"object_pose": 2}
    with pytest.raises(ResultsError, match="is not empty"):
        rewrite_results(old, new, rows)
    with pytest.raises(ResultsError, match="has no episode 9"):
        rewrite_results(old, tmp_path / "third", [{**rows[0], "episode": 9}])


def test_a_trial_judged_by_something_unreadable_is_refused() -> None:
    with pytest.raises(ConfigError, match="judging must hold options, success, topics"):
        judging_of({"judging": {"success": "operator"}}, "bag")
    assert judging_of({"task": "x"}, "bag") is None
    assert np.isnan(Judging("a", {"a": {"x": math.nan}}).options["a"]["x"])
    assert Judging("a", {"a": {"x": math.nan}}).to_mapping() == {"success": "a", "options": {"a": {}}, "topics": {}}
