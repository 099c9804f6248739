"""Replays a bag's cameras through codecs: one pass over the bag, one new bag per setting, tables and plots."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_eval.bags.bundles import open_bag
from embodiedcomp_eval.bags.camera_track import CameraTrack
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.images import COMPRESSED, DEPTH_NOTE, FrameError, Source, changed_topics, find_sources
from embodiedcomp_eval.bags.probe import Answer, Pictures, PolicyProbe
from embodiedcomp_eval.bags.reader import BagReader, Record
from embodiedcomp_eval.bags.recode import Setting
from embodiedcomp_eval.bags.replay_tables import ReplayTables
from embodiedcomp_eval.bags.topics import joint_topic, match_cameras, stamp_of
from embodiedcomp_eval.bags.types import Types
from embodiedcomp_eval.bags.writer import BagWriter

SCHEMA = 1


@dataclass(frozen=True)
class ReplayConfig:
    """What to replay, and how.

    topics: image topics; empty: the rawest of each camera. clock: "header" stamps or "log" times of the recording.
    cameras: the policy's camera -> image topic; missing ones are found by name. joints: joint state topic; empty: found.
    storage: of the new bags; write_bags: make them at all.
    """

    bag: Path
    out: Path
    settings: tuple[Setting, ...]
    topics: tuple[str, ...] = ()
    clock: str = "header"
    storage: str = "mcap"
    write_bags: bool = True
    similarity: bool = True
    cameras: Mapping[str, str] = field(default_factory=dict)
    joints: str = ""

    def validate(self) -> None:
        """Raise CodecError or BagError with one line on anything impossible."""
        for setting in self.settings:
            setting.stream.validate()
        labels = [setting.label for setting in self.settings]
        if len(set(labels)) != len(labels):
            raise BagError(f"every codec and target may be given once, found {', '.join(labels)}")
        if self.clock not in ("header", "log"):
            raise BagError(f"unknown clock {self.clock!r}; choose from header, log")
        if self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise BagError(f"{self.out} is not an empty folder; choose another --out")


def replay(
    config: ReplayConfig, probe: PolicyProbe | None = None, tell: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Any]:
    """Run it, fill ``config.out`` and return the content of ``replay.json``. ``tell`` hears (messages done, of all).

    Raises BagError, CodecError, PolicyError; then nothing is left in ``config.out``.
    """
    config.validate()
    with open_bag(config.bag) as reader:
        sources = find_sources(reader.topics, config.topics)
        existed = config.out.exists()
        partial = config.out.parent / f".{config.out.name}.partial"
        if partial.exists():
            raise BagError(f"{partial} is left from a replay that was killed or still runs; remove it first")
        try:
            partial.mkdir(parents=True)
        except OSError as error:
            raise BagError(f"can't write into {config.out}: {error.strerror}") from error
        try:
            run = _Replay(config, reader, sources, probe, partial)
            result = run.run(tell)
            (partial / "replay.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        if existed:
            config.out.rmdir()
        partial.rename(config.out)
    return result


class _Replay:
    """The state of one pass."""

    def __init__(
        self,
        config: ReplayConfig,
        reader: BagReader,
        sources: Sequence[Source],
        probe: PolicyProbe | None,
        folder: Path,
    ) -> None:
        self._config, self._reader, self._probe, self._folder = config, reader, probe, folder
        self._cameras = {source.topic: CameraTrack(source, config.settings, config.similarity) for source in sources}
        self._types = Types()
        self._compressed = self._types.message(COMPRESSED)
        self._writers: dict[str, BagWriter] = {}
        self._asked: dict[str, str] = {}
        self._joints = ""
        self._left_out = changed_topics(reader.topics)
        if probe is not None:
            self._asked = match_cameras(probe.cameras, sources, config.cameras)
            self._joints = joint_topic(reader, config.joints)

    def run(self, tell: Callable[[int, int], None]) -> dict[str, Any]:
        """The pass over the bag."""
        copied = self._copied() if self._config.write_bags else set()
        wanted = set(self._cameras) | copied | ({self._joints} if self._joints else set())
        total = sum(topic.count for topic in self._reader.topics if topic.name in wanted)
        with ExitStack() as stack:
            self._tables = stack.enter_context(ReplayTables(self._folder, self._probe is not None))
            if self._config.write_bags:
                for setting in self._config.settings:
                    self._writers[setting.label] = stack.enter_context(self._writer(setting))
            for done, record in enumerate(self._reader.records(wanted)):
                if record.topic in self._cameras:
                    self._on_frame(self._cameras[record.topic], record)
                else:
                    self._on_other(record, record.topic in copied)
                if done % 50 == 0:
                    tell(done, total)
            tell(total, total)
        self._check()
        return self._result()

    def _copied(self) -> set[str]:
        """Topics that go into the new bags as they are; those that can't are noted in ``_left_out``."""
        topics = [t for t in self._reader.topics if t.name not in self._cameras and self._is_kept(t.name, t.msgtype)]
        for topic in topics:
            if topic.count and not self._reader.knows(topic.msgtype):
                self._left_out[topic.name] = (
                    f"message type {topic.msgtype} is not defined in this bag nor in a sourced workspace"
                )
        return {topic.name for topic in topics if topic.count and topic.name not in self._left_out}

    def _is_kept(self, name: str, msgtype: str) -> bool:
        """Whether a topic goes into the new bags as it is: pictures, their streams and statistics are made anew."""
        images = {camera.source.image for camera in self._cameras.values()}
        of_images = any(name.startswith(image) for image in images)
        return not of_images and not msgtype.endswith("/CodecStats")

    def _writer(self, setting: Setting) -> BagWriter:
        custom = {"embodiedcomp_replay": json.dumps({"source": self._config.bag.name, "stream": setting.mapping()})}
        return BagWriter(self._folder / setting.label, self._config.storage, custom=custom)

    def _stamp(self, message: Any, record: Record) -> int:
        return record.log_ns if self._config.clock == "log" else stamp_of(message)

    def _on_frame(self, camera: CameraTrack, record: Record) -> None:
        message = self._reader.deserialize(record)
        stamp_ns = self._stamp(message, record)
        try:
            frame = camera.decoder.decode(message)
        except FrameError as error:
            camera.skip(str(error))
            return
        if frame is None or frame.dtype != np.uint8:
            camera.skip("no key frame before it" if frame is None else DEPTH_NOTE)
            return
        camera.zeros = camera.zeros + 1 if stamp_ns == 0 else 0
        if camera.zeros > 2:
            raise BagError(f"{self._config.bag}: stamps of {record.topic} are all zero; use --clock log")
        place = camera.clock.place(stamp_ns, record.log_ns)
        if place == "disorder":
            camera.disordered += 1
            return
        if place == "jump":
            for lane in camera.lanes.values():
                lane.restart()
            if self._probe is not None and camera.source.topic == self._asked[self._probe.cameras[0]]:
                self._probe.restart()
        pixels = frame.shape[0] * frame.shape[1]
        camera.frames += 1
        camera.bytes += len(message.data)
        camera.pixels += pixels
        decoded = {}
        for label, lane in camera.lanes.items():
            try:
                recoded = lane.run(frame, stamp_ns)
            except CodecError as error:
                raise CodecError(f"{label} on {record.topic}: {error}") from error
            decoded[label] = recoded.picture
            image = camera.source.image
            self._tables.add_frame(label, image, camera.clock.jumps, stamp_ns, record.log_ns, pixels, recoded)
            self._keep(label, image, record, message, recoded.sent.packet)
        for name, topic in self._asked.items():
            if topic == record.topic and self._probe is not None:
                self._note(self._probe.add_pictures(name, Pictures(stamp_ns, record.log_ns, frame, decoded)))

    def _keep(self, label: str, image: str, record: Record, message: Any, packet: bytes) -> None:
        """The packet, into the new bag of its setting."""
        if label not in self._writers:
            return
        codec = next(s.stream.codec for s in self._config.settings if s.label == label)
        bits = self._compressed(
            header=self._header(message),
            format=f"rgb8; {codec} compressed rgb8",
            data=np.frombuffer(packet, dtype=np.uint8),
        )
        writer, topic = self._writers[label], f"{image}/embodiedcomp"
        writer.add_topic(topic, COMPRESSED, self._types.store)
        writer.write(topic, record.log_ns, self._types.serialize(bits, COMPRESSED))

    def _header(self, message: Any) -> Any:
        """The source's header, untouched, in our own types."""
        source = message.header if hasattr(message, "header") else None
        stamp = source.stamp if source is not None else message.timestamp
        time = self._types.message("builtin_interfaces/msg/Time")(sec=int(stamp.sec), nanosec=int(stamp.nanosec))
        frame_id = source.frame_id if source is not None else message.frame_id
        return self._types.message("std_msgs/msg/Header")(stamp=time, frame_id=frame_id)

    def _on_other(self, record: Record, copied: bool) -> None:
        if record.topic == self._joints and self._probe is not None:
            message = self._reader.deserialize(record)
            stamp_ns = self._stamp(message, record)
            self._note(self._probe.add_joints(stamp_ns, record.log_ns, message.name, message.position.tolist()))
        if copied:
            for writer in self._writers.values():
                writer.add_topic(record.topic, record.msgtype, self._reader.types, self._reader.qos(record.topic))
                writer.write(record.topic, record.log_ns, record.data)

    def _note(self, answers: Sequence[Answer]) -> None:
        self._tables.add_answers(answers, self._cameras[next(iter(self._asked.values()))].clock.jumps)

    def _check(self) -> None:
        """Raise BagError where nothing came of the bag, or of a topic that was asked for; leave other such topics out."""
        empty = [camera for camera in self._cameras.values() if not camera.frames]
        wanted = {*self._config.topics, *self._asked.values()}
        nothing = len(empty) == len(self._cameras)
        for camera in empty:
            reason = f": {camera.problem}" if camera.problem else ""
            if nothing or camera.source.topic in wanted:
                raise BagError(f"{self._config.bag}: no frame of {camera.source.topic} could be decoded{reason}")
            self._left_out[camera.source.topic] = f"no frame could be decoded{reason}"
            del self._cameras[camera.source.topic]
        if self._probe is not None and not self._probe.questions:
            raise BagError(
                f"{self._config.bag}: the policy could be asked about no instant: frames of "
                f"{', '.join(self._probe.cameras)} and joint states with one stamp never came together"
            )

    def _result(self) -> dict[str, Any]:
        settings = [
            {
                "setting": setting.label,
                **setting.mapping(),
                "bag": setting.label if self._config.write_bags else None,
                "cameras": {
                    c.source.image: c.lanes[setting.label].totals(c.clock.duration) for c in self._cameras.values()
                },
                "action_error": self._tables.action_error(setting.label),
            }
            for setting in self._config.settings
        ]
        return {
            "schema": SCHEMA,
            "bag": str(self._config.bag),
            "clock": self._config.clock,
            "cameras": {camera.source.image: camera.totals() for camera in self._cameras.values()},
            "unfinished": self._reader.unfinished,
            "left_out": self._left_out,
            "settings": settings,
            "questions": self._probe.questions if self._probe is not None else 0,
        }
