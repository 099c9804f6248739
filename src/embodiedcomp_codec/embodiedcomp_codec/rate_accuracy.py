"""How well a stream keeps its target: what a receiver with a stop watch would find, and whether that was promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.codec import Image
from embodiedcomp_codec.stream import EncoderStream, SentFrame, StreamConfig

Bits = npt.NDArray[np.float64]
INTRA_TOTAL, INTRA_WINDOW = 0.02, 0.05
INTER_LEAST, INTER_MOST, INTER_WINDOW = -0.05, 0.02, 0.10
PROMISED_SECONDS = 30.0  # of an inter stream, over which its total is promised


@dataclass(frozen=True)
class Accuracy:
    """Relative errors (0.02 = 2 % over the target) of one run, and how often the codec was at its limits.

    total: over the whole run. worst, least: the dearest and the cheapest window that holds no key frame and follows none
    within two windows (all but the first window for intra streams). key_pair: the dearest two windows that begin
    with a key frame. floor, ceiling: share of frames at them. NaN where there is no such window.
    misses: which tolerances were missed, a few words each; what a codec's floor cost or its ceiling left unspent is no miss.
    """

    total: float
    worst: float
    least: float
    key_pair: float
    keys: int
    floor: float
    ceiling: float
    bpp: float
    misses: tuple[str, ...] = ()


def measure(frames: Sequence[Image], config: StreamConfig, period: float) -> Accuracy:
    """Encode ``frames``, ``period`` s apart, and compare the packets with the target."""
    stream = EncoderStream(config)
    sent = [stream.encode(frame, round(index * period * 1e9)) for index, frame in enumerate(frames)]
    pixels = frames[0].shape[0] * frames[0].shape[1]
    allowance = config.target_bpp * pixels if config.target_bpp == config.target_bpp else config.target_bitrate * period
    return judge(sent, allowance, max(1, round(config.budget_window / period)), stream.mode == "intra", pixels, period)


def judge(
    sent: Sequence[SentFrame], allowance: float, window: int, intra: bool, pixels: int, period: float
) -> Accuracy:
    """Compare frames with what each was granted, ``allowance`` bits. window: frames. period: s."""
    bits = np.array([8.0 * len(frame.packet) for frame in sent])
    keys = [] if intra else [index for index, frame in enumerate(sent) if frame.key]
    found = _Errors(bits, allowance, window, keys, intra)
    # What the floor cost beyond the allowance, and what the ceiling left of it, was never promised.
    floor = np.array([frame.at_floor for frame in sent])
    ceiling = np.array([frame.at_ceiling for frame in sent])
    high = _Errors(np.where(floor, np.minimum(bits, allowance), bits), allowance, window, keys, intra)
    low = _Errors(np.where(ceiling, np.maximum(bits, allowance), bits), allowance, window, keys, intra)
    if intra:
        checks = {
            "total": high.total <= INTRA_TOTAL and low.total >= -INTRA_TOTAL,
            "window over": not high.worst > INTRA_WINDOW,
            "window under": not low.least < -INTRA_WINDOW,
        }
    else:
        long = len(sent) * period >= PROMISED_SECONDS - period
        checks = {
            "total over": high.total <= INTER_MOST or not long,
            "total under": low.total >= INTER_LEAST or not long,
            "window over": not high.worst > INTER_WINDOW,
            "key frame": not high.key_pair > INTER_WINDOW,
        }
    return Accuracy(
        total=found.total,
        worst=found.worst,
        least=found.least,
        key_pair=found.key_pair,
        keys=len(keys),
        floor=float(floor.mean()),
        ceiling=float(ceiling.mean()),
        bpp=float(bits.mean() / pixels),
        misses=tuple(name for name, held in checks.items() if not held),
    )


class _Errors:
    """The four errors of a row of frames."""

    def __init__(self, bits: Bits, allowance: float, window: int, keys: list[int], intra: bool) -> None:
        nan = float("nan")
        self.total = float(bits.mean() / allowance - 1)
        sums = np.cumsum(np.concatenate([[0.0], bits]))
        errors = (sums[window:] - sums[:-window]) / (window * allowance) - 1
        clear = [start for start in range(len(errors)) if _is_clear(start, keys, window, intra)]
        self.worst = float(errors[clear].max()) if clear else nan
        self.least = float(errors[clear].min()) if clear else nan
        pairs = [bits[key : key + 2 * window] for key in keys if key + 2 * window <= len(bits)]
        self.key_pair = float(max(pair.sum() / (2 * window * allowance) - 1 for pair in pairs)) if pairs else nan


def _is_clear(start: int, keys: list[int], window: int, intra: bool) -> bool:
    """Whether the window from ``start`` is one that promises are made for."""
    if intra:
        return start >= window
    return not any(key - window < start < key + 2 * window for key in keys)
