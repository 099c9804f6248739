"""Quality against rate as a stream gives it: rate control, key frames and headers included, frame after frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_eval.distortion import ms_ssim, mse, psnr

Image = npt.NDArray[np.uint8]
PERIOD_NS = 100_000_000


@dataclass(frozen=True)
class StreamQuality:
    """One codec at one target over several films. bpp: payload over source pixels. psnr: dB, of the mean squared error.

    floor: share of frames that cost more than the target although coded at the coarsest.
    """

    codec: str
    mode: str
    target_bpp: float
    bpp: float
    psnr: float
    ms_ssim: float
    floor: float
    frames: int


def measure(
    codec: str, target_bpp: float, films: Sequence[Sequence[Image]], every: int
) -> tuple[StreamQuality, list[list[Image]]]:
    """Code each film ``(H, W, 3)`` in a stream of its own at 10 Hz; look at every ``every``-th picture. Also all pictures."""
    errors, similarity, pictures = [], [], []
    size = pixels = floor = 0
    mode = ""
    for film in films:
        encoder = EncoderStream(StreamConfig(codec, target_bpp=target_bpp, frame_period=PERIOD_NS * 1e-9))
        decoder = DecoderStream()
        mode = encoder.mode
        shown = []
        for number, frame in enumerate(film):
            sent = encoder.encode(frame, number * PERIOD_NS)
            picture = decoder.decode(sent.packet).image
            if picture is None:
                raise RuntimeError(f"{codec} at {target_bpp:g} bpp: frame {number} gave no picture")
            size, pixels, floor = (
                size + len(sent.packet),
                pixels + frame.shape[0] * frame.shape[1],
                floor + sent.at_floor,
            )
            errors.append(mse(picture, frame))
            if number % every == 0:
                similarity.append(ms_ssim(picture, frame))
            shown.append(picture)
        pictures.append(shown)
    count = sum(map(len, films))
    known = [value for value in similarity if not math.isnan(value)]
    quality = StreamQuality(
        codec,
        mode,
        target_bpp,
        8 * size / pixels,
        psnr(float(np.mean(errors))),
        float(np.mean(known)) if known else math.nan,
        floor / count,
        count,
    )
    return quality, pictures
