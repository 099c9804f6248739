"""Every damaged bag ends with one line; what can be read is read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from bag_examples import write_bag

from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.reader import BagReader


def read(path: Path) -> int:
    with BagReader(path) as reader:
        return len(list(reader.records([topic.name for topic in reader.topics])))


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_one_file_of_a_bag_reads_alone(storage: str, tmp_path: Path) -> None:
    path = write_bag(tmp_path / "bag", 4, storage)
    assert read(next(p for p in path.iterdir() if p.suffix != ".yaml")) == 12


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.6, 0.9, 0.999])
def test_a_truncated_bag_is_one_line(storage: str, kept: float, tmp_path: Path) -> None:
    path = write_bag(tmp_path / "bag", 30, storage)
    file = next(p for p in path.iterdir() if p.suffix != ".yaml")
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(BagError) as caught:
        read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_damage_in_the_middle_is_found(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "bag", 400)
    file = next(path.glob("*.mcap"))
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 1_500_000] = bytes(1_500_000)  # a whole chunk at least
    file.write_bytes(content)
    with pytest.raises(BagError, match="damaged") as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "no such bag"),
        ("empty", "neither metadata.yaml nor"),
        ("text.txt", "is no rosbag2"),
        ("old.bag", "ROS 1 bag"),
        ("torn", "can't be read"),
    ],
)
def test_what_is_no_bag_is_named(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "old.bag").write_text("#ROSBAG V2.0")
    shutil.copytree(write_bag(tmp_path / "whole", 2), tmp_path / "torn")
    (tmp_path / "torn" / "metadata.yaml").write_text("rosbag2_bagfile_information: {version: 9, relative_file")
    with pytest.raises(BagError, match=message):
        read(tmp_path / name)
