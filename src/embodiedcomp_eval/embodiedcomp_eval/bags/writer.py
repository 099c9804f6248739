"""Writes rosbag2: MCAP or SQLite, split and flushed, so that a crash costs seconds and not the bag."""

from __future__ import annotations

import math
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.typesys import TypesysError
from rosbags.typesys.store import Typestore

from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.config import dump_yaml, load_yaml

Storage = Literal["mcap", "sqlite3"]
STORAGES: dict[str, tuple[StoragePlugin, str]] = {
    "mcap": (StoragePlugin.MCAP, ".mcap"),
    "sqlite3": (StoragePlugin.SQLITE3, ".db3"),
}
INFORMATION = "rosbag2_bagfile_information"


class BagWriter:
    """One bag: a folder with its parts and ``metadata.yaml``, which is current after every part. A context manager."""

    def __init__(
        self,
        path: Path,
        storage: str = "mcap",
        *,
        custom: Mapping[str, str] | None = None,
        split_seconds: float = math.inf,
        split_bytes: int = 1 << 30,
        flush_seconds: float = math.inf,
    ) -> None:
        """Create the folder ``path``. Raises BagError, also where it exists.

        custom: text kept in the metadata. split_seconds, split_bytes: of message time and data, after which a part ends.
        flush_seconds: of message time, after which what came is on disk, whatever becomes of this process.
        """
        if storage not in STORAGES:
            raise BagError(f"unknown storage {storage!r}; choose from {', '.join(STORAGES)}")
        self.path = path
        self._plugin, self._suffix = STORAGES[storage]
        self._custom = dict(custom or {})
        self._split_ns, self._split_bytes = split_seconds * 1e9, split_bytes
        self._topics: dict[str, tuple[str, Typestore, list[Any]]] = {}
        self._connections: dict[str, Any] = {}
        self._parts: list[dict[str, Any]] = []
        self._part: Writer | None = None
        self._flush_ns = flush_seconds * 1e9
        self._size, self._start_ns, self._flushed_ns = 0, 0, 0
        try:
            path.mkdir(parents=True)
        except FileExistsError as error:
            raise BagError(f"{path} exists already; choose another folder for the bag") from error
        except OSError as error:
            raise BagError(f"can't write a bag into {path}: {error.strerror}") from error

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add_topic(self, topic: str, msgtype: str, types: Typestore, qos: list[Any] | None = None) -> None:
        """Make a topic known before its first message; known ones stay. Raises BagError where its type is another."""
        known = self._topics.setdefault(topic, (msgtype, types, qos or []))
        if known[0] != msgtype:
            raise BagError(f"topic {topic} is {msgtype} and was {known[0]}")

    def write(self, topic: str, stamp_ns: int, data: bytes | memoryview) -> None:
        """Append a serialized message of a topic made known, at ``stamp_ns`` of the recording."""
        full = self._size >= self._split_bytes or stamp_ns - self._start_ns >= self._split_ns
        if self._part is not None and full:
            self.end_part()
        if self._part is None:
            self._begin_part(stamp_ns)
        assert self._part is not None, "begun above"
        try:
            if topic not in self._connections:
                msgtype, types, qos = self._topics[topic]
                self._connections[topic] = self._part.add_connection(
                    topic, msgtype, typestore=types, offered_qos_profiles=qos
                )
            self._part.write(self._connections[topic], stamp_ns, data)
        except OSError as error:
            raise BagError(f"can't write the bag {self.path}: {error.strerror}") from error
        except (TypesysError, WriterError) as error:
            raise BagError(f"can't write {topic} into the bag {self.path}: {error}") from error
        self._size += len(data)
        if stamp_ns - self._flushed_ns >= self._flush_ns:
            self.flush()
            self._flushed_ns = stamp_ns

    def flush(self) -> None:
        """Have the operating system keep all of the open part: ``BagReader`` reads it even if nobody ends it."""
        if self._part is None or self._part.storage is None:
            return
        storage: Any = self._part.storage
        try:
            if self._plugin is StoragePlugin.SQLITE3:
                storage.conn.commit()
            elif storage.chunk.msgs:
                storage.close_chunk()
                storage.bio.flush()
        except (OSError, sqlite3.Error) as error:
            raise BagError(f"can't write the bag {self.path}: {error}") from error

    def end_part(self) -> None:
        """Put the open part on disk, whole and with its index; the next message begins another."""
        if self._part is None:
            return
        part, self._part = self._part, None
        part.close()
        self._connections = {}
        folder = part.path
        information = load_yaml(part.metapath)[INFORMATION]
        (folder / f"{folder.name}{self._suffix}").rename(self.path / f"{folder.name}{self._suffix}")
        shutil.rmtree(folder)
        self._parts.append(information)
        self._write_metadata()

    def close(self) -> None:
        """End the last part. A bag without a message is one without parts."""
        self.end_part()
        if not self._parts:
            self._begin_part(0)
            self.end_part()

    def _begin_part(self, stamp_ns: int) -> None:
        self._part = Writer(self.path / f"{self.path.name}_{len(self._parts)}", version=9, storage_plugin=self._plugin)
        for key, text in self._custom.items():
            self._part.set_custom_data(key, text)
        try:
            self._part.open()
        except (WriterError, OSError) as error:
            raise BagError(f"can't write the bag {self.path}: {error}") from error
        if self._plugin is StoragePlugin.SQLITE3:
            # As rosbag2 does: a commit is safe from this process's end, and waits for no disk.
            storage: Any = self._part.storage
            storage.conn.execute("PRAGMA synchronous = OFF")
        self._size, self._start_ns, self._flushed_ns = 0, stamp_ns, stamp_ns

    def _write_metadata(self) -> None:
        """One ``metadata.yaml`` for all parts, replaced in one step."""
        files = [file for part in self._parts for file in part["files"]]
        counted = [file for file in files if file["message_count"]] or files[:1]
        start = min(file["starting_time"]["nanoseconds_since_epoch"] for file in counted)
        end = max(
            file["starting_time"]["nanoseconds_since_epoch"] + file["duration"]["nanoseconds"] for file in counted
        )
        topics: dict[tuple[str, str], dict[str, Any]] = {}
        for part in self._parts:
            for topic in part["topics_with_message_count"]:
                meta = topic["topic_metadata"]
                entry = topics.setdefault((meta["name"], meta["type"]), {"topic_metadata": meta, "message_count": 0})
                entry["message_count"] += topic["message_count"]
        information = {
            **self._parts[-1],
            "relative_file_paths": [path for part in self._parts for path in part["relative_file_paths"]],
            "duration": {"nanoseconds": end - start},
            "starting_time": {"nanoseconds_since_epoch": start},
            "message_count": sum(file["message_count"] for file in files),
            "topics_with_message_count": list(topics.values()),
            "files": files,
        }
        temporary = self.path / "metadata.yaml.tmp"
        temporary.write_text(dump_yaml({INFORMATION: information}), encoding="utf-8")
        temporary.replace(self.path / "metadata.yaml")
