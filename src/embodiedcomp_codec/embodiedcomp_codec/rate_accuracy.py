"""How well a stream keeps its target: what a receiver with a stop watch would find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embodiedcomp_codec.codec import Image
from embodiedcomp_codec.stream import EncoderStream, StreamConfig


@dataclass(frozen=True)
class Accuracy:
    """Relative errors (0.02 = 2 % over the target) of one run, and how often the codec was at its limits.

    total: over the whole run. worst, least: the dearest and the cheapest window that holds no key frame and follows none
    within two windows (all but the first window for intra streams). key_pair: the dearest two windows that begin
    with a key frame. floor, ceiling: share of frames at them. NaN where there is no such window.
    """

    total: float
    worst: float
    least: float
    key_pair: float
    keys: int
    floor: float
    ceiling: float
    bpp: float


def measure(frames: Sequence[Image], config: StreamConfig, period: float) -> Accuracy:
    """Encode ``frames``, ``period`` s apart, and compare the packets with the target."""
    stream = EncoderStream(config)
    sent = [stream.encode(frame, round(index * period * 1e9)) for index, frame in enumerate(frames)]
    bits = np.array([8.0 * len(frame.packet) for frame in sent])
    pixels = frames[0].shape[0] * frames[0].shape[1]
    allowance = config.target_bpp * pixels if config.target_bpp == config.target_bpp else config.target_bitrate * period
    window = max(1, round(config.budget_window / period))
    keys = [] if stream.mode == "intra" else [index for index, frame in enumerate(sent) if frame.key]
    errors = _window_errors(bits, allowance, window)
    clear = [start for start in range(len(errors)) if _is_clear(start, keys, window, stream.mode == "intra")]
    pairs = [
        bits[key : key + 2 * window].sum() / (2 * window * allowance) - 1
        for key in keys
        if key + 2 * window <= len(bits)
    ]
    nan = float("nan")
    return Accuracy(
        total=float(bits.mean() / allowance - 1),
        worst=float(errors[clear].max()) if clear else nan,
        least=float(errors[clear].min()) if clear else nan,
        key_pair=float(max(pairs)) if pairs else nan,
        keys=len(keys),
        floor=float(np.mean([frame.at_floor for frame in sent])),
        ceiling=float(np.mean([frame.at_ceiling for frame in sent])),
        bpp=float(bits.mean() / pixels),
    )


def _window_errors(bits: np.ndarray, allowance: float, window: int) -> np.ndarray:
    sums = np.convolve(bits, np.ones(window), "valid")
    return np.asarray(sums / (window * allowance) - 1)


def _is_clear(start: int, keys: list[int], window: int, intra: bool) -> bool:
    """Whether the window from ``start`` is one that promises are made for."""
    if intra:
        return start >= window
    return not any(key - window < start < key + 2 * window for key in keys)
