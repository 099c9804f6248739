"""A bag as a LeRobot dataset: pictures by the live decoder, joint states and commands beside them, episode by episode."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from embodiedcomp_eval.bags.bundles import open_bag
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.images import FrameError, Source, find_sources, make_decoder
from embodiedcomp_eval.bags.reader import BagReader, Record
from embodiedcomp_eval.bags.stamp_clock import StampClock
from embodiedcomp_eval.bags.topics import COMMANDS, EPISODE, EPISODE_TYPE, joint_topic, stamp_of, topic_of_type
from embodiedcomp_eval.row_grid import Command, Row, RowGrid
from embodiedcomp_policy.joint_memory import JointMemory
from embodiedcomp_policy.robot import Robot

PROBED = 200
"""Frames that are looked at for the rate."""
RUN = 0
"""Phase of an episode that goes on."""
IMAGE_NAMES = ("image_raw", "image", "image_color", "image_rect", "rgb")


@dataclass(frozen=True)
class DatasetConfig:
    """What of a bag becomes a dataset. rate: rows a second, None: the first camera's own.

    topics: image topics; empty: the rawest of each camera. cameras: name in the dataset -> image topic; others are named
    after their topic. joints, commands: topics; empty: found. task: what the policy is told.
    """

    bag: Path
    out: Path
    robot: Robot
    task: str
    rate: int | None = None
    topics: tuple[str, ...] = ()
    cameras: Mapping[str, str] = field(default_factory=dict)
    joints: str = ""
    commands: str = ""


@dataclass(frozen=True)
class Made:
    """What came of it. held: pictures shown again because no newer had come; skipped: messages that gave none."""

    path: Path
    rate: int
    episodes: int
    rows: int
    held: int
    skipped: int
    cameras: Mapping[str, str]
    commanded: bool


def make_dataset(config: DatasetConfig, tell: Callable[[int, int], None] = lambda done, total: None) -> Made:
    """Write it; ``tell`` hears (messages done, of all). Raises BagError; then nothing is left in ``config.out``."""
    if config.out.exists() and (not config.out.is_dir() or any(config.out.iterdir())):
        raise BagError(f"{config.out} is not an empty folder; choose another --out")
    partial = config.out.parent / f".{config.out.name}.partial"
    if partial.exists():
        raise BagError(f"{partial} is left from a run that was killed or still goes on; remove it first")
    with open_bag(config.bag) as reader:
        conversion = _Conversion(config, reader)
        partial.mkdir(parents=True)
        try:
            made = conversion.run(partial, tell)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    if config.out.exists():
        config.out.rmdir()
    partial.rename(config.out)
    return made


def camera_name(image: str) -> str:
    """``/arm/base_camera/image_raw`` -> ``arm_base_camera``: a name without slashes."""
    parts = [part for part in image.split("/") if part]
    kept = parts[:-1] if len(parts) > 1 and parts[-1] in IMAGE_NAMES else parts
    return "_".join(kept)


def name_cameras(sources: list[Source], given: Mapping[str, str]) -> dict[str, str]:
    """Source topic -> camera's name. Raises BagError on a name given twice, or to no topic."""
    names = {source.topic: camera_name(source.image) for source in sources}
    for name, topic in given.items():
        matching = [source.topic for source in sources if topic in (source.topic, source.image)]
        if len(matching) != 1:
            raise BagError(f"camera {name!r}: no topic {topic!r}; choose from {', '.join(names)}")
        names[matching[0]] = name
    if len(set(names.values())) < len(names):
        raise BagError(f"two cameras of one name: {', '.join(sorted(names.values()))}; say --camera NAME=TOPIC")
    return names


class _Conversion:
    """One pass over the bag."""

    def __init__(self, config: DatasetConfig, reader: BagReader) -> None:
        self._config, self._reader = config, reader
        sources = find_sources(reader.topics, config.topics)
        self._names = name_cameras(sources, config.cameras)
        self._sources = {source.topic: source for source in sources}
        self._joints = joint_topic(reader, config.joints)
        self._commands = topic_of_type(reader, COMMANDS, config.commands, "joint_trajectory")
        self._rate = config.rate or self._measured_rate(sources[0].topic)
        self._memory = JointMemory(config.robot)
        self._decoders = {topic: make_decoder(source) for topic, source in self._sources.items()}
        self._grid = RowGrid(list(self._names.values()), self._rate, bool(self._commands))
        self._clocks: dict[str, StampClock] = {}
        self._episode: tuple[int, int] | None = None
        self._waiting = False
        self._held = self._skipped = self._rows = 0

    def _measured_rate(self, topic: str) -> int:
        stamps = [
            stamp_of(self._reader.deserialize(record)) for record in islice(self._reader.records([topic]), PROBED)
        ]
        steps = [later - first for first, later in pairwise(stamps) if later > first]
        rate = round(1e9 / median(steps)) if steps else 0
        if rate < 1:
            raise BagError(f"the rate of {topic} can't be told from its stamps (or is below 1 Hz); say --rate")
        return rate

    def run(self, folder: Path, tell: Callable[[int, int], None]) -> Made:
        """The pass."""
        try:
            from embodiedcomp_eval.datasets.lerobot import DatasetWriter
        except ImportError as error:
            raise BagError(f"a LeRobot dataset needs pyarrow, which is not installed ({error})") from error
        robot = self._config.robot
        self._writer = DatasetWriter(folder, self._rate, robot.names, robot.name, self._config.task)
        told = {EPISODE} if topic_of_type(self._reader, EPISODE_TYPE, "", "episode") == EPISODE else set()
        wanted = {*self._sources, self._joints, *told} | ({self._commands} if self._commands else set())
        total = sum(topic.count for topic in self._reader.topics if topic.name in wanted)
        self._waiting = bool(told)
        try:
            for done, record in enumerate(self._reader.records(wanted)):
                self._on_record(record)
                tell(done + 1, total)
            self._end()
            self._writer.close()
        except ValueError as error:
            if isinstance(error, BagError):
                raise
            raise BagError(f"{self._config.bag}: {error}") from error
        finally:
            self._writer.discard()
        return Made(
            self._config.out, self._rate, self._writer.episodes, self._rows, self._held, self._skipped,
            {name: topic for topic, name in self._names.items()}, bool(self._commands),
        )  # fmt: skip

    def _on_record(self, record: Record) -> None:
        message = self._reader.deserialize(record)
        if record.topic == EPISODE:
            self._on_episode(message)
            return
        stamp_ns = stamp_of(message)
        clock = self._clocks.setdefault(record.topic, StampClock())
        if clock.place(stamp_ns, record.log_ns) == "jump":
            self._end()
            self._clocks[record.topic] = clock
        if record.topic in self._sources:
            self._on_frame(record.topic, stamp_ns, message)
        elif self._waiting:
            return
        elif record.topic == self._joints:
            state = self._memory.update(stamp_ns, message.name, message.position.tolist())
            if state is not None:
                self._grid.add_state(stamp_ns, state)
        elif (command := self._command(stamp_ns, message)) is not None:
            self._grid.add_command(command)

    def _on_episode(self, message: Any) -> None:
        """Episodes are cut where the evaluator says so: between two of them nothing is kept."""
        now = (int(message.episode), int(message.seed))
        if now != self._episode or message.phase != RUN:
            self._end()
        if now != self._episode:  # its encoders began anew
            self._decoders = {topic: make_decoder(source) for topic, source in self._sources.items()}
        self._episode, self._waiting = now, message.phase != RUN

    def _on_frame(self, topic: str, stamp_ns: int, message: Any) -> None:
        try:
            frame = self._decoders[topic].decode(message)
        except FrameError:
            frame = None
        if frame is None or frame.dtype != np.uint8:
            self._skipped += 1
        elif not self._waiting:
            self._write(self._grid.add_frame(self._names[topic], stamp_ns, frame))

    def _command(self, stamp_ns: int, message: Any) -> Command | None:
        """Joints that the message doesn't move stay where they are."""
        names = self._config.robot.names
        column = {name: index for index, name in enumerate(message.joint_names)}
        state = self._memory.update(stamp_ns, [], [])
        if not message.points or state is None or not set(column) & set(names):
            return None
        targets = np.array(
            [
                [point.positions[column[name]] if name in column else state[index] for index, name in enumerate(names)]
                for point in message.points
            ],
            dtype=np.float64,
        )
        after = [int(p.time_from_start.sec) * 1_000_000_000 + int(p.time_from_start.nanosec) for p in message.points]
        return Command(stamp_ns, stamp_ns + np.array(after, dtype=np.int64), targets)

    def _write(self, rows: list[Row]) -> None:
        for row in rows:
            self._writer.add(row)
            self._rows, self._held = self._rows + 1, self._held + row.held

    def _end(self) -> None:
        """An episode's end, if one had begun."""
        self._write(self._grid.finish())
        self._writer.end_episode()
        self._memory.reset()
        self._clocks = {}
