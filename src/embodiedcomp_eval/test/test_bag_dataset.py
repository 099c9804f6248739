"""A bag as a LeRobot dataset: tables, videos and counts agree, and pictures are the decoder's, bit for bit.

``make test-lerobot`` loads such a folder with lerobot's own class (test/lerobot_dataset_loads.py).
"""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from bag_examples import CAMERAS, JOINTS, PERIOD, START, header, image, joint_state, make, picture, put, write_bag

from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_eval.bags.dataset import DatasetConfig, camera_name, make_dataset
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.recode import Setting
from embodiedcomp_eval.bags.replay import ReplayConfig, replay
from embodiedcomp_eval.bags.writer import BagWriter
from embodiedcomp_policy.robot import load_robot

pq = pytest.importorskip("pyarrow.parquet")


def config(bag: Path, out: Path, **options: object) -> DatasetConfig:
    return DatasetConfig(bag, out, load_robot("ur5e"), "Lift it", **options)  # type: ignore[arg-type]


def shown(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def rows(out: Path, number: int) -> dict[str, list]:
    return pq.read_table(out / f"data/chunk-000/file-{number:03d}.parquet").to_pydict()


def test_the_pictures_of_our_stream_are_the_live_decoders(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", 12)
    setting = Setting("av1", StreamConfig("av1", target_bpp=0.3))
    replay(ReplayConfig(bag, tmp_path / "replay", (setting,), similarity=False))
    made = make_dataset(config(tmp_path / "replay" / "av1", tmp_path / "out"))
    assert (made.episodes, made.rows, made.rate, made.held, made.skipped) == (1, 12, 10, 0, 0)
    encoder, decoder = EncoderStream(setting.stream), DecoderStream()
    live = [decoder.decode(encoder.encode(picture(i), START + i * PERIOD).packet).image for i in range(12)]
    for camera in CAMERAS:
        video = tmp_path / f"out/videos/observation.images.{camera}/chunk-000/file-000.mp4"
        assert all(np.array_equal(a, b) for a, b in zip(shown(video), live, strict=True))
        with av.open(str(video)) as container:
            times = [float(packet.pts * packet.time_base) for packet in container.demux(video=0) if packet.size]
        assert np.allclose(times, np.arange(12) / 10)
    table = rows(tmp_path / "out", 0)
    assert np.allclose(table["timestamp"], np.arange(12) / 10) and table["index"] == list(range(12))
    assert np.allclose([s[0] for s in table["observation.state"]], 0.01 * np.arange(12))
    assert np.allclose([a[0] for a in table["action"]], 0.01 * np.minimum(np.arange(12) + 1, 11))
    information = json.loads((tmp_path / "out/meta/info.json").read_text())
    assert information["features"]["action"]["names"] == list(JOINTS)
    assert information["total_frames"] == 12 and information["codebase_version"] == "v3.0"
    statistics = json.loads((tmp_path / "out/meta/stats.json").read_text())
    pixels = np.concatenate([frame.reshape(-1, 3) for frame in live]) / 255
    assert np.allclose(np.ravel(statistics["observation.images.base_camera"]["mean"]), pixels.mean(axis=0))


def trajectory(stamp_ns: int, target: float) -> object:
    after = make("builtin_interfaces/msg/Duration", sec=0, nanosec=PERIOD)
    point = make(
        "trajectory_msgs/msg/JointTrajectoryPoint", positions=np.array([target], dtype=np.float64), velocities=np.zeros(0),
        accelerations=np.zeros(0), effort=np.zeros(0), time_from_start=after,
    )  # fmt: skip
    return make("trajectory_msgs/msg/JointTrajectory", header=header(stamp_ns), joint_names=[JOINTS[0]], points=[point])


def test_commands_are_the_actions_and_the_evaluator_cuts_the_episodes(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        for step in range(20):
            log_ns, stamp_ns = START + step * PERIOD, (step % 10) * PERIOD
            phase = int(step % 10 == 9)  # the last one of each is idle
            told = {"episode": step // 10, "seed": 5, "step": step % 10, "phase": phase}
            put(writer, "/episode", log_ns, make("embodiedcomp_msgs/msg/EpisodeState", **told))
            put(writer, "/joint_states", log_ns, joint_state(stamp_ns, 0.5))
            put(writer, "/joint_trajectory_controller/joint_trajectory", log_ns, trajectory(stamp_ns, step))
            put(writer, "/cam/image_raw", log_ns, image(stamp_ns, picture(step)))
    made = make_dataset(config(tmp_path / "bag", tmp_path / "out", cameras={"top": "/cam/image_raw"}))
    assert (made.episodes, made.rows, made.commanded) == (2, 18, True)
    first, second = rows(tmp_path / "out", 0), rows(tmp_path / "out", 1)
    assert [action[0] for action in first["action"]] == list(range(9))
    assert [action[1] for action in first["action"]] == [0.0] * 9, "joints that no command moves stay"
    assert [action[0] for action in second["action"]] == list(range(10, 19))
    assert second["episode_index"] == [1] * 9 and second["index"] == list(range(9, 18))
    episodes = pq.read_table(tmp_path / "out/meta/episodes/chunk-000/file-000.parquet").to_pydict()
    assert episodes["dataset_from_index"] == [0, 9] and episodes["videos/observation.images.top/file_index"] == [0, 1]


def test_a_clock_that_starts_again_begins_another_episode(tmp_path: Path) -> None:
    day = 86_400 * 10  # periods
    for name, second in (("back", 0), ("forward", day)):
        bag = write_bag(tmp_path / name, 24, stamps=[i * PERIOD for i in (*range(12), *range(second, second + 12))])
        made = make_dataset(config(bag, tmp_path / f"{name}_out"))
        assert (made.episodes, made.rows) == (2, 24)


def test_bad_input_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", 4)
    for options, message in (
        ({"cameras": {"top": "/none"}}, "camera 'top': no topic '/none'"),
        ({"cameras": dict.fromkeys(("base_camera",), "/wrist_camera/image_raw")}, "two cameras of one name"),
        ({"joints": "/none"}, "no topic '/none'"),
        ({"commands": "/none"}, "no topic '/none'"),
        ({"topics": ("/none",)}, "no image topic '/none'"),
    ):
        with pytest.raises(BagError, match=message):
            make_dataset(config(bag, tmp_path / "out", **options))
    with BagWriter(tmp_path / "apart") as writer:
        put(writer, "/cam", START, image(START, picture(0)))
        put(writer, "/joint_states", START + 40 * PERIOD, joint_state(START + 40 * PERIOD, 0.0))
    with pytest.raises(BagError, match="say --rate"):
        make_dataset(config(tmp_path / "apart", tmp_path / "out"))
    with pytest.raises(BagError, match="no instant with a frame of every camera"):
        make_dataset(config(tmp_path / "apart", tmp_path / "out", rate=10))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["apart", "bag"]


def test_cameras_are_named_after_their_topics() -> None:
    assert camera_name("/base_camera/image_raw") == "base_camera"
    assert camera_name("/arm/wrist/image_color") == "arm_wrist"
    assert camera_name("/image_raw") == "image_raw"
