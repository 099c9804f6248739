"""``embodiedcomp decode``: the image topics of a rosbag2 as PNG files, lossless video, or a LeRobot dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from embodiedcomp_eval.commands.console import camera_pair
from embodiedcomp_eval.config import ConfigError

DATASET = "lerobot"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(decode)


def decode(
    bag: Annotated[Path, typer.Argument(help="A rosbag2: its folder, or one .mcap or .db3 file.")],
    kind: Annotated[
        str,
        typer.Option(help="pictures (PNG), video (FFV1, lossless), or lerobot (a dataset with joints and actions)."),
    ] = "pictures",
    topic: Annotated[
        list[str], typer.Option(help="Image topic; may be repeated.", show_default="each camera's rawest")
    ] = [],  # noqa: B006
    camera: Annotated[
        list[str], typer.Option(help="lerobot: NAME=TOPIC of a camera; may be repeated.", show_default="from the topic")
    ] = [],  # noqa: B006
    rate: Annotated[
        int | None, typer.Option(min=1, help="lerobot: rows a second.", show_default="the first camera's")
    ] = None,
    joints: Annotated[str, typer.Option(help="lerobot: joint state topic.", show_default="found by type")] = "",
    commands: Annotated[
        str, typer.Option(help="lerobot: trajectories that are the actions.", show_default="the controller's, if there")
    ] = "",
    robot: Annotated[str, typer.Option(help="lerobot: name in config/robots, or a YAML file.")] = "ur5e",
    instruction: Annotated[str, typer.Option(help="lerobot: what the policy is told.")] = "Pick up the object",
    out: Annotated[Path | None, typer.Option(help="Folder of the results.", show_default="results/decode-BAG")] = None,
) -> int:
    """Decode a bag's image topics (raw, JPEG, PNG, ours, video) with the live decoder."""
    from embodiedcomp_eval.bags.export import SINKS, export

    folder = out or Path("results") / f"decode-{bag.resolve().stem}"
    console = Console(soft_wrap=True)
    if kind not in (*SINKS, DATASET):
        raise ConfigError(f"unknown kind {kind!r}; choose from {', '.join((*SINKS, DATASET))}")
    if kind != DATASET:
        for done in export(bag, folder, kind, topic):
            if done.path is None:
                console.print(f"{done.topic}: left out: {done.problem or 'no message'}")
                continue
            left_out = f"; {done.skipped} messages gave no picture: {done.problem}" if done.skipped else ""
            console.print(f"{done.topic}: {done.frames} frames in {done.path}{left_out}")
        return 0
    from embodiedcomp_eval.bags.dataset import DatasetConfig, make_dataset
    from embodiedcomp_policy.robot import load_robot

    cameras = dict(camera_pair(text) for text in camera)
    made = make_dataset(
        DatasetConfig(bag, folder, load_robot(robot), instruction, rate, tuple(topic), cameras, joints, commands)
    )
    for name, source in made.cameras.items():
        console.print(f"observation.images.{name}: {source}")
    console.print(f"action: {'the commands sent' if made.commanded else 'the joint state one row later (no commands)'}")
    console.print(
        f"{made.path}: {made.episodes} episodes, {made.rows} rows at {made.rate} Hz; {made.held} pictures held for want of "
        f"a newer one, {made.skipped} messages gave no picture"
    )
    return 0
