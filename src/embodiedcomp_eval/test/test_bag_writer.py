"""Bags are split, current on disk after each part, and readable by the library alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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


DYING = """
import os, signal, sys
from pathlib import Path
from bag_examples import PERIOD, START, joint_state, put
from embodiedcomp_eval.bags.writer import BagWriter
writer = BagWriter(Path(sys.argv[1]), sys.argv[2], split_seconds=float(sys.argv[3]), flush_seconds=0.2)
for index in range(int(sys.argv[4])):
    put(writer, "/joint_states", START + index * PERIOD, joint_state(START + index * PERIOD, 0.01 * index))
os.kill(os.getpid(), signal.SIGKILL)
"""


def die(bag: Path, storage: str, split_seconds: float, messages: int) -> None:
    """A process that writes so many messages, 0.1 s apart, and is killed in the middle of its work."""
    command = [sys.executable, "-c", DYING, str(bag), storage, str(split_seconds), str(messages)]
    here = str(Path(__file__).resolve().parents[3] / "test")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}
    assert subprocess.run(command, check=False, env=environment, timeout=60).returncode == -signal.SIGKILL


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize(("split_seconds", "parts"), [(0.5, 2), (60.0, 0)])
def test_a_recorder_that_is_killed_costs_what_it_had_not_flushed(
    storage: str, split_seconds: float, parts: int, tmp_path: Path
) -> None:
    bag = tmp_path / "bag"
    die(bag, storage, split_seconds, 14)
    assert len([path for path in bag.iterdir() if path.suffix in (".mcap", ".db3")]) == parts
    before = {path: path.read_bytes() for path in bag.rglob("*") if path.is_file()}
    with BagReader(bag) as reader:
        assert reader.unfinished
        messages = [reader.deserialize(record) for record in reader.records(["/joint_states"])]
    assert [round(100 * message.position[0]) for message in messages] == list(
        range(13)
    )  # of 0.2 s, one was not flushed
    assert {path: path.read_bytes() for path in bag.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_part_with_nothing_on_disk_is_named(storage: str, tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    die(bag, storage, 60.0, 1)
    with pytest.raises(BagError, match=r"its recorder died, or has only begun: no message is on disk yet \(.*bag_0"):
        BagReader(bag)


def test_a_cut_record_at_the_end_of_a_killed_part_is_left_out(tmp_path: Path) -> None:
    die(tmp_path / "bag", "mcap", 60.0, 14)
    file = tmp_path / "bag" / "bag_0" / "bag_0.mcap"
    file.write_bytes(file.read_bytes()[:-100])
    with BagReader(tmp_path / "bag") as reader:
        assert 10 <= len(list(reader.records(["/joint_states"]))) < 13


def test_a_bag_in_a_folder_beside_others_is_no_part(tmp_path: Path) -> None:
    write_bag(tmp_path / "run_1", 2)
    with pytest.raises(BagError, match="is no rosbag2"):
        BagReader(tmp_path)


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
