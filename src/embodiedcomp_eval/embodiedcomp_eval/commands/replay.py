"""``embodiedcomp replay``: a rosbag2 through codecs at other rates. Neither simulator nor ROS is needed."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.stream import StreamConfig
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.commands.console import camera_pair, number, progress
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.trial_config import DEFAULT_TARGET_BPP

MODES = ("inter", "intra")
WIDTH = 130
"""Columns of the table at least."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(replay)


def replay(
    bag: Annotated[Path, typer.Argument(help="A rosbag2: its folder, or one .mcap or .db3 file.")],
    codec: Annotated[list[str], typer.Option(help="Codec plug-in; may be repeated.")] = ["av1"],  # noqa: B006
    target_bpp: Annotated[
        list[float], typer.Option(help="Payload bits per source pixel; may be repeated.", show_default="0.05")
    ] = [],  # noqa: B006
    target_bitrate: Annotated[
        list[float], typer.Option(help="Payload bit/s; may be repeated.", show_default=False)
    ] = [],  # noqa: B006
    mode: Annotated[str, typer.Option(help="inter or intra.")] = "inter",
    budget_window: Annotated[float, typer.Option(help="Window of the rate control, s.")] = 1.0,
    topic: Annotated[
        list[str], typer.Option(help="Image topic; may be repeated.", show_default="each camera's rawest")
    ] = [],  # noqa: B006
    clock: Annotated[str, typer.Option(help="Stamps: of the header, or log (time of recording).")] = "header",
    policy: Annotated[str | None, typer.Option(help="Policy plug-in whose action error is wanted.")] = None,
    checkpoint: Annotated[str | None, typer.Option(help="The policy's weights.")] = None,
    server: Annotated[str | None, typer.Option(help="URL of the policy's server.")] = None,
    camera: Annotated[
        list[str], typer.Option(help="NAME=TOPIC of a policy's camera; may be repeated.", show_default="by name")
    ] = [],  # noqa: B006
    joints: Annotated[str, typer.Option(help="Joint state topic.", show_default="found by type")] = "",
    robot: Annotated[str, typer.Option(help="Name in config/robots, or a YAML file.")] = "ur5e",
    instruction: Annotated[str, typer.Option(help="What the policy is told.")] = "Pick up the object",
    query_period: Annotated[float, typer.Option(help="Time between questions to the policy, s.")] = 1.0,
    storage: Annotated[str, typer.Option(help="Of the new bags: mcap or sqlite3.")] = "mcap",
    bags: Annotated[bool, typer.Option(help="Write a new bag for each codec and target.")] = True,
    ms_ssim: Annotated[bool, typer.Option(help="Compute MS-SSIM (slower than most codecs).")] = True,
    out: Annotated[Path | None, typer.Option(help="Folder of the results.", show_default="results/replay-BAG")] = None,
) -> int:
    """Re-encode a bag's cameras; write new bags, replay.json, frames.csv, actions.csv and plots; print the table."""
    from embodiedcomp_eval.bags.plots import draw
    from embodiedcomp_eval.bags.recode import Setting
    from embodiedcomp_eval.bags.replay import ReplayConfig
    from embodiedcomp_eval.bags.replay import replay as run

    if mode not in MODES:
        raise ConfigError(f"mode {mode!r} is unknown; choose one of: {', '.join(MODES)}")
    settings = tuple(
        Setting(label, StreamConfig(name, mode, bpp, rate, budget_window))  # type: ignore[arg-type]
        for label, name, bpp, rate in _settings(codec, target_bpp, target_bitrate)
    )
    folder = out or Path("results") / f"replay-{bag.resolve().stem}"
    cameras = dict(camera_pair(text) for text in camera)
    config = ReplayConfig(
        bag, folder, settings, tuple(topic), clock, storage, bags, ms_ssim, cameras=cameras, joints=joints
    )
    config.validate()
    if not bag.exists():
        raise BagError(f"no such bag: {bag}")
    probe = None if policy is None else _probe(policy, checkpoint, server, robot, instruction, query_period)
    with progress() as bar:
        row = bar.add_task("messages", total=None)
        result = run(config, probe, lambda done, total: bar.update(row, completed=done, total=total))
    draw(folder, result)
    show(result, folder)
    return 0


def _settings(codecs: list[str], bpps: list[float], rates: list[float]) -> list[tuple[str, str, float, float]]:
    """(label, codec, target_bpp, target_bitrate) of every codec at every target; a lossless one has none."""
    targets = [(bpp, math.nan) for bpp in bpps] + [(math.nan, rate) for rate in rates]
    targets = targets or [(DEFAULT_TARGET_BPP, math.nan)]
    found = []
    for name in codecs:
        if get_codec(name).lossless:
            found.append((name, name, math.nan, math.nan))
            continue
        for bpp, rate in targets:
            label = f"{name}_{rate:g}bps" if math.isnan(bpp) else f"{name}_{bpp:g}bpp"
            found.append((label, name, bpp, rate))
    return found


def _probe(policy: str, checkpoint: str | None, server: str | None, robot: str, instruction: str, period: float) -> Any:
    from embodiedcomp_eval.bags.probe import PolicyProbe
    from embodiedcomp_policy.registry import make_policy
    from embodiedcomp_policy.robot import load_robot

    if not 0 < period < math.inf:
        raise ConfigError(f"query_period must be a finite number of s above 0, found {period:g}")
    body = load_robot(robot)
    loaded = make_policy(policy, checkpoint, server, robot=body)
    if getattr(loaded, "privileged", False):
        raise ConfigError(f"policy {policy!r} reads ground truth from the simulator, which a bag has not")
    return PolicyProbe(loaded, body, instruction, period=period)


def show(result: dict[str, Any], folder: Path) -> None:
    """The table at the end."""
    table = Table(title=f"{result['bag']}: {result['questions']} questions to the policy", title_justify="left")
    columns = ("camera", "setting", "frames", "bytes", "bpp", "bit/s", "PSNR dB", "MS-SSIM", "enc ms", "dec ms",
               "arm error rad")  # fmt: skip
    for column in columns:
        table.add_column(column, justify="left" if column in columns[:2] else "right")
    for name, camera in result["cameras"].items():
        table.add_row(name, f"recorded ({camera['topic'].rsplit('/', 1)[-1]})", str(camera["frames"]),
                      str(camera["recorded_bytes"]), number(camera["recorded_bpp"]))  # fmt: skip
    for setting, name in itertools.product(result["settings"], result["cameras"]):
        t = setting["cameras"][name]
        table.add_row(
            name, setting["setting"], str(t["frames"]), str(t["payload_bytes"]), number(t["payload_bpp"]),
            number(t["bits_per_second"], ".0f"), "lossless" if t["lossless"] else number(t["psnr_db"], ".2f"),
            number(t["ms_ssim"], ".4f"), number(t["encode_ms"]["p50"], ".2f"), number(t["decode_ms"]["p50"], ".2f"),
            _arm(setting["action_error"], name),
        )  # fmt: skip
    for setting in result["settings"]:
        if "all" in setting["action_error"]:
            table.add_row("all cameras", setting["setting"], *[""] * 8, _rad(setting["action_error"]["all"]))
    console = Console()
    console = Console(width=max(console.width, WIDTH))  # a file takes lines of any length
    console.print(table)
    for name, camera in result["cameras"].items():
        notes = [
            f"{camera[key]} {text}"
            for key, text in (
                ("clock_jumps", "clock jumps: coded as separate recordings"),
                ("frames_out_of_order", "frames out of order, left out"),
                ("frames_skipped", f"frames left out: {camera['skipped_because']}"),
            )
            if camera[key]
        ]
        if notes:
            console.print(f"{name}: {'; '.join(notes)}")
    if result["unfinished"]:
        console.print("the recorder of this bag died or still runs: read is what it has written")
    for topic, reason in result["left_out"].items():
        console.print(f"{topic}: left out: {reason}")
    console.print(f"results: {folder}")


def _arm(errors: dict[str, Any], image: str) -> str:
    """The error with this camera alone decoded."""
    which = next((name for name in errors if name in image.split("/")), None)
    return "" if which is None else _rad(errors[which])


def _rad(error: dict[str, float]) -> str:
    return number(error["arm_rms_rad"], ".4f")
