"""Make this checkout runnable: virtual environment, pinned packages, a headless renderer, and `colcon build`.

    python3 tools/setup_workspace.py      (every `make` verb calls it first)

Standard library only, since it runs before anything is installed. Each step leaves a stamp when it has finished, which
holds a digest of all that the step depends on: a second run finds every stamp current and does nothing, an interrupted
run goes on where it stopped. With a ROS 2 installation sourced, that ROS is used in place of the wheels.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import select
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import system_libraries

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / ".set-up"
LOG = ROOT / "log" / "set-up.log"
PYTHONS = ((3, 11), (3, 12))
"""Versions for which every pinned package has a wheel."""
PACKAGES = ("embodiedcomp_codec", "embodiedcomp_policy", "embodiedcomp_eval")
DISK_BYTES = 11 * 10**9
HEARTBEAT = 15.0
"""Longest silence while a step runs, s."""


class SetupError(Exception):
    """What the user has to do, in one line."""


def say(text: str) -> None:
    print(f"set-up: {text}", flush=True)


def clean_environment() -> dict[str, str]:
    """The caller's environment without what would lead the venv's own interpreter astray."""
    hidden = ("PYTHONHOME", "VIRTUAL_ENV") if installed_ros() else ("PYTHONHOME", "VIRTUAL_ENV", "PYTHONPATH")
    kept = {key: value for key, value in os.environ.items() if key not in hidden}
    return kept | {"PYTHONNOUSERSITE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1"}


def run(what: str, *command: str | Path) -> None:
    """Run ``command`` with its output in the log and a line now and then, or raise with the lines that say why not."""
    LOG.parent.mkdir(exist_ok=True)
    start = told = time.monotonic()
    errors: list[str] = []
    with LOG.open("ab") as log:
        log.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        log.flush()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdout is not None
        try:
            while True:
                if select.select([process.stdout], [], [], HEARTBEAT)[0]:
                    line = process.stdout.readline()
                    if not line:
                        break
                    log.write(line)
                    text = line.decode(errors="replace").strip()
                    if text.startswith(("ERROR:", "CMake Error")) or " error: " in text:
                        errors.append(text)
                if time.monotonic() - told > HEARTBEAT:
                    told = time.monotonic()
                    say(f"  {what} ... {told - start:.0f} s")
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.wait() != 0:
        shown = "".join(f"\n  {line[:300]}" for line in errors[:5])
        raise SetupError(
            f"{what} failed (exit status {process.returncode}), full log in {LOG.relative_to(ROOT)}{shown}"
        )


def installed_ros() -> bool:
    """A ROS 2 installation is sourced in this shell (the wheels' own prefix doesn't count)."""
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    outside = [prefix for prefix in prefixes if ROOT not in prefix.parents and (prefix / "share" / "rclpy").is_dir()]
    return "ROS_DISTRO" in os.environ and bool(outside)


def version_of(python: str | Path) -> tuple[int, int] | None:
    """(major, minor) of an interpreter that starts, else None (pyenv leaves commands that don't)."""
    asked = subprocess.run(
        [str(python), "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=False
    )
    if asked.returncode != 0:
        return None
    major, minor = asked.stdout.split()
    return int(major), int(minor)


def find_python() -> str:
    """An interpreter to build the venv from: $PYTHON, else the first usable one on the PATH."""
    wanted = [os.environ["PYTHON"]] if os.environ.get("PYTHON") else []
    names = wanted or (["python3"] if installed_ros() else ["python3.11", "python3.12", "python3"])
    seen = []
    for name in names:
        path = shutil.which(name)
        version = version_of(path) if path else None
        if path and version in PYTHONS:
            if subprocess.run([path, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode:
                dotted = ".".join(map(str, version))
                raise SetupError(f"{path} lacks the venv module; install it: sudo apt-get install python{dotted}-venv")
            return path
        seen.append(f"{name}: {'.'.join(map(str, version)) if version else 'not found'}")
    raise SetupError(
        f"needs Python 3.11 or 3.12 ({', '.join(seen)}); install one or name it: make setup PYTHON=/path/to/python3.11"
    )


def check_machine() -> None:
    """What can't be installed from here."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        raise SetupError(f"runs on Linux on x86_64 or aarch64, this is {sys.platform} on {platform.machine()}")
    compiler = os.environ.get("CXX", "").split()[:1] or ["g++", "c++", "clang++"]
    if not any(shutil.which(name) for name in compiler):
        raise SetupError(
            f"needs a C++ compiler ({', '.join(compiler)} not found); install one: sudo apt-get install g++"
        )
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    if not headers.exists():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupError(
            f"needs Python's headers ({headers} not found); install them: sudo apt-get install python{version}-dev"
        )
    free = shutil.disk_usage(ROOT).free
    if not stamp("packages").exists() and not (VENV / "share" / "rclpy").exists() and free < DISK_BYTES:
        raise SetupError(f"needs {DISK_BYTES / 1e9:.0f} GB free at {ROOT}, there are {free / 1e9:.1f} GB")


def requirement_files() -> list[Path]:
    names = ("policy", "eval", "dev") if installed_ros() else ("policy", "eval", "dev", "ros")
    return [ROOT / "requirements" / f"{name}.txt" for name in names]


def digest(*parts: Path | str) -> str:
    """Of names and contents of files, and of plain strings."""
    total = hashlib.sha256()
    for part in parts:
        total.update(str(part).encode() + b"\0" + (part.read_bytes() if isinstance(part, Path) else b"") + b"\0")
    return total.hexdigest()


def digests() -> dict[str, str]:
    """What each step depends on, in the order of the steps; a step also depends on the ones before it."""
    requirements = [*requirement_files(), ROOT / "requirements" / "robot.txt", ROOT / "requirements" / "lock.txt"]
    sources = sorted(path for path in (ROOT / "src" / "embodiedcomp_msgs").rglob("*") if path.is_file())
    for package in PACKAGES:
        sources += [ROOT / "src" / package / name for name in ("package.xml", "setup.py", "setup.cfg")]
    # Data files are links, so their names are enough; Python sources are live.
    data = sorted(str(path) for top in ("config", "launch") for path in (ROOT / top).rglob("*.*"))
    venv = digest(str(ROOT), "ros installed" if installed_ros() else "ros wheels")
    packages = digest(venv, *requirements)
    renderer = digest(packages, ROOT / "tools" / "system_libraries.py")
    return {"venv": venv, "packages": packages, "renderer": renderer, "build": digest(packages, *sources, *data)}


def stamp(step: str) -> Path:
    """Where a finished step says so: beside what it made, so that both go together."""
    return ROOT / "install" / ".set-up" if step == "build" else STAMPS / step


def current(step: str, wanted: str) -> bool:
    return stamp(step).is_file() and stamp(step).read_text() == wanted


def venv_works() -> bool:
    """The interpreter starts from this very folder, at a version we support, and has pip."""
    if not PYTHON.exists():
        return False
    code = "import sys, pip; print(sys.prefix)"
    asked = subprocess.run([PYTHON, "-c", code], env=clean_environment(), capture_output=True, text=True, check=False)
    return asked.returncode == 0 and asked.stdout.strip() == str(VENV) and version_of(PYTHON) in PYTHONS


def make_venv() -> None:
    if venv_works():
        return
    python = find_python()
    say(f"creating .venv with {python}")
    system = ["--system-site-packages"] if installed_ros() else []
    run("creating .venv", python, "-m", "venv", "--clear", *system, VENV)


def install_packages() -> None:
    files = requirement_files()
    say(f"installing pinned packages into .venv ({', '.join(path.name for path in files)}): minutes, about 8 GB")
    run("looking for half-installed packages", PYTHON, ROOT / "tools" / "remove_partial_packages.py")
    chosen = [part for path in files for part in ("-r", str(path))]
    lock = ROOT / "requirements" / "lock.txt"
    run("pip install", PYTHON, "-m", "pip", "install", "--no-input", "--progress-bar", "off", "-c", lock, *chosen)
    if not installed_ros():
        run("fixing the wheels' CMake files", PYTHON, ROOT / "tools" / "fix_cmake_prefixes.py", VENV)


def build() -> None:
    say("building the workspace with colcon: about a minute")
    cache = ROOT / "build" / "embodiedcomp_msgs" / "CMakeCache.txt"
    if cache.exists() and f"CMAKE_HOME_DIRECTORY:INTERNAL={ROOT}/" not in cache.read_text():
        for folder in ("build", "install"):  # from before the checkout was moved
            shutil.rmtree(ROOT / folder, ignore_errors=True)
    run("colcon build", "bash", ROOT / "tools" / "build.sh")
    command = VENV / "bin" / "embodiedcomp"
    command.unlink(missing_ok=True)
    command.symlink_to(ROOT / "install" / "embodiedcomp_eval" / "lib" / "embodiedcomp_eval" / "embodiedcomp")


def provide_renderer() -> None:
    problem = system_libraries.provide(PYTHON, say)
    if problem:
        raise SetupError(problem)


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two `make` in one checkout: the second waits for the first."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up of this checkout")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def set_up() -> bool:
    """Bring every step up to date; False if there was nothing to do."""
    steps = {"venv": make_venv, "packages": install_packages, "renderer": provide_renderer, "build": build}
    if all(current(step, wanted) for step, wanted in digests().items()) and PYTHON.exists():
        return False
    check_machine()
    with one_at_a_time():
        for step, wanted in digests().items():
            if current(step, wanted) and PYTHON.exists():
                continue
            stamp(step).unlink(missing_ok=True)
            steps[step]()
            stamp(step).parent.mkdir(exist_ok=True)
            stamp(step).write_text(wanted)
    return True


def main() -> int:
    start = time.monotonic()
    try:
        worked = set_up()
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here")
        return 130
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    seconds = time.monotonic() - start
    say(f"done in {seconds:.0f} s" if worked else f"up to date, nothing to do ({seconds:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
