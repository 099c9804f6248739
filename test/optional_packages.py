"""Builds the message packages that the suite speaks to but doesn't need, each once for as long as its definition stays."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parent / "optional_interfaces"
BUILD = "import sys; from colcon_core.command import main; sys.exit(main())"


@pytest.fixture(scope="session")
def optional_packages(pytestconfig: pytest.Config) -> dict[str, str]:
    """Environment of a process that finds ``ffmpeg_image_transport_msgs``, ``foxglove_msgs`` and ``tf2_msgs``."""
    files = sorted(path for path in SOURCES.rglob("*") if path.is_file() and path.name != "COLCON_IGNORE")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    assert pytestconfig.cache is not None, "the cache plugin comes with pytest"
    folder = pytestconfig.cache.mkdir(f"optional_interfaces_{digest}")
    if not (folder / "built").exists():
        shutil.rmtree(folder / "src", ignore_errors=True)
        shutil.copytree(SOURCES, folder / "src", ignore=shutil.ignore_patterns("COLCON_IGNORE"))
        options = ["--cmake-args", "-DBUILD_TESTING=OFF", f"-DPython3_EXECUTABLE={sys.executable}"]
        command = [sys.executable, "-c", BUILD, "build", "--base-paths", "src", *options]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
        (folder / "built").touch()
    prefixes = sorted(path for path in (folder / "install").iterdir() if (path / "share").is_dir())
    python = Path("lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
    return {
        name: os.pathsep.join([*map(str, paths), os.environ.get(name, "")])
        for name, paths in (
            ("AMENT_PREFIX_PATH", prefixes),
            ("LD_LIBRARY_PATH", [prefix / "lib" for prefix in prefixes]),
            ("PYTHONPATH", [prefix / python for prefix in prefixes]),
        )
    }
