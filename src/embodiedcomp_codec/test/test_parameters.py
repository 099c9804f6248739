from typing import Any

import pytest

from embodiedcomp_codec.nodes.lifecycle import ParameterError
from embodiedcomp_codec.nodes.parameters import Parameter

IMAGES = Parameter("images", [], "image topics")


def test_one_string_is_a_list_of_one() -> None:
    assert IMAGES.check("/a") == ["/a"]
    assert IMAGES.check(["/a", "/b"]) == ["/a", "/b"]
    assert IMAGES.check(None) == IMAGES.check([""]) == []


@pytest.mark.parametrize("value", [5, True, 0.5])
def test_what_is_no_list_is_one_line(value: Any) -> None:
    with pytest.raises(ParameterError, match="parameter images must be a list, not"):
        IMAGES.check(value)
