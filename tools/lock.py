"""Print requirements/lock.txt: the versions of all that requirements/*.txt need, as installed in this environment.

.venv/bin/python tools/lock.py > requirements/lock.txt
"""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).resolve().parent.parent / "requirements"


def asked() -> list[Requirement]:
    """Every line of the requirement files."""
    lines = [
        line.split("#")[0].strip()
        for path in sorted(FOLDER.glob("*.txt"))
        if path.name != "lock.txt"
        for line in path.read_text().splitlines()
    ]
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def closure(queue: list[Requirement]) -> dict[str, str]:
    """name -> installed version, for ``queue`` and all that it pulls in on this machine."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        for extra in ["", *sorted(requirement.extras)]:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                installed = distribution(requirement.name)
            except PackageNotFoundError:
                sys.exit(f"{requirement} is not installed; install it first: pip install '{requirement}'")
            found[name] = installed.version
            needs = [Requirement(line) for line in installed.requires or []]
            queue += [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]
    return found


def main() -> None:
    print("# Every version that `make` installs (pip's constraints file). Written by tools/lock.py on Python", end=" ")
    print(f"{platform.python_version()}, {sys.platform} {platform.machine()}.")
    for name, version in sorted(closure(asked()).items()):
        print(f"{name}=={version}")


if __name__ == "__main__":
    main()
