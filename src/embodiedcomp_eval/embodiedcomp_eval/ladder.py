"""Which downsampling serves which rate: a codec's rate points on real frames, and the upper envelope of their quality."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.codec import Codec, Mode
from embodiedcomp_codec.config import SCHEDULES, Ladder, Schedule
from embodiedcomp_codec.frame import downsample, upsample
from embodiedcomp_codec.packet import Header, KeyInfo, pack
from embodiedcomp_eval.distortion import ms_ssim, mse, psnr

Image = npt.NDArray[np.uint8]
FACTORS = (1, 2, 3, 4, 5, 6, 7, 8)
QUALITIES = 12  # steps tried at each factor, closer together at the coarse end
CURVE = 1.5
STRUCTURE_EVERY = 8  # MS-SSIM costs ten times what PSNR does: it is taken of every eighth frame
GRID = 1.03  # ratio of neighbouring rates of the envelope
NEVER = -1e6  # dB, of a rate that a factor can't reach
PSNR_CAP = 100.0  # dB


@dataclass(frozen=True)
class Point:
    """One rate point, averaged over frames. n: coded at n/8 of the sides. quality: in [0, 1]. bpp: packets' bits per source
    pixel, our header and key frames included. psnr: dB, against the source at its own size.
    """

    n: int
    quality: float
    bpp: float
    psnr: float
    ms_ssim: float


def qualities(codec: Codec, count: int = QUALITIES) -> list[float]:
    """At most ``count`` of the codec's own steps, finest and coarsest among them."""
    last = getattr(codec, "levels", 64) - 1
    steps = {round(last * (index / (count - 1)) ** CURVE) for index in range(count)}
    return [step / last if last else 1.0 for step in sorted(steps)]


def measure_points(codec: Codec, schedule: Schedule, groups: Sequence[Sequence[Image]]) -> Iterator[Point]:
    """Code every group of frames ``(H, W, 3)`` at every factor and quality, the first frame of a group as a key frame."""
    mode: Mode = "intra" if schedule == "intra" else "inter"
    for n in FACTORS:
        small = [[downsample(frame, n) for frame in group] for group in groups]
        for quality in qualities(codec):
            bits, pixels, errors, structure = 0, 0, [], []
            for group, coded_group in zip(groups, small, strict=True):
                height, width = coded_group[0].shape[:2]
                encoder, decoder = codec.encoder(width, height, mode), codec.decoder(mode)
                for index, (frame, coded_frame) in enumerate(zip(group, coded_group, strict=True)):
                    coded = encoder.encode(coded_frame, quality, mode == "intra" or index == 0)
                    picture = upsample(
                        decoder.decode(coded.data, coded.key, width, height), n, frame.shape[1], frame.shape[0]
                    )
                    info = KeyInfo(codec.name, mode, frame.shape[1], frame.shape[0]) if coded.key else None
                    bits += 8 * (len(pack(Header(index, n, info))) + len(coded.data))
                    pixels += frame.shape[0] * frame.shape[1]
                    errors.append(min(psnr(mse(picture, frame)), PSNR_CAP))
                    if len(errors) % STRUCTURE_EVERY == 1:
                        structure.append(ms_ssim(picture, frame))
            yield Point(n, quality, bits / pixels, float(np.mean(errors)), float(np.mean(structure)))


def envelope(points: Sequence[Point]) -> Ladder:
    """The rungs of the best PSNR at every rate, of those whose factor never falls as the rate grows."""
    factors = sorted({point.n for point in points})
    rates = [point.bpp for point in points]
    count = math.ceil(math.log(max(rates) / min(rates)) / math.log(GRID)) + 2
    grid = min(rates) * GRID ** np.arange(count)
    values = np.array([_curve([point for point in points if point.n == n], grid) for n in factors])
    # Best sum of PSNR up to each rate with each last factor; from which factor it came.
    best, came = values[:, 0], np.zeros((len(factors), count), dtype=int)
    for column in range(1, count):
        before = np.maximum.accumulate(best)
        came[:, column] = [int(np.argmax(best[: row + 1])) for row in range(len(factors))]
        best = before + values[:, column]
    row, chosen = int(np.argmax(best)), []
    for column in range(count - 1, -1, -1):
        chosen.append(row)
        row = int(came[row, column])
    chosen.reverse()
    rungs = [(0.0, factors[chosen[0]])]
    for column in range(1, count):
        if chosen[column] != chosen[column - 1]:
            rungs.append((_rounded(float(grid[column])), factors[chosen[column]]))
    return tuple(rungs)


def _curve(points: Sequence[Point], grid: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """PSNR at each rate: linear between the points over log rate, without those that cost more for less."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda point: (point.bpp, -point.psnr)):
        if not kept or (point.psnr > kept[-1].psnr and point.bpp > kept[-1].bpp):
            kept.append(point)
    x, y = np.log([point.bpp for point in kept]), np.array([point.psnr for point in kept])
    return np.where(np.log(grid) < x[0] - 1e-9, NEVER, np.interp(np.log(grid), x, y))


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def with_ladders(text: str, codec: str, ladders: dict[Schedule, Ladder], comment: str) -> str:
    """``codecs.yaml`` with these ladders of the codec replaced, or added; all else stays as it is."""
    lines = text.splitlines(keepends=True)
    starts = [index for index, line in enumerate(lines) if line.rstrip() == f"{codec}:"]
    if not starts:
        return with_ladders(f"{text.rstrip()}\n{codec}:\n", codec, ladders, comment)
    end = starts[0] + 1
    while end < len(lines) and lines[end].startswith((" ", "\t")):
        end += 1
    old = {line.split(":")[0].strip(): line for line in lines[starts[0] + 1 : end]}
    for schedule, rungs in ladders.items():
        values = ", ".join(f"[{start:g}, {n}]" for start, n in rungs)
        old[schedule] = f"  {schedule}: [{values}]  # {comment}\n"
    ordered = [old[schedule] for schedule in SCHEDULES if schedule in old]
    return "".join([*lines[: starts[0] + 1], *ordered, *lines[end:]])
