"""Bags are split, current on disk after each part, and readable by the library alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from bag_examples import PERIOD, START, joint_state, put, write_bag
from rosbags.highlevel import AnyReader

from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.reader import BagReader
from embodiedcomp_eval.bags.writer import BagWriter
from embodiedcomp_eval.config import load_yaml


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_split_bag_reads_as_one(storage: str, tmp_path: Path) -> None:
    path = write_bag(tmp_path / "bag", 20, storage, split_seconds=0.5, custom={"key": "text: 1"})
    assert len(list(path.glob("bag_*.*"))) == 4
    information = load_yaml(path / "metadata.yaml")["rosbag2_bagfile_information"]
    assert information["message_count"] == 60
    assert information["duration"]["nanoseconds"] == 19 * PERIOD + 1000
    assert information["storage_identifier"] == storage
    with AnyReader([path]) as reader:
        stamps = [log_ns for _, log_ns, _ in reader.messages()]
    assert len(stamps) == 60 and stamps == sorted(stamps) and stamps[0] == START
    with BagReader(path) as ours:
        assert ours.custom == {"key": "text: 1"}
        assert [topic.count for topic in ours.topics] == [20, 20, 20]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_recorder_that_dies_leaves_the_finished_parts(storage: str, tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / "bag", storage, split_seconds=0.5)
    for index in range(12):  # two parts of 5 whole, the third open: nothing closes it
        put(writer, "/joint_states", START + index * PERIOD, joint_state(START, 0.0))
    for metadata in (True, False):
        if not metadata:
            (tmp_path / "bag" / "metadata.yaml").unlink()
        with BagReader(tmp_path / "bag") as reader:
            assert len(list(reader.records(["/joint_states"]))) == 10


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="exists already"):
        BagWriter(tmp_path)


def test_a_topic_keeps_its_type(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        put(writer, "/a", START, joint_state(START, 0.0))
        with pytest.raises(BagError, match=r"/a is std_msgs/msg/Header and was sensor_msgs/msg/JointState"):
            put(writer, "/a", START, joint_state(START, 0.0).header)


def test_unknown_storage_names_the_choices(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="choose from mcap, sqlite3"):
        BagWriter(tmp_path / "bag", "zip")
    assert not (tmp_path / "bag").exists()


def test_an_empty_bag_is_one(tmp_path: Path) -> None:
    BagWriter(tmp_path / "bag").close()
    with BagReader(tmp_path / "bag") as reader:
        assert reader.topics == []
