"""A bag through codecs: sizes counted on the packets themselves, pictures as the live decoder gives them, action error."""

from __future__ import annotations

import csv
import json
import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bag_examples import (
    CAMERAS,
    PERIOD,
    START,
    TYPES,
    compressed,
    header,
    image,
    joint_state,
    make,
    picture,
    put,
    still,
    write_bag,
)
from rosbags.rosbag2 import StoragePlugin, Writer

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.images import find_sources
from embodiedcomp_eval.bags.plots import draw
from embodiedcomp_eval.bags.probe import PolicyProbe
from embodiedcomp_eval.bags.reader import BagReader
from embodiedcomp_eval.bags.recode import Setting
from embodiedcomp_eval.bags.replay import ReplayConfig, replay
from embodiedcomp_eval.bags.writer import BagWriter
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.robot import load_robot

JPEG = Setting("jpeg", StreamConfig("jpeg", target_bpp=1.0))
AV1 = Setting("av1", StreamConfig("av1", target_bpp=0.3))
RAW = Setting("none", StreamConfig("none"))


def config(bag: Path, *settings: Setting, **options: Any) -> ReplayConfig:
    return ReplayConfig(bag, bag.parent / "out", settings or (JPEG,), similarity=False, **options)


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


class Looker:
    """Joint 0 goes to the mean brightness of both pictures."""

    def __init__(self, cameras: tuple[str, ...] = CAMERAS) -> None:
        self.cameras = cameras
        self.seen: list[Observation] = []

    def reset(self, seed: int) -> None:
        self.seed = seed

    def act(self, observation: Observation) -> Chunk:
        self.seen.append(observation)
        target = observation.state.copy()
        target[0] = sum(float(picture.mean()) for picture in observation.images.values()) / 100
        return Chunk(observation.stamp_ns, PERIOD * np.arange(1, 3, dtype=np.int64), np.tile(target, (2, 1)))


def probe(policy: Looker, **options: Any) -> PolicyProbe:
    return PolicyProbe(policy, load_robot("ur5e"), "lift", **options)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_sizes_are_those_of_the_packets_in_the_new_bag(storage: str, tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", 12)
    result = replay(config(bag, AV1, RAW, storage=storage))
    assert json.loads((tmp_path / "out" / "replay.json").read_text()) == result
    for setting in result["settings"]:
        with BagReader(tmp_path / "out" / setting["bag"]) as reader:
            names = [f"/{camera}/image_raw/embodiedcomp" for camera in CAMERAS]
            assert [topic.name for topic in reader.topics] == sorted([*names, "/joint_states"])
            for camera, name in zip(CAMERAS, names, strict=True):
                messages = [reader.deserialize(record) for record in reader.records([name])]
                totals = setting["cameras"][f"/{camera}/image_raw"]
                assert totals["payload_bytes"] == sum(len(message.data) for message in messages)
                assert totals["frames"] == len(messages) == 12
                assert totals["payload_bpp"] == pytest.approx(8 * totals["payload_bytes"] / (12 * 48 * 64))
                assert totals["bits_per_second"] == pytest.approx(8 * totals["payload_bytes"] / 1.2)
                assert {m.header.frame_id for m in messages} == {"lens"}
                assert messages[0].format == f"rgb8; {setting['codec']} compressed rgb8"
    assert result["settings"][1]["cameras"]["/base_camera/image_raw"]["lossless"] is True
    assert result["cameras"]["/base_camera/image_raw"]["recorded_bytes"] == 12 * 48 * 64 * 3
    assert len(rows(tmp_path / "out" / "frames.csv")) == 2 * 2 * 12


def test_pictures_and_packets_are_those_of_the_live_stream(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", 10)
    replay(config(bag, AV1))
    encoder, decoder = EncoderStream(AV1.stream), DecoderStream()
    with BagReader(tmp_path / "out" / "av1") as reader:
        source = find_sources(reader.topics)[0]
        for index, record in enumerate(reader.records([source.topic])):
            packet = encoder.encode(picture(index), START + index * PERIOD).packet
            assert bytes(reader.deserialize(record).data) == packet
            assert decoder.decode(packet).image is not None
    # A replayed bag replays: its own streams are the source then.
    again = replay(ReplayConfig(tmp_path / "out" / "av1", tmp_path / "again", (RAW,), similarity=False))
    assert again["cameras"]["/base_camera/image_raw"]["topic"] == "/base_camera/image_raw/embodiedcomp"


def test_jpeg_topics_are_replayed(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        for index in range(5):
            message = compressed(START + index * PERIOD, still(picture(index), "PNG"), "rgb8; png compressed rgb8")
            put(writer, "/cam/image_raw/compressed", START + index * PERIOD, message)
    result = replay(config(tmp_path / "bag", RAW))
    assert result["settings"][0]["cameras"]["/cam/image_raw"]["lossless"] is True


def test_action_error_of_decoded_against_original(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", 25)
    policy = Looker()
    asked = probe(policy)
    result = replay(config(bag, RAW, JPEG), asked)
    assert result["questions"] == 3 and [o.stamp_ns for o in policy.seen][::7] == [
        START + s * 10 * PERIOD for s in range(3)
    ]
    lossless, lossy = (setting["action_error"] for setting in result["settings"])
    assert set(lossless) == {"all", *CAMERAS} == set(lossy)
    assert lossless["all"]["arm_max_rad"] == 0.0
    assert lossy["all"]["arm_rms_rad"] > 0
    assert lossy["all"]["arm_max_rad"] == pytest.approx(2 * lossy["base_camera"]["arm_max_rad"])  # equal pictures
    assert policy.seen[0].state[0] == pytest.approx(0.0) and policy.seen[7].state[0] == pytest.approx(0.1)
    table = rows(tmp_path / "out" / "actions.csv")
    assert len(table) == 3 * 2 * 3 and {row["cameras"] for row in table} == {"all", *CAMERAS}
    made = draw(tmp_path / "out", result)
    assert [path.name for path in made] == [
        "psnr.png",
        "psnr_over_time.png",
        "action_error.png",
        "action_error_over_time.png",
    ]
    assert all(path.stat().st_size > 10_000 for path in made)


def test_a_clock_that_starts_again_is_two_recordings(tmp_path: Path) -> None:
    stamps = [i * PERIOD for i in (*range(12), *range(12))]
    fresh = EncoderStream(AV1.stream).encode(picture(0), 0)
    bag = write_bag(tmp_path / "bag", 24, stamps=stamps)
    policy = Looker()
    result = replay(config(bag, AV1), probe(policy))
    camera = result["cameras"]["/base_camera/image_raw"]
    assert (camera["clock_jumps"], camera["frames"], camera["frames_out_of_order"]) == (1, 24, 0)
    assert camera["duration"] == pytest.approx(2.4)
    table = [row for row in rows(tmp_path / "out" / "frames.csv") if row["camera"] == "/base_camera/image_raw"]
    assert [row["segment"] for row in table] == ["0"] * 12 + ["1"] * 12
    assert table[12]["key"] == "1" and table[0]["bytes"] == str(len(fresh.packet))
    # Joint states of before the jump bear the same stamps: those of after it are taken.
    assert [round(o.state[0], 6) for o in policy.seen[::4]] == [0.0, 0.1, 0.12, 0.22]


def test_a_clock_that_is_set_forward_costs_no_rate(tmp_path: Path) -> None:
    """A day between two frames is not a day of recording."""
    day = 86_400 * 10**9
    bag = write_bag(tmp_path / "bag", 24, stamps=[START + i * PERIOD + (day if i >= 12 else 0) for i in range(24)])
    camera = replay(config(bag))["cameras"]["/base_camera/image_raw"]
    assert (camera["clock_jumps"], camera["frames"]) == (1, 24) and camera["duration"] == pytest.approx(2.4)


def test_a_frame_out_of_order_is_left_out(tmp_path: Path) -> None:
    order = [0, 1, 3, 2, 4, 5]
    result = replay(config(write_bag(tmp_path / "bag", 6, stamps=[START + i * PERIOD for i in order])))
    camera = result["cameras"]["/base_camera/image_raw"]
    assert (camera["frames"], camera["frames_out_of_order"], camera["clock_jumps"]) == (5, 1, 0)


def test_the_log_clock_serves_where_stamps_are_missing(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", 6, stamps=[0] * 6)
    with pytest.raises(BagError, match="stamps of /base_camera/image_raw are all zero; use --clock log"):
        replay(config(bag))
    assert not (tmp_path / "out").exists() and not (tmp_path / ".out.partial").exists()
    assert replay(config(bag, clock="log"))["cameras"]["/base_camera/image_raw"]["frames"] == 6


def test_a_camera_that_changes_its_size_goes_on(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        for index in range(6):
            pixels = picture(index) if index < 3 else picture(index, 32, 96)
            put(writer, "/cam", START + index * PERIOD, image(START + index * PERIOD, pixels))
    result = replay(config(tmp_path / "bag", AV1))
    totals = result["settings"][0]["cameras"]["/cam"]
    assert totals["frames"] == 6 and totals["key_frames"] >= 2


def test_messages_that_are_no_picture_are_told(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        for index in range(3):
            put(writer, "/yuv", START + index * PERIOD, image(START, picture(0), "yuv422_yuy2"))
            put(writer, "/depth", START + index * PERIOD, image(START, picture(0)[:, :, :2], "16UC1"))
            put(writer, "/cam", START + index * PERIOD, image(START + index * PERIOD, picture(index)))
            put(writer, "/joint_states", START + index * PERIOD, joint_state(START + index * PERIOD, 0.0))
    for topic, reason in (("/yuv", "image encoding 'yuv422_yuy2' is not one of"), ("/depth", "16-bit depth")):
        with pytest.raises(BagError, match=f"no frame of {topic} could be decoded: {reason}"):
            replay(config(tmp_path / "bag", topics=(topic, "/cam")))
    with pytest.raises(BagError, match="no frame of /yuv could be decoded"):
        replay(config(tmp_path / "bag"), probe(Looker(("yuv", "cam"))))
    result = replay(config(tmp_path / "bag"))
    assert result["cameras"]["/cam"]["frames"] == 3 and list(result["settings"][0]["cameras"]) == ["/cam"]
    assert {name: text[:29] for name, text in result["left_out"].items()} == {
        "/yuv": "no frame could be decoded: im",
        "/depth": "no frame could be decoded: 16",
    }


def test_topics_that_cannot_be_copied_are_left_out_and_told(tmp_path: Path) -> None:
    """A type that changes; and one that nobody defines, as in SQLite bags up to Humble."""
    path = write_bag(tmp_path / "bag", 4, "sqlite3")
    (file,) = path.glob("*.db3")
    with closing(sqlite3.connect(file)) as base, base:
        base.execute("DELETE FROM message_definitions")
        base.execute("UPDATE topics SET type = 'ur_msgs/msg/Thing' WHERE name = '/joint_states'")
    metadata = path / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("sensor_msgs/msg/JointState", "ur_msgs/msg/Thing"))
    result = replay(config(path, storage="sqlite3"))
    assert (
        list(result["left_out"]) == ["/joint_states"]
        and "ur_msgs/msg/Thing is not" in result["left_out"]["/joint_states"]
    )
    with BagReader(tmp_path / "out" / "jpeg") as reader:
        assert [topic.name for topic in reader.topics] == [f"/{name}/image_raw/embodiedcomp" for name in CAMERAS]


def test_types_of_this_suite_need_no_definition_in_the_bag(tmp_path: Path) -> None:
    lost = make("embodiedcomp_msgs/msg/FrameLost", header=header(START), episode=0, topic="/cam")
    with BagWriter(tmp_path / "bag", "sqlite3") as writer:
        put(writer, "/cam", START, image(START, picture(0)))
        put(writer, "/lost", START, lost)
    (file,) = (tmp_path / "bag").glob("*.db3")
    with closing(sqlite3.connect(file)) as base, base:
        base.execute("DELETE FROM message_definitions")
    assert replay(config(tmp_path / "bag"))["left_out"] == {}
    with BagReader(tmp_path / "out" / "jpeg") as reader:
        (record,) = reader.records(["/lost"])
        assert reader.deserialize(record).topic == "/cam"


def test_a_topic_that_changes_its_type_is_left_out(tmp_path: Path) -> None:
    rosbag = Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP)
    with rosbag:
        for topic, log_ns, message in (
            ("/cam", START, image(START, picture(0))),
            ("/other", START, image(START, picture(0))),
            ("/other", START + 1, header(START)),
            ("/note", START, header(START)),
            ("/note", START + 1, header(START).stamp),
        ):
            msgtype = type(message).__msgtype__
            connection = rosbag.add_connection(topic, msgtype, typestore=TYPES.store)
            rosbag.write(connection, log_ns, TYPES.serialize(message, msgtype))
    result = replay(config(tmp_path / "bag"))
    assert list(result["cameras"]) == ["/cam"] and sorted(result["left_out"]) == ["/note", "/other"]
    with pytest.raises(BagError, match="/other changes its type"):
        replay(ReplayConfig(tmp_path / "bag", tmp_path / "again", (JPEG,), ("/other",)))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"clock": "sundial"}, BagError, "choose from header, log"),
        ({"storage": "zip"}, BagError, "choose from mcap, sqlite3"),
        ({"topics": ("/nothing",)}, BagError, "choose from /base_camera/image_raw, /wrist_camera/image_raw"),
        ({"settings": (JPEG, JPEG)}, BagError, "may be given once"),
        ({"settings": (Setting("x", StreamConfig("x")),)}, CodecError, "x"),
    ],
)
def test_bad_input_leaves_nothing(
    options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    bag = write_bag(tmp_path / "bag", 2)
    with pytest.raises(error, match=message):
        replay(ReplayConfig(bag, tmp_path / "out", **{"settings": (JPEG,), **options}))
    assert [path.name for path in tmp_path.iterdir()] == ["bag"]


def test_a_full_folder_is_left_alone(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", 2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(BagError, match="not an empty folder"):
        replay(config(bag))


def test_the_policy_needs_its_cameras_and_joint_states(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", 3)
    with pytest.raises(BagError, match=r"policy camera 'wrist_camera': no topic '/none'; say --camera"):
        replay(config(bag, cameras={"wrist_camera": "/none"}), probe(Looker()))
    with pytest.raises(BagError, match="the policy has no camera 'left'"):
        replay(config(bag, cameras={"left": "/base_camera/image_raw"}), probe(Looker()))
    with pytest.raises(BagError, match="no topic '/none' of type sensor_msgs/msg/JointState"):
        replay(config(bag, joints="/none"), probe(Looker()))
    with BagWriter(tmp_path / "jointless") as writer:
        for camera in CAMERAS:
            put(writer, f"/{camera}/image_raw", START, image(START, picture(0)))
    with pytest.raises(BagError, match="holds no sensor_msgs/msg/JointState"):
        replay(config(tmp_path / "jointless"), probe(Looker()))


def test_joint_states_that_never_match_are_told(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        for camera in CAMERAS:
            put(writer, f"/{camera}/image_raw", START, image(START, picture(0)))
        put(writer, "/joint_states", START + 40 * PERIOD, joint_state(START + 40 * PERIOD, 0.0))
    with pytest.raises(BagError, match="the policy could be asked about no instant"):
        replay(config(tmp_path / "bag"), probe(Looker()))


def test_memory_does_not_grow_with_the_bag(tmp_path: Path) -> None:
    """Its peak stays below half of the bag's size, whatever else runs."""
    frames, side = 500, 192
    with BagWriter(tmp_path / "bag") as writer:
        pixels = picture(0, side, side)
        for index in range(frames):
            put(writer, "/cam", START + index * PERIOD, image(START + index * PERIOD, pixels))
    size = frames * side * side * 3
    tracemalloc.start()
    try:
        replay(config(tmp_path / "bag", RAW, write_bags=False))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size / 2
