"""What a query costs in simulated time when slow codecs must pay (timing ``charged``): a committed table of seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embodiedcomp_eval.config import ConfigError, config_file, from_mapping, load_yaml

FILE = "charges.yaml"


@dataclass(frozen=True)
class CodecCharge:
    """Seconds to encode and to decode one frame."""

    encode: float
    decode: float


@dataclass(frozen=True)
class Charges:
    """codecs: name -> CodecCharge's keys. policies: name -> s per answer."""

    codecs: dict[str, Any]
    policies: dict[str, Any]

    def query_ns(self, codec: str, policy: str) -> int:
        """Time from a frame's stamp to the policy's answer, the link aside, ns. Raises ConfigError for what isn't listed.

        Cameras are coded side by side, so a query pays for one frame.
        """
        charge = from_mapping(CodecCharge, _entry(self.codecs, "codec", codec), f"{FILE}: codec {codec}")
        answer = _entry(self.policies, "policy", policy)
        if isinstance(answer, bool) or not isinstance(answer, int | float) or answer < 0:
            raise ConfigError(f"{FILE}: policy {policy}: expected seconds, found {answer!r}")
        return round(1e9 * (charge.encode + charge.decode + answer))


def load_charges() -> Charges:
    """The shipped table, ``config/charges.yaml``."""
    path = config_file(FILE)
    return from_mapping(Charges, load_yaml(path), str(path))


def with_charge(text: str, codec: str, charge: CodecCharge, comment: str) -> str:
    """``charges.yaml`` with this codec's line replaced, or added after the other codecs'; all else stays as it is.

    Raises ConfigError where the file has no block ``codecs:``.
    """
    line = f"  {codec}: {{encode: {charge.encode:.4f}, decode: {charge.decode:.4f}}}  # {comment}\n"
    lines = text.splitlines(keepends=True)
    try:
        start = [other.rstrip() for other in lines].index("codecs:") + 1
    except ValueError as error:
        raise ConfigError(f"{FILE} has no block 'codecs:'") from error
    end = start
    while end < len(lines) and lines[end].startswith("  "):
        end += 1
    kept = [other for other in lines[start:end] if not other.startswith(f"  {codec}:")]
    at = next((n for n, other in enumerate(lines[start:end]) if other.startswith(f"  {codec}:")), len(kept))
    return "".join([*lines[:start], *kept[:at], line, *kept[at:], *lines[end:]])


def _entry(table: Mapping[str, Any], kind: str, name: str) -> Any:
    if name not in table:
        known = ", ".join(sorted(table)) or "none"
        raise ConfigError(f"{FILE} lists no time for {kind} {name!r}; timing 'charged' knows: {known}")
    return table[name]
