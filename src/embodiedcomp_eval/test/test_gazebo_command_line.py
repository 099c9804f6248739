"""Gazebo's command line: what is asked of it and how its answers and failures are read, with a program in its place."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from embodiedcomp_eval.gazebo.command_line import (
    LONGEST_ARGUMENT,
    TRIES,
    GazeboCommandLine,
    GazeboError,
    server_release,
)
from embodiedcomp_eval.gazebo.messages import joint_positions, picture, position, stamp_ns
from embodiedcomp_eval.gazebo.scene_services import SceneServices
from embodiedcomp_eval.gazebo.server import complaints, server_command
from embodiedcomp_eval.gazebo.text_format import parse
from embodiedcomp_eval.gazebo.versions import find_version
from embodiedcomp_eval.scene import scene_of_seed

PROGRAM = """#!{python}
import os, sys, time
from pathlib import Path
here = Path({here!r})
with (here / "calls").open("a") as file:
    file.write(repr(sys.argv[1:]) + "\\n")
if (here / "slow").exists():
    time.sleep(60)
if (here / "broken").exists():
    print("it broke", file=sys.stderr)
    sys.exit(3)
print((here / "answer").read_text(), end="")
"""


class Double:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "gz"
        program.write_text(PROGRAM.format(python=sys.executable, here=str(folder)))
        program.chmod(0o755)
        self.answer("data: true\n")

    def answer(self, text: str) -> None:
        (self.folder / "answer").write_text(text)

    def calls(self) -> list[list[str]]:
        import ast

        return [ast.literal_eval(line) for line in (self.folder / "calls").read_text().splitlines()]


@pytest.fixture
def gz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Double:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return Double(tmp_path)


def command_line(timeout: float = 20.0) -> GazeboCommandLine:
    return GazeboCommandLine(find_version("harmonic"), timeout)


def test_a_missing_program_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GazeboError, match=r"^Gazebo Harmonic is not on the PATH: there is no command 'gz'$"):
        command_line()


def test_a_service_is_called_with_the_releases_types(gz: Double) -> None:
    reply = command_line().call("/world/w/set_pose", "Pose", "Boolean", {"name": "object", "position": {"x": 0.5}})
    assert reply == {"data": True}
    (call,) = gz.calls()
    given = dict(zip(call[1::2], call[2::2], strict=True))
    assert call[0] == "service" and given["-s"] == "/world/w/set_pose"
    assert given["--reqtype"] == "gz.msgs.Pose" and given["--reptype"] == "gz.msgs.Boolean"
    assert given["--req"] == 'name: "object" position { x: 0.5 }'


@pytest.mark.parametrize("answer", ["data: false\n", "", "Service call timed out\n", "<html>"])
def test_what_did_not_work_is_an_error(gz: Double, answer: str) -> None:
    gz.answer(answer)
    with pytest.raises(GazeboError, match="set_pose"):
        command_line().call("/world/w/set_pose", "Pose", "Boolean", {})


def test_a_service_that_was_not_found_in_time_is_asked_again(gz: Double) -> None:
    gz.answer("Service call timed out\n")
    with pytest.raises(GazeboError, match="timed out"):
        command_line().call("/world/w/set_pose", "Pose", "Boolean", {})
    assert len(gz.calls()) == TRIES
    gz.answer("data: false\n")
    with pytest.raises(GazeboError, match="set_pose"):
        command_line().call("/world/w/set_pose", "Pose", "Boolean", {})
    assert len(gz.calls()) == TRIES + 1, "an answer is an answer"


def test_the_servers_own_version_is_read(gz: Double) -> None:
    gz.answer("8.9.0\n")
    assert server_release(find_version("harmonic")) == "8.9.0"
    gz.answer("")
    with pytest.raises(GazeboError, match="gz sim --versions"):
        server_release(find_version("harmonic"))


def test_a_program_that_fails_or_hangs_is_an_error(gz: Double) -> None:
    (gz.folder / "broken").touch()
    with pytest.raises(GazeboError, match="status 3: it broke"):
        command_line().topics()
    (gz.folder / "slow").touch()
    with pytest.raises(GazeboError, match="no answer within 1 s"):
        command_line().echo("/clock", timeout=1.0)


def test_messages_are_echoed_and_counted(gz: Double) -> None:
    gz.answer("a: 1\n\na: 2\n\n")
    assert [message["a"] for message in command_line().echo("/t", 2)] == [1, 2]
    with pytest.raises(GazeboError, match="2 messages instead of 3"):
        command_line().echo("/t", 3)


def test_too_long_a_message_is_refused_before_the_kernel_does(gz: Double) -> None:
    with pytest.raises(GazeboError, match="too long"):
        command_line().publish("/t", "StringMsg", {"data": "x" * LONGEST_ARGUMENT})


def test_a_scene_moves_the_object_and_exchanges_what_differs(gz: Double) -> None:
    services = SceneServices(command_line(), 10_000, "cube")
    same = services.scene(10_000)
    assert services.apply(same)["object"] == "cube"
    other = dataclasses.replace(same, object="milk", x=0.5)
    services.apply(other)
    services.apply(dataclasses.replace(other, table=next(t for t in ("ceramic", "gray-felt") if t != same.table)))
    asked = [(call[2].rsplit("/", 1)[1], parse(call[-1])) for call in gz.calls()]
    assert [name for name, _ in asked] == ["set_pose", "remove", "create", "remove", "create", "set_pose"]
    moved = asked[0][1]
    assert moved["position"]["x"] == pytest.approx(scene_of_seed(10_000).x) and moved["name"] == b"object"
    assert asked[1][1] == {"name": b"object", "type": 2}
    created = asked[2][1]
    assert b"<sdf" in created["sdf"] and created["allow_renaming"] is False
    assert asked[4][1]["name"] == b"table"


def test_messages_become_numbers() -> None:
    state = parse(
        'header { stamp { sec: 3 nsec: 7 } } joint { name: "b" axis1 { position: 0.5 } } joint { name: "a" axis1 { } }'
    )
    assert stamp_ns(state) == 3_000_000_007
    assert joint_positions(state, ("a", "b")).tolist() == [0.0, 0.5]
    assert position(parse("position { y: 2 }")).tolist() == [0.0, 2.0, 0.0]
    shot = picture(
        parse(
            'header { data { key: "frame_id" value: "cam" } } width: 1 height: 2 pixel_format_type: RGB_INT8 '
            'data: "\\001\\002\\003\\004\\005\\006"'
        )
    )
    assert shot.frame == "cam" and shot.pixels.tolist() == [[[1, 2, 3]], [[4, 5, 6]]]
    with pytest.raises(ValueError, match="L_INT8 is not RGB_INT8"):
        picture(parse("pixel_format_type: L_INT8"))
    with pytest.raises(ValueError, match="0 bytes are no 2x2 picture"):
        picture(parse("width: 2 height: 2 pixel_format_type: 3"))


def test_how_a_server_is_started() -> None:
    fortress, harmonic = find_version("fortress"), find_version("harmonic")
    world = Path("w.sdf")
    assert server_command(harmonic, world, "ogre2", False, False)[:3] == ["gz", "sim", "-s"]
    assert "--headless-rendering" in server_command(harmonic, world, "ogre2", False, False)
    assert server_command(fortress, world, "ogre", False, False)[0] == "xvfb-run"
    assert server_command(fortress, world, "ogre", False, True)[:2] == ["ign", "gazebo"]
    assert server_command(harmonic, world, "ogre2", True, True) == ["gz", "sim", "-r", "w.sdf"]


def test_a_servers_errors_are_found() -> None:
    beside = "Library error: libignition-tools-backward.so not found. Improved backtrace generation will be disabled\n"
    log = beside + "\x1b[1;32m[Msg] Loading\x1b[0m\n\x1b[1;31m[Err] [X.cc:3] no plugin\x1b[0m\n[Wrn] old\n"
    assert complaints(log) == ["[Err] [X.cc:3] no plugin"]
