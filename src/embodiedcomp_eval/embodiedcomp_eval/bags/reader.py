"""Reads rosbag2 (MCAP, SQLite; a folder, one file, or the parts that a crash left) as a stream, with flat memory."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from rosbags.highlevel import AnyReader
from rosbags.typesys import TypesysError

from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.salvage import open_parts, salvage
from embodiedcomp_eval.bags.types import Types

SUFFIXES = (".mcap", ".db3")


@dataclass(frozen=True)
class Topic:
    """One topic of a bag."""

    name: str
    msgtype: str
    count: int


@dataclass(frozen=True)
class Record:
    """One message: when it was recorded (ns), and its bytes (CDR)."""

    topic: str
    msgtype: str
    log_ns: int
    data: bytes


class BagReader:
    """One bag, opened; a context manager. unfinished: its recorder died or still runs; read is what it has written."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises BagError on anything that is no readable rosbag2."""
        self.path = path
        self._copies = TemporaryDirectory(prefix="embodiedcomp-bag-")
        try:
            self._reader, self.unfinished = _open(path, Path(self._copies.name))
        except BaseException:
            self._copies.cleanup()
            raise
        self.types = self._reader.typestore
        self._by_name: dict[str, list[Any]] = {}
        for connection in self._reader.connections:
            self._by_name.setdefault(connection.topic, []).append(connection)
        self._look_up({connection.msgtype for connection in self._reader.connections})

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _look_up(self, msgtypes: set[str]) -> None:
        """Types that the bag doesn't define, as SQLite bags up to Humble, from this suite or a sourced workspace."""
        unknown = msgtypes - set(self.types.fielddefs)
        if not unknown:
            return
        own = Types()
        for msgtype in unknown:
            with contextlib.suppress(BagError):  # then its messages are not read: ``knows``
                own.need(msgtype)
        known = self.types.fielddefs
        self.types.register({name: fields for name, fields in own.store.fielddefs.items() if name not in known})

    def knows(self, msgtype: str) -> bool:
        """Whether the type's definition is known, with all that it holds."""
        try:
            self.types.generate_msgdef(msgtype, ros_version=2)
        except TypesysError:
            return False
        return True

    def close(self) -> None:
        """Let go of the files."""
        self._reader.close()
        self._copies.cleanup()

    @property
    def topics(self) -> list[Topic]:
        """Every topic, by name; one entry for each type that it has."""
        counts: dict[tuple[str, str], int] = {}
        for connection in self._reader.connections:
            key = (connection.topic, connection.msgtype)
            counts[key] = counts.get(key, 0) + connection.msgcount
        return [Topic(name, msgtype, counts[name, msgtype]) for name, msgtype in sorted(counts)]

    @property
    def custom(self) -> dict[str, str]:
        """The text that its recorder left in the metadata."""
        found: dict[str, str] = {}
        for reader in self._reader.readers:
            found.update(getattr(getattr(reader, "storage", None), "metadata", None).custom or {})  # type: ignore[union-attr]
        return found

    def qos(self, topic: str) -> list[Any]:
        """Quality of service that the topic was offered with."""
        return list(self._by_name[topic][0].ext.offered_qos_profiles)

    def records(self, topics: Collection[str]) -> Iterator[Record]:
        """Messages of these topics in the order of recording. Raises BagError where the bag breaks off."""
        wanted = [connection for name in topics for connection in self._by_name[name]]
        if not wanted:
            return
        messages = self._reader.messages(wanted)
        count = 0
        while True:
            try:
                connection, log_ns, data = next(messages)
            except StopIteration:
                expected = sum(connection.msgcount for connection in wanted)
                if count < expected:
                    raise BagError(f"{self.path}: damaged: only {count} of {expected} messages can be read") from None
                return
            except Exception as error:
                raise BagError(f"{self.path}: damaged after {count} messages: {_line(error)}") from error
            count += 1
            yield Record(connection.topic, connection.msgtype, log_ns, bytes(data))

    def deserialize(self, record: Record) -> Any:
        """The message, its fields as attributes. Raises BagError on bytes that are none of its type."""
        try:
            return self.types.deserialize_cdr(record.data, record.msgtype)
        except Exception as error:
            raise BagError(
                f"{self.path}: a message on {record.topic} is no {record.msgtype}: {_line(error)}"
            ) from error


def _open(path: Path, folder: Path) -> tuple[AnyReader, bool]:
    """The reader, and whether it reads a part that nobody finished, through a copy in ``folder``."""
    if not path.exists():
        raise BagError(f"no such bag: {path}")
    if path.suffix == ".bag":
        raise BagError(f"{path} is a ROS 1 bag; convert it first: rosbags-convert --src {path} --dst NEW_FOLDER")
    paths, saved = [path], []
    if path.is_dir():
        begun = open_parts(path)
        saved = _saved(begun, folder)
        if not (path / "metadata.yaml").exists():
            # A recorder that died in its first part leaves no metadata.
            paths = sorted(child for child in path.iterdir() if child.suffix in SUFFIXES)
        paths += saved
        if not paths and begun:
            raise BagError(f"{path}: its recorder died, or has only begun: no message is on disk yet ({begun[0]})")
        if not paths:
            raise BagError(f"{path} is no rosbag2: it holds neither metadata.yaml nor {' or '.join(SUFFIXES)} files")
    elif path.is_file() and path.suffix not in SUFFIXES:
        raise BagError(f"{path} is no rosbag2; give its folder, or a file with {' or '.join(SUFFIXES)}")
    try:
        reader = AnyReader(paths, default_typestore=Types().store)
        reader.open()
    except Exception as error:
        raise BagError(f"{path} can't be read as a rosbag2 (truncated?): {_line(error)}") from error
    return reader, bool(saved)


def _saved(parts: list[Path], folder: Path) -> list[Path]:
    try:
        return [copy for part in parts if (copy := salvage(part, folder)) is not None]
    except (OSError, sqlite3.Error) as error:
        raise BagError(f"{parts[0]}: an unfinished part of a bag that can't be copied: {_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
