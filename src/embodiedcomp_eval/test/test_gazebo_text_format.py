"""Protobuf's text format as Gazebo's command line prints it."""

from __future__ import annotations

import pytest

from embodiedcomp_eval.gazebo.text_format import TextFormatError, messages, parse, render, several

PRINTED = """header {
  stamp {
    sec: 12
    nsec: 300000000
  }
  data {
    key: "frame_id"
    value: "base_camera"
  }
  data {
    key: "seq"
    value: "7"
  }
}
width: 2
height: 1
pixel_format_type: RGB_INT8
data: "\\000\\377A\\"\\\\\\n"
"""


def test_a_printed_message_is_read() -> None:
    message = parse(PRINTED)
    assert message["header"]["stamp"] == {"sec": 12, "nsec": 300000000}
    assert [entry["value"] for entry in several(message["header"], "data")] == [b"base_camera", b"7"]
    assert message["pixel_format_type"] == "RGB_INT8"
    assert message["data"] == b'\x00\xffA"\\\n'
    assert several(message, "width") == [2] and several(message, "nothing") == []


def test_every_byte_comes_back() -> None:
    escaped = "".join(f"\\{byte:03o}" for byte in range(256))
    assert parse(f'data: "{escaped}"')["data"] == bytes(range(256))
    assert parse('data: "ab" "cd"')["data"] == b"abcd"


def test_numbers_keep_their_kind() -> None:
    assert parse("a: 1 b: -2.5e-3 c: true d: nan e: NAME")["b"] == pytest.approx(-0.0025)
    assert parse("a: 1")["a"] == 1 and parse("c: false")["c"] is False and parse("e: NAME")["e"] == "NAME"


@pytest.mark.parametrize("text", ["a {", "}", "a: ", "a b", 'a: "x'])
def test_what_is_no_message_is_said(text: str) -> None:
    with pytest.raises(TextFormatError):
        parse(text)


def test_a_stream_is_cut_at_empty_lines() -> None:
    lines = iter(["a: 1\n", "\n", "a: 2\n", "b {\n", "}\n", "\n", "\n", "a: 3\n"])
    assert [message["a"] for message in messages(lines)] == [1, 2, 3]


def test_what_is_rendered_is_read_again() -> None:
    message = {"name": 'a "b"\n\\', "type": 2, "on": True, "p": {"x": 0.1}, "q": [1.5, -2.0], "r": [{"s": 1}, {"s": 2}]}
    read = parse(render(message))
    assert read == {**message, "name": b'a "b"\n\\'}
