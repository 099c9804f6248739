"""Point the ROS wheels' CMake files at this interpreter; they name the folders of the machine that built them.

.venv/bin/python tools/fix_cmake_prefixes.py .venv
"""

from __future__ import annotations

import re
import sys
import sysconfig
from pathlib import Path

import numpy

BUILDER = r"/opt/python/cp\d+-cp\d+"


def fixed(text: str) -> str:
    """``text`` of a CMake file with the builder's folders replaced by ours."""
    paths = sysconfig.get_paths()
    text = re.sub(BUILDER + r"/include/python3\.\d+", paths["include"], text)
    text = re.sub(BUILDER + r"/lib/python3\.\d+/site-packages/numpy/_?core/include", numpy.get_include(), text)
    return re.sub(BUILDER + r"/lib/python3\.\d+/site-packages", paths["purelib"], text)


def main() -> None:
    count = 0
    for path in sorted(Path(sys.argv[1], "share").rglob("*.cmake")):
        text = path.read_text()
        if fixed(text) != text:
            path.write_text(fixed(text))
            count += 1
    print(f"{count} CMake files fixed")


if __name__ == "__main__":
    main()
