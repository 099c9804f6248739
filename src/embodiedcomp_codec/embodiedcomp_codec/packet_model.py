"""Small packets, coded after what the packets before had at the same place: most of a video frame's header never changes.

At 0.005 bpp a frame is some 40 bytes, ten of them header. Each of the first bytes has a guess: what stood there last time,
the same counted on (frame numbers), or the same moved with the packet's length (AV1 writes it). Bits that agree with the guess
so far cost little; nothing here knows any codec.
"""

from __future__ import annotations

from collections.abc import Callable

from embodiedcomp_codec.range_coder import Coder, Model, UintModel, code_uint

MAX_BYTES = 255
"""Longer packets are not worth the trouble."""
MODELLED = 20  # bytes from the start that are guessed
Guess = Callable[[int, int, int], int]

# Of one place: (last byte, the one before, growth in length) -> the expected byte.
GUESSES: tuple[Guess, ...] = (
    lambda last, before, growth: last,
    lambda last, before, growth: (last + growth) & 255,
    lambda last, before, growth: (2 * last - before) & 255,
)


class PacketModel:
    """What is known of one stream's small packets; both ends hold the same."""

    def __init__(self) -> None:
        self._length = UintModel()
        self._agree = [[Model() for _ in range(8)] for _ in range(MODELLED)]
        self._differ = [[Model() for _ in range(8)] for _ in range(MODELLED)]
        self._hits = [[0] * len(GUESSES) for _ in range(MODELLED)]
        self._last = self._before = b""

    def code(self, coder: Coder, data: bytes) -> bytes:
        """Write a packet of at most MAX_BYTES, or read one. Raises ValueError on a longer one."""
        length = code_uint(coder, self._length, len(data))
        if length > MAX_BYTES:
            raise ValueError(f"a small packet of {length} bytes")
        if len(data) != length:
            data = bytes(length)  # reading: what it holds is ignored
        found = bytearray()
        for place in range(length):
            found.append(
                self._byte(coder, place, data[place], length) if place < MODELLED else coder.uniform(8, data[place])
            )
        self._before, self._last = self._last, bytes(found)
        return self._last

    def _byte(self, coder: Coder, place: int, value: int, length: int) -> int:
        guesses = self._guesses(place, length)
        hits = self._hits[place]
        guess = guesses[hits.index(max(hits))]
        found, agrees = 0, True
        for index in range(8):
            shift = 7 - index
            expected = guess >> shift & 1
            bit = value >> shift & 1
            if agrees:
                # 1: not as expected
                bit = coder.bit(self._agree[place][index], bit ^ expected) ^ expected
            else:
                bit = coder.bit(self._differ[place][index], bit)
            agrees = agrees and bit == expected
            found = found << 1 | bit
        for index, each in enumerate(guesses):
            hits[index] = min(hits[index] + 1, 8) if each == found else hits[index] // 2
        return found

    def _guesses(self, place: int, length: int) -> list[int]:
        last = self._last[place] if place < len(self._last) else 0
        before = self._before[place] if place < len(self._before) else 0
        return [guess(last, before, length - len(self._last)) for guess in GUESSES]
