"""A gz-sim server of our own, without a window: started with a world, its log kept, gone when the caller is done."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from types import TracebackType

from embodiedcomp_eval.gazebo.command_line import GazeboError
from embodiedcomp_eval.gazebo.versions import Version

COMPLAINT = re.compile(r"\[Err\]|\[Error\]|\berror:|Error Code", re.IGNORECASE)
BESIDE = re.compile(r"libignition-tools-backward\.so")
"""Debian's ``ign`` says at each start that it has no such library for prettier stack traces; no word of the server's."""
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def has_screen() -> bool:
    """Whether an X server is named in the environment."""
    return bool(os.environ.get("DISPLAY"))


def server_command(version: Version, world: Path, render_engine: str, gui: bool, has_screen: bool) -> list[str]:
    """How to start it, playing. ogre2 renders without a screen; ogre needs one, and without a window Xvfb lends it one."""
    if gui:
        return [*version.server, "-r", str(world)]
    command = [*version.server, "-s", "-r", "-v", "2"]
    if render_engine == "ogre2":
        command.append("--headless-rendering")
    elif not has_screen:
        command = ["xvfb-run", "-a", "-s", "-screen 0 1024x768x24", *command]
    return [*command, str(world)]


def complaints(log: str) -> list[str]:
    """The lines of a server's log that report an error."""
    lines = ANSI.sub("", log).splitlines()
    return [line for line in lines if COMPLAINT.search(line) and not BESIDE.search(line)]


class Server:
    """Use as a context manager. log: file of everything that it says."""

    def __init__(self, version: Version, world: Path, render_engine: str, log: Path) -> None:
        self._command = server_command(version, world, render_engine, False, has_screen())
        self.log = log
        if shutil.which(self._command[0]) is None:
            raise GazeboError(f"no command '{self._command[0]}' on the PATH: {' '.join(self._command)}")

    def __enter__(self) -> Server:
        self._file = self.log.open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            self._command, stdout=self._file, stderr=subprocess.STDOUT, start_new_session=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for way in (signal.SIGINT, signal.SIGKILL):
            if self._process.poll() is None:
                os.killpg(self._process.pid, way)
            try:
                self._process.wait(timeout=15)
                break
            except subprocess.TimeoutExpired:
                continue
        self._file.close()

    def check_alive(self) -> None:
        """Raises GazeboError with the log's last line if the server has ended."""
        if self._process.poll() is not None:
            lines = [line for line in self.log.read_text(encoding="utf-8").splitlines() if line.strip()]
            raise GazeboError(f"the server ended with status {self._process.returncode}: {lines[-1] if lines else ''}")

    def complaints(self) -> list[str]:
        """Error lines so far."""
        return complaints(self.log.read_text(encoding="utf-8"))
