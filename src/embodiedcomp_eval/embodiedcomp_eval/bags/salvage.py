"""What a recorder that was killed, or still runs, has written of its open part: a copy of it that any reader opens."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

MAGIC = b"\x89MCAP0\r\n"
CHUNK, DATA_END, FOOTER = 0x06, 0x0F, 0x02
MCAP_END = struct.pack("<BQI", DATA_END, 4, 0) + struct.pack("<BQQQI", FOOTER, 20, 0, 0, 0) + MAGIC
"""The end of an MCAP file without a summary: it is read from its beginning."""


def open_parts(bag: Path) -> list[Path]:
    """The files of parts that were begun and not finished: ``BagWriter`` keeps such a one in a folder of its own."""
    found = []
    for folder in sorted(bag.iterdir()):
        # With metadata it is whole: another bag, or a part that was about to be moved.
        if folder.is_dir() and folder.name.rpartition("_")[2].isdecimal() and not (folder / "metadata.yaml").exists():
            found += [file for suffix in (".mcap", ".db3") if (file := folder / f"{folder.name}{suffix}").is_file()]
    return found


def salvage(part: Path, folder: Path) -> Path | None:
    """A whole copy in ``folder`` of what is on disk of ``part``; None where that is no message."""
    copy = folder / part.name
    shutil.copyfile(part, copy)
    kept = _finish_mcap(copy) if part.suffix == ".mcap" else _finish_sqlite(part, copy)
    if not kept:
        copy.unlink()
    return copy if kept else None


def _finish_mcap(file: Path) -> bool:
    """Cut after the last whole record, and end the file there."""
    size, end, chunks = file.stat().st_size, len(MAGIC), 0
    with file.open("r+b") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            return False
        while len(head := stream.read(9)) == 9:
            kind, length = struct.unpack("<BQ", head)
            if kind in (DATA_END, FOOTER) or end + 9 + length > size:
                break
            end += 9 + length
            chunks += kind == CHUNK
            stream.seek(end)
        stream.truncate(end)
        stream.seek(0, os.SEEK_END)
        stream.write(MCAP_END)
    return chunks > 0


def _finish_sqlite(part: Path, file: Path) -> bool:
    """Undo the transaction that was not committed, as SQLite does from the journal beside the file."""
    journal = part.with_name(f"{part.name}-journal")
    if journal.exists():
        shutil.copyfile(journal, file.with_name(f"{file.name}-journal"))
    with closing(sqlite3.connect(file)) as base:
        (count,) = base.execute("SELECT count(*) FROM messages").fetchone()
    return bool(count)
