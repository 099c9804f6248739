"""The image topics of a node's cameras."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import rclpy
from rclpy.node import Node

from embodiedcomp_codec.nodes.lifecycle import ParameterError
from embodiedcomp_codec.nodes.topics import image_topics


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    context = rclpy.Context()
    rclpy.init(context=context)
    node = Node("cameras", namespace="/ns", context=context, cli_args=["--ros-args", "-r", "image:=/lens"])
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


def test_topics_stay_as_given(node: Node) -> None:
    given = ["a", "/a", "~/a", "/b/compressed"]
    assert image_topics(given, node.resolve_topic_name, "/compressed") == given


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("bad topic", "must not contain characters"),
        ("/a/", "must not end with"),
        ("a//b", "must not contain repeated"),
    ],
)
def test_what_is_no_topic_name_is_one_line(node: Node, image: str, reason: str) -> None:
    with pytest.raises(ParameterError, match=f"parameter images holds '{image}': topic name {reason}") as caught:
        image_topics([image], node.resolve_topic_name)
    assert "\n" not in str(caught.value) and "expand_topic_name" not in str(caught.value)


@pytest.mark.parametrize(
    ("images", "topic"), [(["/ns/a", "a"], "/ns/a"), (["image", "/lens"], "/lens"), (["/a", "/a/compressed"], "/a")]
)
def test_two_names_of_one_topic_are_refused(node: Node, images: list[str], topic: str) -> None:
    with pytest.raises(ParameterError, match=f"holds '{images[0]}' and '{images[1]}', both {topic}; name each"):
        image_topics(images, node.resolve_topic_name, "/compressed")


def test_a_decoder_may_hear_a_topic_that_ends_in_compressed_beside_another(node: Node) -> None:
    assert len(image_topics(["/a", "/a/compressed"], node.resolve_topic_name)) == 2
