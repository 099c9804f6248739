"""One camera's recorded frames through one setting of a codec: packets, pictures, and what they cost."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from embodiedcomp_codec.stream import DecoderStream, EncoderStream, SentFrame, StreamConfig
from embodiedcomp_eval.bags.images import Frame
from embodiedcomp_eval.distortion import ms_ssim, mse, psnr


@dataclass(frozen=True)
class Setting:
    """One codec at one target. label: names it in tables and is its bag's folder."""

    label: str
    stream: StreamConfig

    def mapping(self) -> dict[str, Any]:
        """The stream's configuration, JSON-able: what is not set is None."""
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(self.stream).items()}


@dataclass(frozen=True)
class Recoded:
    """One frame: what was sent, the picture that came out, squared error, MS-SSIM (NaN if not asked for), s of wall time."""

    sent: SentFrame
    picture: Frame
    mse: float
    ms_ssim: float
    encode_seconds: float
    decode_seconds: float


class Lane:
    """The live node's very streams for one camera, and totals over all its frames; memory grows by some bytes a frame."""

    def __init__(self, config: StreamConfig, similarity: bool, clock: Callable[[], float] = time.perf_counter) -> None:
        """similarity: also compute MS-SSIM."""
        self._encoder, self._decoder = EncoderStream(config), DecoderStream()
        self._similarity, self._clock = similarity, clock
        self._frames = self._keys = self._floor = self._ceiling = self._bytes = self._pixels = 0
        self._mse, self._ms_ssim, self._encode, self._decode = (array("d") for _ in range(4))

    def restart(self) -> None:
        """The recording's clock jumped back: what follows owes nothing to what was before."""
        self._encoder.reset()
        self._decoder.reset()

    def run(self, frame: Frame, stamp_ns: int) -> Recoded:
        """Encode, decode and measure one frame."""
        started = self._clock()
        sent = self._encoder.encode(frame, stamp_ns)
        encoded = self._clock()
        picture = self._decoder.decode(sent.packet).image
        decoded = self._clock()
        if picture is None:
            raise RuntimeError("a codec's decoder refused its own encoder's packet")
        similarity = ms_ssim(frame, picture) if self._similarity else math.nan
        recoded = Recoded(sent, picture, mse(frame, picture), similarity, encoded - started, decoded - encoded)
        self._frames += 1
        self._keys += sent.key
        self._floor += sent.at_floor
        self._ceiling += sent.at_ceiling
        self._bytes += len(sent.packet)
        self._pixels += frame.shape[0] * frame.shape[1]
        for values, value in (
            (self._mse, recoded.mse),
            (self._ms_ssim, similarity),
            (self._encode, recoded.encode_seconds),
            (self._decode, recoded.decode_seconds),
        ):
            values.append(value)
        return recoded

    def totals(self, duration: float) -> dict[str, Any]:
        """Over all frames, JSON-able. duration: s of stamp time that they span."""
        error = float(np.mean(self._mse)) if self._frames else math.nan
        scored = np.array(self._ms_ssim)
        return {
            "frames": self._frames,
            "key_frames": self._keys,
            "frames_at_floor": self._floor,
            "frames_at_ceiling": self._ceiling,
            "payload_bytes": self._bytes,
            "payload_bpp": number(8 * self._bytes / self._pixels if self._pixels else math.nan),
            "bits_per_second": number(8 * self._bytes / duration if duration else math.nan),
            "lossless": bool(self._frames) and error == 0,
            "psnr_db": number(psnr(error) if self._frames else math.nan),
            "ms_ssim": number(float(np.mean(scored)) if len(scored) else math.nan),
            "encode_ms": percentiles(self._encode),
            "decode_ms": percentiles(self._decode),
        }


def percentiles(seconds: array[float]) -> dict[str, float | None]:
    """Median and 95 % of times, in ms."""
    if not seconds:
        return {"p50": None, "p95": None}
    middle, high = np.percentile(np.array(seconds), [50, 95])
    return {"p50": 1e3 * float(middle), "p95": 1e3 * float(high)}


def number(value: float) -> float | None:
    """None for what JSON has no number for: NaN (unknown) and infinity (the PSNR of equal pictures)."""
    return value if math.isfinite(value) else None
