"""Bags in which all pictures lie in bundles: read as if every camera and the joint state had been recorded apart."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from embodiedcomp_codec.bundle import DESCRIBED, BundleReader, ReceivedBundle, Setup
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.images import COMPRESSED, TRANSPORTS
from embodiedcomp_eval.bags.reader import BagReader, Record, Topic
from embodiedcomp_eval.bags.topics import JOINTS
from embodiedcomp_eval.bags.types import Types

BUNDLE = "embodiedcomp_msgs/msg/Bundle"
SECOND = 1_000_000_000


def open_bag(path: Path) -> BagReader:
    """The bag; one with bundles and no other pictures is taken apart. Raises BagError."""
    reader = BagReader(path)
    kinds = {topic.msgtype for topic in reader.topics if topic.count}
    if BUNDLE not in kinds or kinds & set(TRANSPORTS.values()):
        return reader
    reader.close()
    return UnbundledReader(path)


class UnbundledReader(BagReader):
    """Of ``/bundle`` there are ``/bundle/FRAME_ID/embodiedcomp`` of each camera and ``/bundle/joint_states``.

    Packets and stamps are those that went in; what a lost message held is missing, as it was for whoever listened.
    """

    def __init__(self, path: Path) -> None:
        """Raises BagError, also where no bundle describes itself."""
        super().__init__(path)
        (self._bundles, *others) = [topic for topic in super().topics if topic.msgtype == BUNDLE and topic.count]
        if others:
            raise BagError(f"{path}: bundles of several encoders ({self._bundles.name}, {others[0].name}); split it")
        setup = self._first_setup()
        self._cameras = [f"{self._bundles.name}/{name}/embodiedcomp" for name in _names(setup)]
        self._joints = f"{self._bundles.name}/joint_states" if setup.joint_names else ""
        self._own = Types()
        for msgtype in (COMPRESSED, JOINTS):
            self._own.need(msgtype)
        known = self.types.fielddefs
        self.types.register({n: fields for n, fields in self._own.store.fielddefs.items() if n not in known})

    def _first_setup(self) -> Setup:
        for record in super().records([self._bundles.name]):
            data = bytes(self.deserialize(record).data)
            if len(data) > 1 and data[0] >> 6 == DESCRIBED:
                found = BundleReader(data[1]).read(data)
                if found.setup is not None:
                    return found.setup
        raise BagError(f"{self.path}: no bundle on {self._bundles.name} describes itself: nothing of them can be read")

    @property
    def topics(self) -> list[Topic]:
        """Those of the bag, its bundles replaced by what is in them; their counts are at most these."""
        rest = [topic for topic in super().topics if topic.msgtype != BUNDLE]
        found = [Topic(name, COMPRESSED, self._bundles.count) for name in self._cameras]
        joints = [Topic(self._joints, JOINTS, self._bundles.count)] if self._joints else []
        return sorted([*rest, *found, *joints], key=lambda topic: topic.name)

    def qos(self, topic: str) -> list[Any]:
        """None is known of what was in bundles."""
        return [] if topic.startswith(f"{self._bundles.name}/") else super().qos(topic)

    def records(self, topics: Collection[str]) -> Iterator[Record]:
        """As ``BagReader.records``."""
        inside = set(topics) & {*self._cameras, self._joints}
        reader = BundleReader(len(self._cameras))
        wanted = [name for name in topics if name not in inside] + ([self._bundles.name] if inside else [])
        for record in super().records(wanted):
            if record.topic != self._bundles.name:
                yield record
                continue
            received = reader.read(bytes(self.deserialize(record).data), record.log_ns)
            for name, msgtype, message in self._messages(received):
                if name in inside:
                    yield Record(name, msgtype, record.log_ns, self._own.serialize(message, msgtype))

    def _messages(self, received: ReceivedBundle) -> Iterator[tuple[str, str, Any]]:
        """The joint state first, as it was there before the pictures."""
        bundle, setup = received.bundle, received.setup
        if bundle is None or setup is None:
            return
        if bundle.joints is not None and self._joints:
            state = self._own.message(JOINTS)(
                header=self._header(bundle.joints.stamp_ns, setup.joint_frame),
                name=list(setup.joint_names),
                position=np.array(bundle.joints.position, dtype=np.float64),
                velocity=np.array(bundle.joints.velocity, dtype=np.float64),
                effort=np.array(bundle.joints.effort, dtype=np.float64),
            )
            yield self._joints, JOINTS, state
        for name, part, (frame_id, encoding) in zip(self._cameras, bundle.parts, setup.cameras, strict=True):
            if part is not None:
                data = np.frombuffer(part.packet, dtype=np.uint8)
                header = self._header(part.stamp_ns, frame_id)
                packet = self._own.message(COMPRESSED)(header=header, format=f"{encoding};", data=data)
                yield name, COMPRESSED, packet

    def _header(self, stamp_ns: int, frame_id: str) -> Any:
        clock = self._own.message("builtin_interfaces/msg/Time")
        stamp = clock(sec=stamp_ns // SECOND, nanosec=stamp_ns % SECOND)
        return self._own.message("std_msgs/msg/Header")(stamp=stamp, frame_id=frame_id)


def _names(setup: Setup) -> list[str]:
    """A topic's part for each camera: its frame_id, or ``camera_N`` where that is none or another's too."""
    frames = ["_".join(part for part in frame.split("/") if part) for frame, _ in setup.cameras]
    return [
        frame if frame.isidentifier() and frames.count(frame) == 1 else f"camera_{index}"
        for index, frame in enumerate(frames)
    ]
