"""``trial --record``: what is in the bag is what was in the loop, and replaying it gives the same pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from trial_runs import lines, start_trial

from embodiedcomp_eval.assembly import make_loop
from embodiedcomp_eval.bags.images import Source, find_sources, make_decoder
from embodiedcomp_eval.bags.reader import BagReader
from embodiedcomp_eval.bags.recode import Setting
from embodiedcomp_eval.bags.recorder import CONFIGURATION, TrialRecorder
from embodiedcomp_eval.bags.replay import ReplayConfig, replay
from embodiedcomp_eval.subscriber import FrameReceived, FrameSent, Subscriber
from embodiedcomp_eval.trial_config import TrialConfig
from embodiedcomp_policy.robot import load_robot
from ros_harness import Processes

CAMERAS = ("base_camera", "wrist_camera")


class Witness(Subscriber):
    """Keeps every frame of the live loop."""

    def __init__(self) -> None:
        self.source: dict[str, list[npt.NDArray[np.uint8]]] = {camera: [] for camera in CAMERAS}
        self.decoded: dict[str, list[npt.NDArray[np.uint8]]] = {camera: [] for camera in CAMERAS}
        self.packets: dict[str, list[bytes]] = {camera: [] for camera in CAMERAS}

    def sent(self, event: FrameSent) -> None:
        assert event.image is not None
        self.source[event.camera].append(event.image.copy())
        self.packets[event.camera].append(event.packet)

    def received(self, event: FrameReceived) -> None:
        assert event.image is not None
        self.decoded[event.camera].append(event.image.copy())


def frames(bag: Path, source: Source) -> list[npt.NDArray[np.uint8]]:
    """The frames of one topic of a bag, as the replay decodes them."""
    decoder = make_decoder(source)
    with BagReader(bag) as reader:
        return [decoder.decode(reader.deserialize(record)) for record in reader.records([source.topic])]  # type: ignore[misc]


def messages(bag: Path, topic: str) -> list[Any]:
    with BagReader(bag) as reader:
        return [reader.deserialize(record) for record in reader.records([topic])]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_live_to_bag_to_replay_gives_identical_frames(storage: str, toy_task: str, tmp_path: Path) -> None:
    config = TrialConfig(task=toy_task, policy="toy", target_bpp=0.2, transport="inprocess", send="every_step")
    task, witness = config.validate(), Witness()
    recorder = TrialRecorder(config, task, load_robot(task.robot).names, tmp_path, storage, 10**18)
    loop, episode = make_loop(config, task, [recorder, witness])
    for number, seed in enumerate((7, 8)):
        loop.run(seed)
        recorder.finished(episode.line(number, 0.5))
    loop.close()
    recorder.close()
    bag = tmp_path / "bag"
    replay(ReplayConfig(bag, tmp_path / "replay", (Setting("same", config.stream(task)),), similarity=False))
    for camera in CAMERAS:
        image = f"/{camera}/image_raw"
        bits = Source(f"{image}/embodiedcomp", "sensor_msgs/msg/CompressedImage", image)
        live = witness.decoded[camera]
        assert len(live) > 30
        with BagReader(bag) as reader:
            raw = next(source for source in find_sources(reader.topics) if source.image == image)
        for found, expected in (
            (frames(bag, raw), witness.source[camera]),
            (frames(bag, bits), live),
            (frames(tmp_path / "replay" / "same", bits), live),
        ):
            assert len(found) == len(expected)
            assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
        packets = [bytes(m.data) for m in messages(tmp_path / "replay" / "same", bits.topic)]
        assert packets == witness.packets[camera]


def test_a_recorded_trial_holds_all_topics_and_the_same_episodes(
    toy_task: str, tmp_path: Path, processes: Processes
) -> None:
    common = ("--transport", "inprocess", "--task", toy_task, "--policy", "toy", "--episodes", "2")
    for options, name in (((), "plain"), (("--record",), "kept")):
        trial = start_trial(processes, *common, *options, "--out", str(tmp_path / name))
        assert trial.wait(120) == 0, trial.output
    assert lines(tmp_path / "plain") == lines(tmp_path / "kept")
    check(tmp_path / "kept", "encoder_base_camera")


@pytest.mark.slow
def test_the_bag_over_ros_is_that_of_the_process(toy_task: str, tmp_path: Path, processes: Processes) -> None:
    common = ("--task", toy_task, "--policy", "toy", "--episodes", "2", "--record")
    for transport in ("inprocess", "ros"):
        out = str(tmp_path / transport)
        trial = start_trial(processes, *common, "--transport", transport, "--out", out)
        assert trial.wait(200) == 0, trial.output
    assert lines(tmp_path / "ros") == lines(tmp_path / "inprocess")
    check(tmp_path / "ros", "policy")
    for camera in CAMERAS:
        for topic in (f"/{camera}/image_raw", f"/{camera}/image_raw/embodiedcomp"):
            first, second = (messages(tmp_path / t / "bag", topic) for t in ("inprocess", "ros"))
            assert [bytes(m.data) for m in first] == [bytes(m.data) for m in second]


def check(out: Path, node: str) -> None:
    """A bag beside a trial's results holds what the results say."""
    bag, episodes = out / "bag", lines(out)
    with BagReader(bag) as reader:
        counts = {topic.name: topic.count for topic in reader.topics}
        assert "toy" in reader.custom[CONFIGURATION]
    sent = sum(line["frames_sent"] for line in episodes)
    for suffix in ("image_raw", "image_raw/embodiedcomp"):
        assert sum(counts[f"/{camera}/{suffix}"] for camera in CAMERAS) == sent
    payload = sum(len(m.data) for camera in CAMERAS for m in messages(bag, f"/{camera}/image_raw/embodiedcomp"))
    assert payload == sum(line["payload_bytes"] for line in episodes)
    assert counts["/encoder_base_camera/stats"] == counts["/base_camera/image_raw"]
    assert counts["/joint_trajectory_controller/joint_trajectory"] > 0
    assert counts["/joint_states"] >= sum(line["steps"] for line in episodes)
    results = messages(bag, "/trial_result")
    assert [(r.seed, r.success, r.steps) for r in results] == [(e["seed"], e["success"], e["steps"]) for e in episodes]
    assert any(topic.startswith(f"/{node}/") for topic in counts)
