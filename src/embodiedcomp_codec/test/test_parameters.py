from typing import Any

import pytest

from embodiedcomp_codec.nodes.lifecycle import ParameterError
from embodiedcomp_codec.nodes.parameters import Parameter

IMAGES = Parameter("images", [], "image topics")
CROP = Parameter("crop", [], "box", integers=True)


def test_one_string_is_a_list_of_one() -> None:
    assert IMAGES.check("/a") == ["/a"]
    assert IMAGES.check(["/a", "/b"]) == ["/a", "/b"]
    assert IMAGES.check(None) == IMAGES.check([""]) == []


@pytest.mark.parametrize("value", [5, True, 0.5])
def test_what_is_no_list_is_one_line(value: Any) -> None:
    with pytest.raises(ParameterError, match="parameter images must be a list, not"):
        IMAGES.check(value)


@pytest.mark.parametrize(
    ("parameter", "value", "words"),
    [
        (IMAGES, [1, 2], r"images must be a list of strings, not \[1, 2\]"),
        (CROP, [True, False], r"crop must be a list of integers, not \[True, False\]"),
        (CROP, "0", r"crop must be a list of integers, not \['0'\]"),
        (IMAGES, ["/a", "/b", "/a"], "images holds '/a' twice"),
    ],
)
def test_a_list_of_the_wrong_things_is_one_line(parameter: Parameter, value: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        parameter.check(value)
    assert CROP.check([0, 0, 64, 64]) == [0, 0, 64, 64]
