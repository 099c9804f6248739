"""What a Gazebo trial needs on disk before anything starts: the world, and the bridge's parameter file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from embodiedcomp_eval.config import ConfigError, config_path
from embodiedcomp_eval.gazebo.bridge import bridge_yaml
from embodiedcomp_eval.gazebo.server import has_screen, server_command
from embodiedcomp_eval.gazebo.versions import Version, find_version
from embodiedcomp_eval.gazebo.world import WorldOptions, world_sdf
from embodiedcomp_eval.scene import OBJECTS, Scene, scene_of_seed


@dataclass(frozen=True)
class TrialFiles:
    """Where they lie, and the command that starts a server with them."""

    world: Path
    bridge: Path
    server: list[str]


def scene_for(seed: int, kind: str) -> Scene:
    """The scene of a seed with an object of that kind, ``seed``: its own. Raises ConfigError naming the kinds."""
    if kind != "seed" and kind not in OBJECTS:
        raise ConfigError(f"unknown object '{kind}'; choose from seed, {', '.join(OBJECTS)}")
    try:
        scene = scene_of_seed(seed)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return scene if kind == "seed" else dataclasses.replace(scene, object=kind)


def write_world(path: Path, version: Version, options: WorldOptions) -> None:
    """Write the SDF file, folders included."""
    text = world_sdf(version, options, config_path("robots", "ur5e").with_suffix(".urdf"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_trial_files(
    out: Path, gazebo: str, render_engine: str, seed: int, kind: str, real_time_factor: float, gui: bool
) -> TrialFiles:
    """Write both beside ``out``, into ``out``_world: the folder of the results must be empty or a trial's own.

    Raises ConfigError for an unknown release, engine or kind, before anything is written.
    """
    version = find_version(gazebo)
    options = WorldOptions(scene_for(seed, kind), render_engine, real_time_factor=real_time_factor)
    folder = out.with_name(f"{out.name}_world")
    world, bridge = folder / "world.sdf", folder / "gz_bridge.yaml"
    write_world(world, version, options)
    bridge.write_text(bridge_yaml(version), encoding="utf-8")
    return TrialFiles(world, bridge, server_command(version, world, render_engine, gui, has_screen()))
