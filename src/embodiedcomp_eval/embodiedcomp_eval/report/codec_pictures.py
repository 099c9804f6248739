"""Draws ``bench pictures``: rate-distortion curves, and decoded frames side by side."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from embodiedcomp_eval.rate_distortion import StreamQuality

Image = npt.NDArray[np.uint8]
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#7f7f7f", "#8c564b", "#bcbd22", "#6a3d9a",
    "#17becf", "#e31a1c",
)  # fmt: skip
MARGIN, LABEL = 6, 22
WEBP_QUALITY = 82


def curves(points: Sequence[StreamQuality], format: str) -> bytes:
    """A picture file (png, svg): PSNR and MS-SSIM against bpp, a line a codec; dashed where frames decode alone."""
    figure = Figure(figsize=(10.0, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2)
    codecs = list(dict.fromkeys(point.codec for point in points))
    for axes, (name, unit) in zip(panels, (("psnr", "PSNR, dB"), ("ms_ssim", "MS-SSIM"))):
        for index, codec in enumerate(codecs):
            mine = sorted((point for point in points if point.codec == codec), key=lambda point: point.bpp)
            axes.plot(
                [point.bpp for point in mine],
                [getattr(point, name) for point in mine],
                color=COLOURS[index % len(COLOURS)],
                linestyle="-" if mine[0].mode == "inter" else "--",
                marker="os^vDPX*"[index % 8],
                markersize=3.5,
                linewidth=1.1,
                label=codec,
            )
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(10, (1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel="payload, bit per source pixel", ylabel=unit)
        axes.grid(color="#e3e6ea", linewidth=0.7)
    panels[1].legend(fontsize=7.5, ncols=2, frameon=False, loc="lower right")
    content = io.BytesIO()
    figure.savefig(content, format=format, dpi=110, metadata={"Date": None} if format == "svg" else None)
    return content.getvalue()


def side_by_side(
    sources: Sequence[Image], columns: Sequence[str], rows: Mapping[str, Sequence[tuple[str, Sequence[Image]]]]
) -> bytes:
    """A WebP file. sources: the frame of each camera. columns: titles. rows: by codec, of each column its caption and frames."""
    height, width = sources[0].shape[:2]
    cell = len(sources) * width + MARGIN
    size = (MARGIN + cell * len(columns), LABEL + (height + LABEL + MARGIN) * (len(rows) + 1))
    sheet = PIL.Image.new("RGB", size, "white")
    draw = PIL.ImageDraw.Draw(sheet)
    font = PIL.ImageFont.load_default(14)

    def put(frames: Sequence[Image], left: int, top: int, caption: str) -> None:
        draw.text((left, top + 3), caption, "black", font)
        for index, frame in enumerate(frames):
            sheet.paste(PIL.Image.fromarray(frame), (left + index * width, top + LABEL))

    put(sources, MARGIN, 0, "source")
    for index, title in enumerate(columns):
        draw.text((MARGIN + index * cell, LABEL + height + MARGIN), title, "black", font)
    for number, (codec, cells) in enumerate(rows.items()):
        top = 2 * LABEL + height + number * (height + LABEL + MARGIN)
        for index, (caption, frames) in enumerate(cells):
            put(frames, MARGIN + index * cell, top, f"{codec}: {caption}")
    content = io.BytesIO()
    sheet.save(content, "WEBP", quality=WEBP_QUALITY, method=6)
    return content.getvalue()
