"""``embodiedcomp gazebo-world`` and ``gazebo-check``: the work cell for Gazebo, and whether it works there."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval.commands.console import complain, progress, show_table
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.gazebo.bridge import ENTRIES, bridge_yaml
from embodiedcomp_eval.gazebo.cell import Cell
from embodiedcomp_eval.gazebo.checking import (
    CAMERAS,
    Findings,
    check_camera,
    check_grasps,
    check_hold,
    check_topics,
)
from embodiedcomp_eval.gazebo.command_line import GazeboCommandLine, GazeboError, installed_version, server_release
from embodiedcomp_eval.gazebo.page import page
from embodiedcomp_eval.gazebo.scene_services import SceneServices
from embodiedcomp_eval.gazebo.server import Server
from embodiedcomp_eval.gazebo.trial_files import scene_for, write_world
from embodiedcomp_eval.gazebo.versions import VERSIONS, Version, find_version
from embodiedcomp_eval.gazebo.world import WorldOptions
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.scene import Scene
from embodiedcomp_policy.registry import make_arm
from embodiedcomp_policy.robot import load_robot

PATIENCE = 180.0
"""s of wall time for one thing to happen, on a machine that renders in software."""
RATE_SECONDS = 10.0


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("gazebo-world")(gazebo_world)
    app.command("gazebo-check")(gazebo_check)


def gazebo_world(
    gazebo: Annotated[str, typer.Option(help=f"Release: {', '.join(VERSIONS)}.")] = "harmonic",
    render_engine: Annotated[str, typer.Option(help="ogre2 or ogre.")] = "ogre2",
    seed: Annotated[int, typer.Option(help="Scene of this seed.")] = 10000,
    object: Annotated[str, typer.Option(help="Kind of object; 'seed': the seed's own.")] = "seed",
    image_size: Annotated[int, typer.Option(help="Of both cameras, px.")] = 256,
    camera_rate: Annotated[float, typer.Option(help="Hz of simulated time.")] = 10.0,
    real_time_factor: Annotated[float, typer.Option(help="Simulated over wall time at most; 0: no limit.")] = 1.0,
    out: Annotated[Path, typer.Option(help="The SDF file.")] = Path("results/gazebo/ur5e_lift.sdf"),
    bridge: Annotated[Path | None, typer.Option(help="Also write ros_gz_bridge's parameter file here.")] = None,
) -> int:
    """Write the work cell as an SDF world for one release of Gazebo."""
    version = find_version(gazebo)
    options = WorldOptions(scene_for(seed, object), render_engine, image_size, camera_rate, real_time_factor)
    write_world(out, version, options)
    rows = [("world", str(out)), ("scene", f"seed {seed}: {options.scene.object}, {options.scene.table}")]
    if bridge is not None:
        bridge.parent.mkdir(parents=True, exist_ok=True)
        bridge.write_text(bridge_yaml(version), encoding="utf-8")
        rows.append(("bridge", str(bridge)))
    show_table(f"Gazebo {version.name.capitalize()}", rows)
    return 0


def gazebo_check(
    gazebo: Annotated[str, typer.Option(help="Release; default: the one that is installed.")] = "",
    render_engine: Annotated[str, typer.Option(help="ogre2 or ogre.")] = "ogre2",
    object: Annotated[str, typer.Option(help="Kind of object; 'seed': each seed's own.")] = "cube",
    seed: Annotated[int, typer.Option(help="The first of the grasps' seeds.")] = 10000,
    grasps: Annotated[int, typer.Option(help="How many scripted grasps.")] = 10,
    cameras: Annotated[bool, typer.Option(help="Look at the cameras' pictures.")] = True,
    out: Annotated[Path, typer.Option(help="Folder of world, log, pictures and results.")] = Path("results/gazebo"),
    results_page: Annotated[
        Path | None, typer.Option(help="Also write a page for people, pictures and record beside it.")
    ] = None,
) -> int:
    """Start the world in a server without a window and check it: load, hold, cameras, grasps, reset, speed. Minutes."""
    version = find_version(gazebo) if gazebo else installed_version()
    if version is None:
        raise ConfigError("no Gazebo on the PATH (neither 'gz' nor 'ign'): see docs/how-to/gazebo.md")
    if grasps < 0:
        raise ConfigError(f"grasps must be 0 or more, not {grasps}")
    scenes = [scene_for(seed + number, object) for number in range(max(grasps, 1))]
    options = WorldOptions(scenes[0], render_engine, real_time_factor=0.0)
    write_world(out / f"{version.name}.sdf", version, options)
    try:
        with partition(), Server(version, out / f"{version.name}.sdf", render_engine, out / "server.log") as server:
            kind = None if object == "seed" else object
            try:
                found = run_checks(server, version, options, kind, scenes[:grasps], out if cameras else None)
            except GazeboError:
                server.check_alive()  # a server that has ended is the better reason
                raise
    except GazeboError as error:
        complain(f"embodiedcomp: {error}")
        return 1
    evidence = record(version, render_engine, found)
    (out / "gazebo.json").write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")
    if results_page is not None:
        write_page(results_page, out, evidence)
    rows = [(f"{'ok  ' if findings.passed else 'FAIL'} {findings.name}", findings.text) for findings in found]
    show_table(f"Gazebo {version.name.capitalize()}", [*rows, ("written to", str(out))])
    return 0 if all(findings.passed for findings in found) else 1


def write_page(path: Path, out: Path, evidence: dict[str, Any]) -> None:
    """The page, and beside it a folder of its name with the record and the pictures of ``out``."""
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [out / f"{camera}.png" for camera in CAMERAS if (out / f"{camera}.png").exists()]
    for file in (out / "gazebo.json", *pictures):
        shutil.copy(file, folder / file.name)
    shown = [f"![{file.stem}]({folder.name}/{file.name})" for file in pictures]
    path.write_text(page(evidence, shown), encoding="utf-8")


def run_checks(
    server: Server,
    version: Version,
    options: WorldOptions,
    kind: str | None,
    scenes: list[Scene],
    pictures: Path | None,
) -> list[Findings]:
    """Every check in turn. kind: of every object, None: each seed's own. scenes: to grasp in. pictures: folder, if any."""
    robot = load_robot("ur5e")
    arm = make_arm(robot)
    gazebo = GazeboCommandLine(version)
    wait_for(server, gazebo)
    cell = Cell(gazebo, SceneServices(gazebo, options.scene.seed, kind), robot, PATIENCE)
    found = []
    with progress() as bar:
        row = bar.add_task("checks", total=3 + len(CAMERAS) * (pictures is not None) + len(scenes))

        def add(findings: Findings) -> None:
            found.append(findings)
            bar.advance(row)

        add(check_topics(cell))
        rate = cell.clock_rate(RATE_SECONDS)
        load = os.getloadavg()[0]
        seen = "both cameras running" if pictures is not None else "cameras not read"
        text = f"{rate:.2f}, {seen}, no limit set, load average of the machine {load:.1f}"
        add(Findings("real-time factor", rate > 0, text, {"factor": rate, "load": load}))
        add(check_hold(cell))
        cell.reset(options.scene)
        if pictures is not None:
            for camera in CAMERAS:
                found_here, shot = check_camera(
                    cell, camera, options.scene, arm, options.image_size, options.camera_rate
                )
                save_picture(shot.pixels, pictures / f"{camera}.png")
                add(found_here)
        if scenes:
            found.extend(check_grasps(cell, scenes, arm, lambda _: bar.advance(row)))
    errors = server.complaints()
    return [Findings("no error line from the server", not errors, "; ".join(errors[:3]) or "none"), *found]


def wait_for(server: Server, gazebo: GazeboCommandLine) -> None:
    """Until the world's topics are there. Raises GazeboError where the server ends or says nothing in time."""
    wanted = {entry.gazebo for entry in ENTRIES if entry.direction == "GZ_TO_ROS"}
    deadline = time.monotonic() + PATIENCE
    while missing := wanted - gazebo.topics():
        server.check_alive()
        if time.monotonic() > deadline:
            raise GazeboError(
                f"after {PATIENCE:g} s the server publishes no {', '.join(sorted(missing))}: see {server.log}"
            )


@contextmanager
def partition() -> Iterator[None]:
    """Topics of our own, on this host alone: another simulation beside ours hears nothing of it."""
    names = ("GZ_PARTITION", "IGN_PARTITION", "GZ_IP", "IGN_IP")
    before = {name: os.environ.get(name) for name in names}
    own = f"embodiedcomp_{os.getpid()}"
    os.environ.update({"GZ_PARTITION": own, "IGN_PARTITION": own, "GZ_IP": "127.0.0.1", "IGN_IP": "127.0.0.1"})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def save_picture(pixels: Any, path: Path) -> None:
    """As PNG."""
    from PIL import Image

    Image.fromarray(pixels).save(path)


def record(version: Version, render_engine: str, found: list[Findings]) -> dict[str, Any]:
    """Everything that was found, and by what."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "gazebo": version.name,
        "server": server_release(version),
        "command": " ".join(["embodiedcomp", *sys.argv[1:]]),
        "render_engine": render_engine,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "facts": provenance(),
        "checks": [dataclasses.asdict(findings) for findings in found],
    }
