"""Replays a bag's cameras through codecs: one pass over the bag, one new bag per setting, tables and plots."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.images import COMPRESSED, Frame, FrameError, Source, find_sources, make_decoder
from embodiedcomp_eval.bags.probe import Answer, Pictures, PolicyProbe
from embodiedcomp_eval.bags.reader import BagReader, Record
from embodiedcomp_eval.bags.recode import Lane, Recoded, Setting, number
from embodiedcomp_eval.bags.types import Types
from embodiedcomp_eval.bags.writer import BagWriter
from embodiedcomp_eval.distortion import psnr

JOINTS = "sensor_msgs/msg/JointState"
JUMP_NS = 500_000_000
"""A stamp that is not newer than the last is a clock jump if it is this much behind the time that passed, else disorder."""
SCHEMA = 1
FRAME_COLUMNS = (
    "setting", "camera", "segment", "stamp_ns", "log_ns", "key", "bytes", "bpp", "quality", "downsample", "psnr_db",
    "ms_ssim", "encode_ms", "decode_ms",
)  # fmt: skip
ACTION_COLUMNS = (
    "setting", "cameras", "segment", "stamp_ns", "log_ns", "arm_rms_rad", "arm_max_rad", "gripper_mean",
)  # fmt: skip


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


class _Camera:
    """One source of the bag: its decoder, its place in time, and a lane per setting."""

    def __init__(self, source: Source, config: ReplayConfig) -> None:
        self.source = source
        self.decoder = make_decoder(source)
        self.lanes = {s.label: Lane(s.stream, config.similarity) for s in config.settings}
        self.frames = self.bytes = self.pixels = self.skipped = self.disordered = self.segment = self.zeros = 0
        self.span_ns, self.intervals = 0, 0
        self.last_ns: int | None = None
        self.last_log_ns = 0
        self.problem = ""

    @property
    def duration(self) -> float:
        """s of stamp time, the last frame's own included."""
        return self.span_ns * 1e-9 * (self.intervals + 1 + self.segment) / self.intervals if self.intervals else 0.0

    def place(self, stamp_ns: int, log_ns: int) -> str:
        """Where a frame stands after the last one: "next", "jump" (the clock started again) or "disorder"."""
        if self.last_ns is None:
            kind = "next"
        elif stamp_ns > self.last_ns:
            kind = "next"
            self.span_ns += stamp_ns - self.last_ns
            self.intervals += 1
        elif (log_ns - self.last_log_ns) - (stamp_ns - self.last_ns) > JUMP_NS:
            kind = "jump"
            self.segment += 1
        else:
            return "disorder"
        self.last_ns, self.last_log_ns = stamp_ns, log_ns
        return kind


def replay(
    config: ReplayConfig, probe: PolicyProbe | None = None, tell: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Any]:
    """Run it, fill ``config.out`` and return the content of ``replay.json``. ``tell`` hears (messages done, of all).

    Raises BagError, CodecError, PolicyError; then nothing is left in ``config.out``.
    """
    config.validate()
    with BagReader(config.bag) as reader:
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
        self._cameras = {source.topic: _Camera(source, config) for source in sources}
        self._types = Types()
        self._compressed = self._types.message(COMPRESSED)
        self._writers: dict[str, BagWriter] = {}
        self._asked: dict[str, str] = {}
        self._joints = ""
        self._action_rows: Any = None
        self._errors: dict[tuple[str, str], list[Answer]] = {}
        if probe is not None:
            self._asked = _match_cameras(probe.cameras, sources, config.cameras)
            self._joints = _joint_topic(reader, config.joints)

    def run(self, tell: Callable[[int, int], None]) -> dict[str, Any]:
        """The pass over the bag."""
        others = [t for t in self._reader.topics if t.name not in self._cameras and self._is_kept(t.name, t.msgtype)]
        copied = {topic.name for topic in others} if self._config.write_bags else set()
        wanted = set(self._cameras) | copied | ({self._joints} if self._joints else set())
        total = sum(topic.count for topic in self._reader.topics if topic.name in wanted)
        with ExitStack() as stack:
            self._frame_rows = self._table(stack, "frames.csv", FRAME_COLUMNS)
            self._action_rows = self._table(stack, "actions.csv", ACTION_COLUMNS) if self._probe else None
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

    def _is_kept(self, name: str, msgtype: str) -> bool:
        """Whether a topic goes into the new bags as it is: pictures, their streams and statistics are made anew."""
        images = {camera.source.image for camera in self._cameras.values()}
        of_images = any(name.startswith(image) for image in images)
        return not of_images and not msgtype.endswith("/CodecStats")

    def _table(self, stack: ExitStack, name: str, columns: Sequence[str]) -> Any:
        file = stack.enter_context((self._folder / name).open("w", newline="", encoding="utf-8"))
        writer = csv.writer(file)
        writer.writerow(columns)
        return writer

    def _writer(self, setting: Setting) -> BagWriter:
        custom = {"embodiedcomp_replay": json.dumps({"source": self._config.bag.name, "stream": setting.mapping()})}
        return BagWriter(self._folder / setting.label, self._config.storage, custom=custom)

    def _stamp(self, message: Any, record: Record) -> int:
        if self._config.clock == "log":
            return record.log_ns
        stamp = message.header.stamp if hasattr(message, "header") else message.timestamp
        return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)

    def _on_frame(self, camera: _Camera, record: Record) -> None:
        message = self._reader.deserialize(record)
        stamp_ns = self._stamp(message, record)
        try:
            frame = camera.decoder.decode(message)
        except FrameError as error:
            camera.skipped += 1
            camera.problem = camera.problem or str(error)
            return
        if frame is None:
            camera.skipped += 1
            camera.problem = camera.problem or "no key frame before it"
            return
        camera.zeros = camera.zeros + 1 if stamp_ns == 0 else 0
        if camera.zeros > 2:
            raise BagError(f"{self._config.bag}: stamps of {record.topic} are all zero; use --clock log")
        place = camera.place(stamp_ns, record.log_ns)
        if place == "disorder":
            camera.disordered += 1
            return
        if place == "jump":
            for lane in camera.lanes.values():
                lane.restart()
            if self._probe is not None and camera.source.topic == self._asked[self._probe.cameras[0]]:
                self._probe.restart()
        camera.frames += 1
        camera.bytes += len(message.data)
        camera.pixels += frame.shape[0] * frame.shape[1]
        decoded = {}
        for label, lane in camera.lanes.items():
            try:
                recoded = lane.run(frame, stamp_ns)
            except CodecError as error:
                raise CodecError(f"{label} on {record.topic}: {error}") from error
            decoded[label] = recoded.picture
            self._keep(camera, label, record, stamp_ns, message, frame, recoded)
        for name, topic in self._asked.items():
            if topic == record.topic and self._probe is not None:
                self._note(self._probe.add_pictures(name, Pictures(stamp_ns, record.log_ns, frame, decoded)))

    def _keep(
        self, camera: _Camera, label: str, record: Record, stamp_ns: int, message: Any, frame: Frame, recoded: Recoded
    ) -> None:
        sent = recoded.sent
        bpp = 8 * len(sent.packet) / (frame.shape[0] * frame.shape[1])
        self._frame_rows.writerow(
            (label, camera.source.image, camera.segment, stamp_ns, record.log_ns, int(sent.key), len(sent.packet),
             f"{bpp:.6g}", f"{sent.quality:.4g}", sent.downsample, f"{psnr(recoded.mse):.4f}", f"{recoded.ms_ssim:.6f}",
             f"{1e3 * recoded.encode_seconds:.3f}", f"{1e3 * recoded.decode_seconds:.3f}")
        )  # fmt: skip
        if label not in self._writers:
            return
        codec = next(s.stream.codec for s in self._config.settings if s.label == label)
        header = self._header(message)
        bits = self._compressed(
            header=header,
            format=f"rgb8; {codec} compressed rgb8",
            data=np.frombuffer(sent.packet, dtype=np.uint8),
        )
        writer, topic = self._writers[label], f"{camera.source.image}/embodiedcomp"
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
        for answer in answers:
            self._errors.setdefault((answer.setting, answer.cameras), []).append(answer)
            error = answer.error
            segment = self._cameras[next(iter(self._asked.values()))].segment
            self._action_rows.writerow(
                (answer.setting, answer.cameras, segment, answer.stamp_ns, answer.log_ns, f"{error.arm_rms:.6g}",
                 f"{error.arm_max:.6g}", f"{error.gripper:.6g}")
            )  # fmt: skip

    def _check(self) -> None:
        """Raise BagError where nothing came of the bag."""
        for camera in self._cameras.values():
            if not camera.frames:
                reason = f": {camera.problem}" if camera.problem else ""
                raise BagError(f"{self._config.bag}: no frame of {camera.source.topic} could be decoded{reason}")
        if self._probe is not None and not self._probe.questions:
            raise BagError(
                f"{self._config.bag}: the policy could be asked about no instant: frames of "
                f"{', '.join(self._probe.cameras)} and joint states with one stamp never came together"
            )

    def _result(self) -> dict[str, Any]:
        cameras = {
            camera.source.image: {
                "topic": camera.source.topic,
                "type": camera.source.msgtype,
                "frames": camera.frames,
                "recorded_bytes": camera.bytes,
                "recorded_bpp": number(8 * camera.bytes / camera.pixels if camera.pixels else math.nan),
                "duration": camera.duration,
                "clock_jumps": camera.segment,
                "frames_out_of_order": camera.disordered,
                "frames_skipped": camera.skipped,
                "skipped_because": camera.problem,
            }
            for camera in self._cameras.values()
        }
        settings = [
            {
                "setting": setting.label,
                **setting.mapping(),
                "bag": setting.label if self._config.write_bags else None,
                "cameras": {c.source.image: c.lanes[setting.label].totals(c.duration) for c in self._cameras.values()},
                "action_error": {
                    which: _summary(answers)
                    for (label, which), answers in self._errors.items()
                    if label == setting.label
                },
            }
            for setting in self._config.settings
        ]
        questions = self._probe.questions if self._probe is not None else 0
        return {
            "schema": SCHEMA,
            "bag": str(self._config.bag),
            "clock": self._config.clock,
            "cameras": cameras,
            "settings": settings,
            "questions": questions,
        }


def _summary(answers: Sequence[Answer]) -> dict[str, float]:
    """Over all questions: mean and 95 % of the arm's RMS error (rad), its largest, the gripper's mean."""
    rms = np.array([answer.error.arm_rms for answer in answers])
    return {
        "arm_rms_rad": float(rms.mean()),
        "arm_rms_rad_p95": float(np.percentile(rms, 95)),
        "arm_max_rad": max(answer.error.arm_max for answer in answers),
        "gripper_mean": float(np.mean([answer.error.gripper for answer in answers])),
    }


def _match_cameras(wanted: Sequence[str], sources: Sequence[Source], given: Mapping[str, str]) -> dict[str, str]:
    """The policy's camera -> source topic. Raises BagError naming what is missing and the choices."""
    choices = ", ".join(source.topic for source in sources)
    for name in given:
        if name not in wanted:
            raise BagError(f"the policy has no camera {name!r}; it wants {', '.join(wanted)}")
    found = {}
    for name in wanted:
        if name in given:
            matching = [s.topic for s in sources if given[name] in (s.topic, s.image)]
        else:
            matching = [s.topic for s in sources if name in s.image.split("/")]
        if len(matching) != 1:
            what = f"no topic {given[name]!r}" if name in given else f"{len(matching)} topics by that name"
            raise BagError(f"policy camera {name!r}: {what}; say --camera {name}=TOPIC with one of: {choices}")
        found[name] = matching[0]
    return found


def _joint_topic(reader: BagReader, given: str) -> str:
    names = [topic.name for topic in reader.topics if topic.msgtype == JOINTS and topic.count]
    if given and given not in names:
        raise BagError(f"no joint state topic {given!r} in this bag; there are: {', '.join(names) or 'none'}")
    best = given or next((name for name in names if name.endswith("joint_states")), names[0] if names else "")
    if not best:
        raise BagError(f"{reader.path} holds no {JOINTS}: the policy's action error needs joint states")
    return best
