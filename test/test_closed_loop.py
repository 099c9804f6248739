"""The closed loop in one process, on a simulator that takes no time: it closes, it repeats, and each knob does its work."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trial_runs import lines, summary

from embodiedcomp_eval.assembly import make_loop
from embodiedcomp_eval.commands.trial import show_summary
from embodiedcomp_eval.inprocess import run_episodes
from embodiedcomp_eval.results import ResultsFolder
from embodiedcomp_eval.subscriber import FrameReceived, FrameSent, Stepped, Subscriber
from embodiedcomp_eval.trial_config import TrialConfig

SUMMARY_KEYS = [
    "schema",
    "codec",
    "mode",
    "target_bpp",
    "policy",
    "task",
    "link",
    "send",
    "replan_period",
    "sensor",
    "timing",
    "transport",
    "seeds",
    "episodes",
    "successes",
    "success_rate",
    "success_rate_ci95",
    "mean_steps",
    "mean_steps_success",
    "frames_sent",
    "payload_bytes",
    "payload_bpp",
    "wire_bpp",
    "bits_per_second",
    "latency_ms",
]
"""As the design fixes them."""


def configured(task: str, **options: Any) -> TrialConfig:
    base = TrialConfig(codec="jpeg", target_bpp=1.0, policy="toy", task=task, seed=100, transport="inprocess")
    return dataclasses.replace(base, **options)


def episode(config: TrialConfig, seed: int = 100, *subscribers: Subscriber) -> dict[str, Any]:
    loop, recorder = make_loop(config, config.validate(), subscribers)
    loop.run(seed)
    loop.close()
    line = recorder.line(0, 0.0)
    del line["wall"]
    return line


def test_the_loop_lifts_and_an_episode_depends_on_its_seed_alone(toy_task: str) -> None:
    config = configured(toy_task)
    loop, recorder = make_loop(config, config.validate())
    seen = []
    for seed in (100, 101, 100):
        loop.run(seed)
        line = recorder.line(0, 0.0)
        del line["wall"]
        seen.append(line)
    assert seen[0] == seen[2] == episode(config)
    assert seen[0] != seen[1]
    assert seen[0]["success"] and seen[0]["steps"] < 60


class Witness(Subscriber):
    def __init__(self) -> None:
        self.sent_at: list[tuple[int, str]] = []
        self.pictures: list[np.ndarray] = []
        self.steps = 0

    def sent(self, event: FrameSent) -> None:
        self.sent_at.append((event.stamp_ns, event.camera))

    def received(self, event: FrameReceived) -> None:
        if event.image is not None:
            self.pictures.append(event.image)

    def stepped(self, event: Stepped) -> None:
        self.steps = event.step


@pytest.mark.parametrize(("send", "every"), [("on_query", 10), ("every_step", 1)])
def test_send_schedules(toy_task: str, send: str, every: int) -> None:
    witness = Witness()
    line = episode(configured(toy_task, send=send), 100, witness)
    due = [step * 100_000_000 for step in range(0, witness.steps, every)]
    assert witness.sent_at == [(stamp, camera) for stamp in due for camera in ("base_camera", "wrist_camera")]
    assert line["frames_sent"] == len(witness.sent_at) and line["queries"] == -(-witness.steps // 10)


def test_grey_blinds_the_policy(toy_task: str) -> None:
    witness = Witness()
    line = episode(configured(toy_task, codec="none", target_bpp=float("nan"), grey=True), 100, witness)
    assert all(np.unique(picture).tolist() == [128] for picture in witness.pictures)
    assert not line["success"] and line["steps"] == 60


def test_the_policy_sees_what_the_codec_left(toy_task: str) -> None:
    fine, coarse = (episode(configured(toy_task, target_bpp=bpp)) for bpp in (4.0, 0.01))
    assert fine["payload_bytes"] > 2 * coarse["payload_bytes"]
    assert fine["actions_sha256"] != coarse["actions_sha256"]


def test_a_lossless_codec_changes_bytes_but_no_action(toy_task: str) -> None:
    raw, png = (episode(configured(toy_task, codec=codec, target_bpp=float("nan"))) for codec in ("none", "png"))
    assert raw["payload_bpp"] > 24.0 > png["payload_bpp"]  # raw: all of the pixels, and our header
    assert raw["packets_sha256"] != png["packets_sha256"]
    assert raw["actions_sha256"] == png["actions_sha256"] and raw["steps"] == png["steps"]


def test_a_bit_rate_is_that_of_all_cameras(toy_task: str, tmp_path: Path) -> None:
    config = configured(toy_task, target_bpp=float("nan"), target_bitrate=60e3, send="every_step", episodes=4)
    task = config.validate()
    loop, recorder = make_loop(config, task)
    with ResultsFolder(tmp_path / "t", config.to_mapping()) as folder:
        run_episodes(config, task, loop, recorder, folder)
    assert summary(tmp_path / "t")["bits_per_second"] == pytest.approx(60e3, rel=0.1)
    assert sum(line["frames_at_floor"] for line in lines(tmp_path / "t")) == 0


def test_a_tiny_target_is_still_a_number_in_the_table(
    toy_task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(toy_task, target_bpp=1e-5, episodes=1)
    task = config.validate()
    loop, recorder = make_loop(config, task)
    with ResultsFolder(tmp_path / "t", config.to_mapping()) as folder:
        run_episodes(config, task, loop, recorder, folder)
    show_summary(tmp_path / "t")
    assert "1e-05 bpp" in capsys.readouterr().out


def test_a_link_that_loses_everything_holds_the_arm(toy_task: str, tmp_path: Path) -> None:
    (tmp_path / "dead.yaml").write_text("loss: 1.0\n")
    line = episode(configured(toy_task, link=str(tmp_path / "dead.yaml")))
    assert not line["success"] and line["frames_lost"] == line["frames_sent"] == 12 and line["queries"] == 0
    assert line["path_length"] < 1e-9


def test_losses_follow_from_the_seed(toy_task: str, tmp_path: Path) -> None:
    (tmp_path / "lossy.yaml").write_text("loss: 0.4\n")
    config = configured(toy_task, link=str(tmp_path / "lossy.yaml"))
    first = [episode(config, seed) for seed in range(100, 106)]
    assert first == [episode(config, seed) for seed in range(100, 106)]
    assert len({line["frames_lost"] for line in first}) > 1


def test_results_are_resumed_and_equal_an_undisturbed_run(toy_task: str, tmp_path: Path) -> None:
    config = configured(toy_task, episodes=4)
    task = config.validate()

    def run(out: Path, stop_after: int) -> None:
        loop, recorder = make_loop(config, task)

        def tell(done: int) -> None:
            if done == stop_after:
                raise KeyboardInterrupt

        with ResultsFolder(out, config.to_mapping()) as folder:
            run_episodes(config, task, loop, recorder, folder, tell)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "a", stop_after=2)
    assert len(lines(tmp_path / "a")) == 2 == summary(tmp_path / "a")["episodes"]
    run(tmp_path / "a", stop_after=0)
    run(tmp_path / "b", stop_after=0)
    assert lines(tmp_path / "a") == lines(tmp_path / "b")


def test_a_summary_that_a_crash_left_behind_is_rewritten(toy_task: str, tmp_path: Path) -> None:
    config = configured(toy_task, episodes=2)
    task = config.validate()
    loop, recorder = make_loop(config, task)
    for _ in range(2):
        with ResultsFolder(tmp_path / "t", config.to_mapping()) as folder:
            run_episodes(config, task, loop, recorder, folder)
        assert summary(tmp_path / "t")["episodes"] == 2
        (tmp_path / "t" / "summary.json").write_text('{"episodes": 1}')


def test_the_guards_refusals_are_counted(toy_task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In charged time a chunk that comes too late is refused."""
    from embodiedcomp_eval import assembly
    from embodiedcomp_eval.charges import Charges

    table = Charges({"jpeg": {"encode": 0.2, "decode": 0.01}}, {"toy": 0.04})
    monkeypatch.setattr(assembly, "load_charges", lambda: table)
    line = episode(configured(toy_task, timing="charged"))
    assert line["guard_refusals"] == 6 and "more than max_observation_age" in line["guard_last_reason"]


def test_the_summary_has_every_key_and_adds_up(toy_task: str, tmp_path: Path) -> None:
    config = configured(toy_task, episodes=3)
    task = config.validate()
    loop, recorder = make_loop(config, task)
    with ResultsFolder(tmp_path / "t", config.to_mapping()) as folder:
        run_episodes(config, task, loop, recorder, folder)
    total, episodes = summary(tmp_path / "t"), lines(tmp_path / "t")
    assert not set(SUMMARY_KEYS) - set(total)
    assert total["seeds"] == [100, 101, 102] and total["episodes"] == 3
    assert total["successes"] == sum(line["success"] for line in episodes)
    assert total["payload_bytes"] == sum(sum(map(sum, line["frame_bytes"].values())) for line in episodes)
    assert total["payload_bpp"] == pytest.approx(8 * total["payload_bytes"] / (total["frames_sent"] * 64 * 48))
    assert total["mean_steps"] == pytest.approx(np.mean([line["steps"] for line in episodes]))
    assert set(total["latency_ms"]) == {"encode", "decode", "policy", "frame_age"}


def test_slow_codecs_pay_in_simulated_time(toy_task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk that comes 0.15 s late runs from the third step on; one that is older than the guard allows never does."""
    from embodiedcomp_eval import assembly
    from embodiedcomp_eval.charges import Charges

    def line(encode: float) -> dict[str, Any]:
        table = Charges({"jpeg": {"encode": encode, "decode": 0.01}}, {"toy": 0.04})
        monkeypatch.setattr(assembly, "load_charges", lambda: table)
        return episode(configured(toy_task, timing="charged"))

    free, late, stale = episode(configured(toy_task)), line(0.1), line(0.2)
    assert free["success"] and free["steps"] <= late["steps"]
    assert late["path_length"] > 0.1 and late["actions_sha256"] != free["actions_sha256"]
    assert stale["path_length"] < 1e-9 and not stale["success"]
