"""``embodiedcomp replay`` and ``decode`` as the user types them: what is printed, and one line with status 2 for bad input."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from bag_examples import START, image, picture, put, write_bag
from interfaces import ROOT

from embodiedcomp_eval.bags.writer import BagWriter
from embodiedcomp_eval.cli import main


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit status of ``embodiedcomp WORDS``."""
    monkeypatch.setattr(sys, "argv", ["embodiedcomp", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture
def bag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_bag(Path("bag"), 12)


def test_a_replay_prints_its_table(
    bag: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("replay", str(bag), "--codec", "jpeg", "--codec", "none", "--target-bpp", "1", "--target-bpp", "2")
    assert run(monkeypatch, *words) == 0
    printed = capsys.readouterr().out
    assert all(text in printed for text in ("jpeg_1bpp", "jpeg_2bpp", "lossless", "results/replay-bag", "bit/s"))
    made = {path.name for path in Path("results/replay-bag").iterdir()}
    assert made == {"jpeg_1bpp", "jpeg_2bpp", "none", "frames.csv", "replay.json", "psnr.png", "psnr_over_time.png"}


def test_decode_prints_what_it_wrote(
    bag: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "decode", str(bag), "--topic", "/base_camera/image_raw", "--kind", "video") == 0
    assert (
        "/base_camera/image_raw: 12 frames in results/decode-bag/base_camera.image_raw.mkv" in capsys.readouterr().out
    )


def test_the_python_of_the_reference_runs(
    bag: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bag.rename("my_bag")
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/reference/commands.md").read_text(), re.DOTALL)
    exec(compile(code, "docs/reference/commands.md", "exec"), {})  # noqa: S102 (our own page)
    printed = capsys.readouterr().out.splitlines()
    assert len([line for line in printed if line.startswith(("av1_0.05 /", "av1_0.2 /"))]) == 4
    assert len([line for line in printed if line.endswith("(48, 64, 3)")]) == 12


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("replay nothing", "no such bag: nothing"),
        ("replay bag --codec x", "x"),
        ("replay bag --target-bpp -1", "-1"),
        ("replay bag --mode sideways", "choose one of: inter, intra"),
        ("replay bag --camera base", "is not NAME=TOPIC"),
        ("replay bag --policy expert", "ground truth"),
        ("replay bag --policy nobody", "unknown policy 'nobody'"),
        ("replay bag --storage zip", "choose from mcap, sqlite3"),
        ("replay torn", "torn"),
        ("decode torn", "torn"),
        ("decode yuv", "no frame of /yuv could be decoded: image encoding 'yuv422_yuy2' is not one of"),
        ("decode yuv --kind video", "no frame of /yuv could be decoded: image encoding 'yuv422_yuy2' is not one of"),
        ("decode bag --kind gif", "choose from pictures, video"),
    ],
)
def test_bad_input_is_one_line(
    words: str, message: str, bag: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torn = write_bag(Path("torn"), 12) / "torn_0.mcap"
    torn.write_bytes(torn.read_bytes()[:-200])
    with BagWriter(Path("yuv")) as writer:
        put(writer, "/yuv", START, image(START, picture(0)[:, :, :2], "yuv422_yuy2"))
    assert run(monkeypatch, *words.split()) == 2
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if line.startswith("embodiedcomp: ")]
    assert len(lines) == 1 and message in lines[0], printed.err
    assert "Traceback" not in printed.err
    assert {path.name for path in Path().iterdir()} <= {"bag", "torn", "yuv", "results"}
    assert not list(Path().glob("results/*"))
