"""What the releases of Gazebo call the same things."""

from __future__ import annotations

import re
from dataclasses import dataclass

from embodiedcomp_eval.config import ConfigError

RENDER_ENGINES = ("ogre2", "ogre")


@dataclass(frozen=True)
class Version:
    """One release of Gazebo.

    prefix: of a system's file name, ``PREFIX-NAME-system``. namespace: C++ namespace of the systems. messages: package of
    the message types. command, server: how the command line and the simulator are started. frame_tag: the element that
    names a sensor's frame. ros: the ROS 2 distribution it is paired with.
    """

    name: str
    prefix: str
    namespace: str
    messages: str
    command: tuple[str, ...]
    server: tuple[str, ...]
    frame_tag: str
    ros: str

    def plugin(self, system: str) -> tuple[str, str]:
        """(file name, class) of the system ``JointStatePublisher`` and its like, as ``<plugin>`` wants them."""
        file = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", system).lower()
        return f"{self.prefix}-{file}-system", f"{self.namespace}::systems::{system}"

    def message(self, name: str) -> str:
        """Full name of a message type."""
        return f"{self.messages}.{name}"


def _modern(name: str, ros: str) -> Version:
    return Version(name, "gz-sim", "gz::sim", "gz.msgs", ("gz",), ("gz", "sim"), "gz_frame_id", ros)


VERSIONS = {
    "fortress": Version(
        "fortress", "ignition-gazebo", "ignition::gazebo", "ignition.msgs", ("ign",), ("ign", "gazebo"),
        "ignition_frame_id", "humble",
    ),
    "harmonic": _modern("harmonic", "jazzy"),
    "ionic": _modern("ionic", "kilted"),
}  # fmt: skip


def find_version(name: str) -> Version:
    """The release of that name. Raises ConfigError naming the choices."""
    if name not in VERSIONS:
        raise ConfigError(f"unknown Gazebo version '{name}'; there are: {', '.join(VERSIONS)}")
    return VERSIONS[name]
