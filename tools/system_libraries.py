"""The system libraries that rendering without a screen needs: tried out, installed where we may, else named."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

PROBE = """
import cv2, mujoco
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='.1'/></worldbody></mujoco>")
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer = mujoco.Renderer(model, 16, 16)
renderer.update_scene(data)
assert renderer.render().shape == (16, 16, 3)
"""
INSTALLERS = {
    # First choice software rendering with OSMesa; newer Mesa has dropped it, EGL's software device serves there.
    "apt-get": (
        ["apt-get", "install", "-y", "--no-install-recommends", "libosmesa6", "libgl1", "libglib2.0-0"],
        ["apt-get", "install", "-y", "--no-install-recommends", "libegl1", "libgl1-mesa-dri", "libgl1", "libglib2.0-0"],
    ),
    "dnf": (
        ["dnf", "install", "-y", "mesa-libOSMesa", "mesa-libGL", "glib2"],
        ["dnf", "install", "-y", "mesa-libEGL", "mesa-dri-drivers", "mesa-libGL", "glib2"],
    ),
    "pacman": (["pacman", "-S", "--noconfirm", "mesa", "glib2"],),
}


def working_renderer(python: Path) -> str | None:
    """The MUJOCO_GL backend that draws a picture on this machine, the user's own choice first."""
    chosen = os.environ.get("MUJOCO_GL")
    for backend in [chosen] if chosen else ["osmesa", "egl"]:
        environment = os.environ | {"MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend}
        try:
            tried = subprocess.run(
                [python, "-c", PROBE], env=environment, capture_output=True, timeout=120, check=False
            )
        except subprocess.TimeoutExpired:
            continue
        if tried.returncode == 0:
            return backend
    return None


def administrator() -> list[str] | None:
    """How to run a command as root without asking for a password: [] as root, ["sudo", "-n"], or None."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and not subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode:
        return ["sudo", "-n"]
    return None


def provide(python: Path, say: Callable[[str], None]) -> str | None:
    """See to a working renderer. Returns what the user has to do, in one line, or None if all is well."""
    backend = working_renderer(python)
    tool = next((name for name in INSTALLERS if shutil.which(name)), None)
    root = administrator()
    if backend is None and tool is not None and root is not None:
        if tool == "apt-get":
            subprocess.run(
                [*root, "apt-get", "update", "-qq"], stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
        for command in INSTALLERS[tool]:
            say(f"installing libraries for rendering: {' '.join(command)}")
            environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(
                [*root, *command], env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
            backend = working_renderer(python)
            if backend is not None:
                break
    if backend is not None:
        say(f"rendering without a screen works (MUJOCO_GL={backend})")
        return None
    command = " ".join(INSTALLERS[tool][0]) if tool else "your package manager, for OSMesa or EGL, libGL and GLib"
    return f"no renderer works without a screen; install one and run again: sudo {command}"
