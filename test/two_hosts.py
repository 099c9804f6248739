"""Two hosts on one machine: network namespaces on a switch that passes no multicast. Needs root and the tool ``ip``."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

HOSTS = ("robot", "remote")
ADDRESSES = {"robot": "10.77.0.1", "remote": "10.77.0.2"}


def why_not() -> str:
    """Why this machine can't have two hosts; empty if it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "no tool `ip` (iproute2)"
    probe = f"probe{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"ip netns add: {made.stderr.strip()}"
    ip("netns", "delete", probe)
    return ""


def ip(*words: str) -> None:
    """Run ``ip``; its complaint becomes the exception's."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class TwoHosts:
    """A context manager: the namespaces, joined by a third one that is to run the switch."""

    def __init__(self) -> None:
        self._names = {name: f"{name}{os.getpid()}" for name in (*HOSTS, "switch")}

    def __enter__(self) -> TwoHosts:
        try:
            for name in self._names.values():
                ip("netns", "add", name)
                ip("-n", name, "link", "set", "lo", "up")
            for host in HOSTS:
                near, far = self._names[host], self._names["switch"]
                ip("link", "add", "wire", "netns", near, "type", "veth", "peer", "name", host, "netns", far)
                ip("-n", near, "address", "add", f"{ADDRESSES[host]}/24", "dev", "wire")
                ip("-n", near, "link", "set", "wire", "up")
                ip("-n", far, "link", "set", host, "up")
        except RuntimeError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._names.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def on(self, host: str, command: list[str]) -> list[str]:
        """The command line that runs ``command`` on ``host``."""
        return ["ip", "netns", "exec", self._names[host], *command]

    def plug(self, host: str, plugged: bool) -> None:
        """Pull the host's cable, or put it back: its interface loses or finds the carrier."""
        ip("-n", self._names["switch"], "link", "set", host, "up" if plugged else "down")

    def switch(self, python: str, capture: Path, rate: float) -> list[str]:
        """The switch's command line. capture: pcap file of what crosses; rate: bit/s in either direction."""
        script = str(Path(__file__).with_name("switch.py"))
        return self.on("switch", [python, script, *HOSTS, str(capture), str(rate)])
