"""``embodiedcomp bench pictures``: rate-distortion curves of every codec on task frames, and frames to look at."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.registry import codec_names, get_codec
from embodiedcomp_codec.stream import EncoderStream, StreamConfig
from embodiedcomp_eval import codec_evidence
from embodiedcomp_eval.commands.console import complain, progress, show_table
from embodiedcomp_eval.episode_frames import record_episodes
from embodiedcomp_eval.rate_distortion import StreamQuality, measure

CODECS = (
    "av1", "hevc", "h264", "vp9", "webp", "avif", "jpegxl", "jpeg2000", "jpeg-bare", "jpeg",
    "bmshj2018-hyperprior", "mbt2018-mean",
)  # fmt: skip
TARGETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
SHOWN = (0.005, 0.01, 0.02, 0.05)
SHOWN_CODECS = ("av1", "hevc", "h264", "vp9", "webp", "avif", "jpeg-bare", "bmshj2018-hyperprior")
SHOWN_STEP = 30
EVERY = 4


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("pictures")(pictures)


def pictures(
    codecs: Annotated[
        list[str] | None, typer.Argument(help="Codecs; default: all lossy ones that can code here.")
    ] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes of the scripted expert, both cameras.")] = 1,
    seed: Annotated[int, typer.Option(help="The first of them, a development seed.")] = 10000,
    out: Annotated[Path, typer.Option(help="Folder of the measurements and pictures.")] = codec_evidence.FOLDER,
) -> int:
    """PSNR and MS-SSIM against bpp under rate control at 10 Hz; decoded frames at four rates."""
    from embodiedcomp_eval.report.codec_pictures import curves, side_by_side

    chosen = _usable(codecs)
    recorded = record_episodes(list(range(seed, seed + episodes)))
    cameras = list(recorded[0])
    films = [film for episode in recorded for film in episode.values()]
    step = min(SHOWN_STEP, min(map(len, films)) - 1)
    points: list[StreamQuality] = []
    rows: dict[str, list[tuple[str, list]]] = {}
    with progress() as bar:
        row = bar.add_task("pictures", total=len(chosen) * len(TARGETS))
        for codec in chosen:
            for target in TARGETS:
                bar.update(row, description=f"{codec} {target:g}")
                point, shown = measure(codec, target, films, EVERY)
                points.append(point)
                if codec in SHOWN_CODECS and target in SHOWN:
                    caption = f"{point.bpp:.4f} bpp{' (its floor)' if point.floor > 0.5 else ''}, {point.psnr:.1f} dB"
                    rows.setdefault(codec, []).append((caption, [film[step] for film in shown[: len(cameras)]]))
                bar.advance(row)
    out.mkdir(parents=True, exist_ok=True)
    for format in ("png", "svg"):
        (out / f"rate-distortion.{format}").write_bytes(curves(points, format))
    sources = [film[step] for film in films[: len(cameras)]]
    (out / "side-by-side.webp").write_bytes(side_by_side(sources, [f"target {bpp:g} bpp" for bpp in SHOWN], rows))
    path = codec_evidence.write(
        out,
        "pictures",
        f"embodiedcomp bench pictures{codec_evidence.named(codecs)} --episodes {episodes} --seed {seed}",
        {
            "seeds": [seed, seed + episodes - 1], "cameras": cameras, "step": step, "frames": sum(map(len, films)),
            "points": [dataclasses.asdict(point) for point in points],
        },
    )  # fmt: skip
    show_table("rate and distortion", [("points", str(len(points))), ("written to", str(path.parent))])
    return 0


def _usable(codecs: list[str] | None) -> list[str]:
    """Those asked for, else those of CODECS that can code here. A learned codec imports torch now, before any renderer."""
    chosen = []
    installed = codec_names()
    for name in codecs or [name for name in CODECS if name in installed]:
        try:
            EncoderStream(StreamConfig(name, target_bpp=0.1))
        except CodecError as error:
            if codecs:
                raise
            complain(f"left out: {error}")
            continue
        if get_codec(name).lossless:
            raise CodecError(f"codec {name!r} is lossless; choose a lossy one")
        chosen.append(name)
    return chosen
