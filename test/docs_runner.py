"""Runs the commands of a page of the documentation, every one, in their order, as a reader would.

    make docs-test [ARGS="PAGE.md WORDS OF A HEADING"]

A shell gets each line as it stands. Commands that stay (nodes, launch files) go on in the background until the page ends; the
next line comes when they say that they are ready. Where ROS 2's command-line tools are missing, ``ros2`` is test/ros2_double.py.
Before the page, its reader's own things are put there: a bag ``my_bag``, cameras and joint states on the page's topics.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bag_examples import PERIOD, START, image, joint_state, picture, put
from interfaces import ROOT

from embodiedcomp_eval.bags.writer import BagWriter
from ros_harness import Process, Processes, reserved_domain

CAMERAS = ("/my_camera/image_raw", "/base/image_raw", "/wrist/image_raw")
STAYS = {
    ("run", "encoder"): "ready", ("run", "decoder"): "ready", ("launch", "robot.launch.py"): "ready",
    ("launch", "record.launch.py"): "recording into",
}  # fmt: skip
"""(what ros2 does, with what) -> what it says once it is there."""
ENDLESS = {("topic", "bw"), ("topic", "echo"), ("topic", "hz")}
"""With the real tool they go on; having printed is enough."""
LONGEST = 1800.0


def lines(page: Path, heading: str = "") -> list[str]:
    """The commands of a page, or of those of its sections whose heading begins so; continued lines joined."""
    sections = re.split(r"^(?=## )", page.read_text(), flags=re.MULTILINE)
    chosen = [section for section in sections if not heading or section.startswith(f"## {heading}")]
    blocks = [block for section in chosen for block in re.findall(r"```bash\n(.*?)```", section, re.DOTALL)]
    return [
        line for block in blocks for line in block.replace("\\\n", " ").splitlines() if shlex.split(line, comments=True)
    ]


class Runner:
    """A reader with a shell. folder: where the commands are typed."""

    def __init__(self, folder: Path, processes: Processes, shims: Path) -> None:
        self._folder, self._processes = folder, processes
        self.environment = {"PATH": f"{shims}:{os.environ['PATH']}", "PYTHONPATH": _path()}
        self._real = shutil.which("ros2") is not None
        if not self._real:
            shim = shims / "ros2"
            shim.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "test/ros2_double.py"} "$@"\n')
            shim.chmod(0o755)

    def prepare(self) -> None:
        """What the reader has: a bag of their own, and cameras that run."""
        if not (self._folder / "my_bag").exists():
            with BagWriter(self._folder / "my_bag") as writer:
                for index in range(12):
                    stamp_ns = START + index * PERIOD
                    put(writer, "/joint_states", stamp_ns, joint_state(stamp_ns, 0.0))
                    for camera in ("base", "wrist"):
                        put(writer, f"/{camera}/image_raw", stamp_ns, image(stamp_ns, picture(index, 256, 256)))
        double = [sys.executable, str(ROOT / "test/cameras_double.py"), *CAMERAS]
        self._processes.command(double, self.environment).wait_for("cameras there")

    def run(self, line: str) -> str:
        """One command; returns what it printed, of one that stays until it was ready. Fails with that output."""
        words = shlex.split(line, comments=True)
        key = (words[1], words[3]) if words[0] == "ros2" and len(words) > 3 else ("", "")
        command = ["bash", "-c", f"cd {shlex.quote(str(self._folder))}; . {ROOT}/tools/env.sh; {line}"]
        ready = STAYS.get(key) if "--show-args" not in words else None
        process: Process = self._processes.command(command, self.environment)
        if ready:
            process.wait_for(ready, 120)
            return process.output
        if self._real and tuple(words[1:3]) in ENDLESS:
            process.wait_for(".", 20)
            return process.output
        status = process.wait(LONGEST)
        wanted = (0, 1) if "doctor" in words else (0,)  # 1: it found something
        if status not in wanted:
            sys.exit(f"{line}\nended with status {status}:\n{process.output}")
        return process.output


def _path() -> str:
    return os.pathsep.join(filter(None, [str(ROOT / "test"), os.environ.get("PYTHONPATH", "")]))


def main(arguments: list[str]) -> None:
    page = Path(arguments[0]) if arguments else ROOT / "docs" / "tutorial.md"
    chosen = lines(page, " ".join(arguments[1:]))
    shutil.rmtree(ROOT / "results" / "tutorial", ignore_errors=True)
    shutil.rmtree(ROOT / "results" / "mine", ignore_errors=True)
    processes = Processes()
    with reserved_domain() as domain, tempfile.TemporaryDirectory() as shims:
        os.environ |= {"ROS_DOMAIN_ID": str(domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
        try:
            runner = Runner(ROOT, processes, Path(shims))
            runner.prepare()
            for number, line in enumerate(chosen, 1):
                print(f"[{number}/{len(chosen)}] {line}", flush=True)
                started = time.monotonic()
                runner.run(line)
                print(f"    done, {time.monotonic() - started:.0f} s", flush=True)
        finally:
            processes.stop_all()
            shutil.rmtree(ROOT / "my_bag", ignore_errors=True)
    print(f"{page.name}: all {len(chosen)} commands ran")


if __name__ == "__main__":
    main(sys.argv[1:])
