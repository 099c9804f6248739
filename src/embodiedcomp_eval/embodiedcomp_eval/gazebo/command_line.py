"""Gazebo's command line (``gz`` or ``ign``): lists and echoes topics, publishes, calls services.

It is what every installation of Gazebo has, whatever its release; ros_gz_bridge carries no service that moves a model.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

from embodiedcomp_eval.gazebo.text_format import Message, TextFormatError, messages, parse, render
from embodiedcomp_eval.gazebo.versions import VERSIONS, Version

LONGEST_ARGUMENT = 120_000
"""Characters: Linux takes 131,072 in one argument."""
TRIES = 3
"""Each command is a program that looks for the server anew: on a busy machine it fails now and then."""
TIMED_OUT = "timed out"


class GazeboError(Exception):
    """Gazebo isn't there, or did not do what it was asked; one line."""


def installed_version() -> Version | None:
    """The release whose command line is found on the PATH; the newer of two. Harmonic and Ionic answer alike."""
    if shutil.which("gz"):
        asked = subprocess.run(["gz", "sim", "--versions"], capture_output=True, text=True, check=False, timeout=20)
        return VERSIONS["harmonic" if asked.stdout.startswith("8") else "ionic"]
    return VERSIONS["fortress"] if shutil.which("ign") else None


def server_release(version: Version) -> str:
    """The simulator's own version, such as 6.7.0. Raises GazeboError where it doesn't say."""
    asked = subprocess.run([*version.server, "--versions"], capture_output=True, text=True, check=False, timeout=20)
    lines = asked.stdout.split()
    if asked.returncode or not lines:
        raise GazeboError(f"{' '.join(version.server)} --versions ended with status {asked.returncode}, said nothing")
    return lines[0]


class GazeboCommandLine:
    """Talks to whatever server the environment (``GZ_PARTITION`` and its like) leads to."""

    def __init__(self, version: Version, timeout: float = 5.0) -> None:
        self._version, self._timeout = version, timeout
        if shutil.which(version.command[0]) is None:
            raise GazeboError(
                f"Gazebo {version.name.capitalize()} is not on the PATH: there is no command '{version.command[0]}'"
            )

    @property
    def version(self) -> Version:
        return self._version

    def topics(self) -> set[str]:
        """Every topic that somebody publishes."""
        return set(self._run("topic", "-l").split())

    def services(self) -> set[str]:
        """Every service that somebody offers."""
        return set(self._run("service", "-l").split())

    def topic_types(self, topic: str) -> set[str]:
        """Message types (full names) that are published on a topic."""
        words = self._run("topic", "-i", "-t", topic).replace(",", " ").split()
        return {word for word in words if word.startswith(self._version.messages + ".")}

    def call(self, service: str, request_type: str, reply_type: str, request: Mapping[str, Any]) -> Message:
        """Call a service and return its reply. Raises GazeboError where nobody answers or the answer is a false Boolean."""
        text = render(request)
        for _ in range(TRIES):
            printed = self._run(
                "service", "-s", service, "--reqtype", self._version.message(request_type),
                "--reptype", self._version.message(reply_type), "--timeout", str(round(self._timeout * 1e3)),
                "--req", text,
            )  # fmt: skip
            if TIMED_OUT not in printed:
                break
        reply = self._parsed(printed, service)
        if reply_type == "Boolean" and reply.get("data") is not True:
            raise GazeboError(f"{service} answered {printed.strip() or 'nothing'!r} to {text[:120]!r}")
        return reply

    def publish(self, topic: str, message_type: str, message: Mapping[str, Any]) -> None:
        """Publish one message; it is heard by whoever subscribes already. Raises GazeboError for one that is too long."""
        text = render(message)
        if len(text) > LONGEST_ARGUMENT:
            raise GazeboError(f"a message of {len(text)} characters for {topic} is too long for a command line")
        self._run("topic", "-t", topic, "-m", self._version.message(message_type), "-p", text)

    def echo(self, topic: str, count: int = 1, timeout: float | None = None) -> list[Message]:
        """The next ``count`` messages of a topic. Raises GazeboError if they don't come in time."""
        printed = self._run("topic", "-e", "-t", topic, "-n", str(count), timeout=timeout)
        try:
            found = list(messages(iter(printed.splitlines(keepends=True))))
        except TextFormatError as error:
            raise GazeboError(f"{topic}: {error}") from error
        if len(found) < count:
            raise GazeboError(f"{topic}: {len(found)} messages instead of {count}")
        return found

    def _parsed(self, printed: str, what: str) -> Message:
        if TIMED_OUT in printed or "not found" in printed:
            raise GazeboError(f"{what}: {' '.join(printed.split())}")
        try:
            return parse(printed)
        except TextFormatError as error:
            raise GazeboError(f"{what} answered {' '.join(printed.split())!r}") from error

    def _run(self, *words: str, timeout: float | None = None) -> str:
        limit = timeout or self._timeout + 5.0
        command = [*self._version.command, *words]
        for _ in range(TRIES):
            try:
                ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit)
            except subprocess.TimeoutExpired as error:
                raise GazeboError(f"no answer within {limit:g} s from: {' '.join(command)[:160]}") from error
            if ended.returncode == 0:
                return ended.stdout
        said = " ".join(ended.stderr.split())[:200]
        raise GazeboError(f"{' '.join(command)[:160]} ended with status {ended.returncode}: {said}")
