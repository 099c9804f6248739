"""The worked example of docs/how-to/own-codec.md, installed as its page says and run through the conformance suite."""

import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLE = HERE.parents[2] / "docs/examples/fewer_shades"


def test_the_example_installs_and_passes_the_conformance_suite(tmp_path: pathlib.Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-index"]
    pip += ["--no-deps", "--no-build-isolation", "--target", str(target), str(source)]
    installed = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr
    path = os.pathsep.join(filter(None, [str(target), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "EMBODIEDCOMP_TEST_CODECS": "fewer-shades"}
    suite = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / "test_conformance.py")]
    run = subprocess.run(suite, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert " passed" in run.stdout and "failed" not in run.stdout
    named = "from embodiedcomp_codec.registry import codec_names; print(codec_names())"
    out = subprocess.run([sys.executable, "-c", named], env=environment, capture_output=True, text=True, check=True)
    assert "'fewer-shades'" in out.stdout and "'av1'" in out.stdout
