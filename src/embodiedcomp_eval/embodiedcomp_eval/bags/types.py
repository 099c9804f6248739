"""Message types for bags without a ROS installation: the standard ones, our own, and any that a sourced workspace has."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from embodiedcomp_eval.bags.errors import BagError

OURS = "embodiedcomp_msgs"


def share_folders() -> list[Path]:
    """Share folders of every sourced workspace."""
    return [Path(p) / "share" for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]


def definition_file(msgtype: str) -> Path:
    """The ``.msg`` file of ``package/msg/Name``. Raises BagError where there is none."""
    package, _, name = msgtype.partition("/msg/")
    checkout = Path(__file__).resolve().parents[3]
    for folder in (checkout / package, *(share / package for share in share_folders())):
        path = folder / "msg" / f"{name}.msg"
        if path.is_file():
            return path
    raise BagError(f"no definition of message type {msgtype}: build the workspace and source it (make build)")


@functools.cache
def standard_types() -> Typestore:
    """The message types that every ROS 2 brings. Shared: nothing is added to it."""
    return get_typestore(Stores.LATEST)


class Types:
    """Message types by name, read when they are first asked for."""

    def __init__(self) -> None:
        self.store = get_typestore(Stores.EMPTY)
        self.store.register(dict(standard_types().fielddefs))

    def need(self, msgtype: str) -> None:
        """Make ``package/msg/Name`` and all that it holds known. Raises BagError."""
        if msgtype in self.store.fielddefs:
            return
        found = get_types_from_msg(definition_file(msgtype).read_text(encoding="utf-8"), msgtype)
        for part in _parts(found):
            if part not in found:
                self.need(part)
        self.store.register({name: fields for name, fields in found.items() if name not in self.store.fielddefs})

    def message(self, msgtype: str) -> type:
        """The class of a message, its fields as keywords."""
        self.need(msgtype)
        return self.store.types[msgtype]

    def serialize(self, message: object, msgtype: str) -> bytes:
        """CDR, as a recorder on a live system gets it."""
        return bytes(self.store.serialize_cdr(message, msgtype))


def _parts(types: object) -> set[str]:
    """Names of other messages within definitions: everything that looks like ``package/msg/Name``."""
    if isinstance(types, str):
        return {types} if types.count("/") == 2 and "/msg/" in types else set()
    if isinstance(types, dict):
        return {name for value in types.values() for name in _parts(value)}
    if isinstance(types, tuple | list):
        return {name for value in types for name in _parts(value)}
    return set()
