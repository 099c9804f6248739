"""A binary range coder with adaptive models, for messages of some hundred bytes: exact, and not a byte longer than it must be.

Both directions share one interface, so that a format is written down once: every method takes the value to be written and
returns it; a reader ignores what it is given and returns what it read. Numbers are plain integers of any length, so carries need
no care. (G. N. N. Martin, "Range encoding", 1979; the estimates are Krichevsky and Trofimov's, aged.)
"""

from __future__ import annotations

from typing import Protocol

_TOP_BITS, _BOTTOM = 32, 1 << 24
_AGE = 128  # counts are halved from here on, so that a model follows what changes
MAX_UINT_BITS = 64


class RangeError(ValueError):
    """Bytes that no encoder here wrote."""


class Model:
    """How often a bit was 0 and 1 in one context."""

    __slots__ = ("ones", "zeros")

    def __init__(self) -> None:
        self.zeros = self.ones = 1

    def learn(self, bit: int) -> None:
        """Count one more."""
        if bit:
            self.ones += 2
        else:
            self.zeros += 2
        if self.zeros + self.ones > _AGE:
            self.zeros, self.ones = (self.zeros + 1) // 2, (self.ones + 1) // 2


class UintModel:
    """Of an unsigned integer: one model for each place of its length in bits."""

    __slots__ = ("lengths",)

    def __init__(self) -> None:
        self.lengths = [Model() for _ in range(MAX_UINT_BITS)]


class Coder(Protocol):
    """What a format is written against."""

    def bit(self, model: Model, value: int) -> int:
        """One bit in the context ``model``, which learns from it."""
        ...

    def uniform(self, bits: int, value: int) -> int:
        """An integer of at most 8 ``bits``, of which nothing is expected."""
        ...


def code_uint(coder: Coder, model: UintModel, value: int) -> int:
    """An integer from 0 to 2**63 - 2: its length by the model, its bits as they are (Elias gamma of value + 1)."""
    length = (value + 1).bit_length() - 1
    if not 0 <= length < MAX_UINT_BITS - 1:
        raise RangeError(f"{value} has no code here")
    places = 0
    while coder.bit(model.lengths[places], int(places < length)):
        places += 1
        if places >= MAX_UINT_BITS - 1:
            raise RangeError("an integer of more than 63 bits")
    found = 1
    for left in range(places, 0, -8):
        take = min(left, 8)
        found = found << take | coder.uniform(take, (value + 1) >> (left - take) & ((1 << take) - 1))
    return found - 1


def code_int(coder: Coder, model: UintModel, value: int) -> int:
    """A signed integer; small ones of either sign are short."""
    found = code_uint(coder, model, zigzag(value))
    return unzigzag(found)


def zigzag(value: int) -> int:
    """0, -1, 1, -2, 2 … as 0, 1, 2, 3, 4 …."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def unzigzag(value: int) -> int:
    """The inverse of ``zigzag``."""
    return value >> 1 if value % 2 == 0 else -(value + 1 >> 1)


class RangeEncoder:
    """Writes."""

    def __init__(self) -> None:
        self._low, self._range, self._bytes = 0, 1 << _TOP_BITS, _TOP_BITS // 8

    def bit(self, model: Model, value: int) -> int:
        split = self._range * model.zeros // (model.zeros + model.ones)
        self._narrow(split if value else 0, self._range - split if value else split)
        model.learn(value)
        return value

    def uniform(self, bits: int, value: int) -> int:
        part = self._range >> bits
        self._narrow(part * value, part)
        return value

    def finish(self) -> bytes:
        """The shortest bytes that say it all; zeros at the end go without saying."""
        return _shortest(self._low, self._range, self._bytes)

    def _narrow(self, offset: int, size: int) -> None:
        self._low, self._range = self._low + offset, size
        while self._range < _BOTTOM:
            self._low, self._range, self._bytes = self._low << 8, self._range << 8, self._bytes + 1


class RangeDecoder:
    """Reads ``data``; never beyond it, whatever it holds."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = _TOP_BITS // 8
        self._code = int.from_bytes(data[: self._at].ljust(self._at, b"\0"), "big")
        self._low, self._range = 0, 1 << _TOP_BITS

    def bit(self, model: Model, value: int = 0) -> int:
        split = self._range * model.zeros // (model.zeros + model.ones)
        found = int(self._code >= split)
        self._narrow(split if found else 0, self._range - split if found else split)
        model.learn(found)
        return found

    def uniform(self, bits: int, value: int = 0) -> int:
        part = self._range >> bits
        found = self._code // part
        if found >> bits:
            raise RangeError("bytes that no encoder wrote")
        self._narrow(part * found, part)
        return found

    def finish(self) -> None:
        """Raise RangeError unless ``data`` is exactly what the encoder would have written for what was read."""
        if self._data != _shortest(self._low, self._range, self._at):
            raise RangeError(f"{len(self._data)} bytes that no encoder wrote")

    def _narrow(self, offset: int, size: int) -> None:
        self._low, self._code, self._range = self._low + offset, self._code - offset, size
        while self._range < _BOTTOM:
            following = self._data[self._at] if self._at < len(self._data) else 0
            self._code = self._code << 8 | following
            self._low, self._range, self._at = self._low << 8, self._range << 8, self._at + 1


def _shortest(low: int, size: int, length: int) -> bytes:
    """The number in [low, low + size) with the most zero bytes at its end, of ``length`` bytes, without them."""
    for zero_bytes in range(length, -1, -1):
        mask = (1 << 8 * zero_bytes) - 1
        found = (low + mask) & ~mask
        if found < low + size:
            return found.to_bytes(length, "big").rstrip(b"\0")
    raise AssertionError("an interval holds its own start")
