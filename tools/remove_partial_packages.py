"""Remove the records of packages whose installation was cut off, so that pip installs them again.

    .venv/bin/python tools/remove_partial_packages.py

pip takes a package for installed as soon as its METADATA is there; it writes INSTALLER after all the files.
"""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path


def partial(record: Path) -> bool:
    """Whether ``record``, a .dist-info folder, stands for a package that isn't all there."""
    listing = record / "RECORD"
    if not listing.is_file() or not (record / "INSTALLER").is_file():
        return True
    names = (line.rsplit(",", 2)[0].strip('"') for line in listing.read_text().splitlines() if line)
    return any(not (record.parent / name).exists() for name in names if not name.endswith(".pyc"))


def main() -> None:
    site = Path(sysconfig.get_paths()["purelib"])
    for record in sorted(site.glob("*.dist-info")):
        if partial(record):
            print(f"half-installed, to be installed again: {record.name}")
            shutil.rmtree(record)
    for leftover in site.glob("~*"):  # what pip had set aside while replacing a package
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


if __name__ == "__main__":
    main()
