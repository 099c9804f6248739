"""The image topics of a node's cameras, checked before anything is built on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from embodiedcomp_codec.nodes.lifecycle import ParameterError


def image_topics(images: Sequence[str], resolve: Callable[[str], str], suffix: str = "") -> list[str]:
    """``images`` as given. ``resolve``: a node's ``resolve_topic_name``.

    Raises ParameterError on what is no topic name, and on two names of one topic; ``suffix`` at their ends makes no difference.
    """
    given: dict[str, str] = {}
    for image in images:
        try:
            topic = resolve(image).removesuffix(suffix)
        except RuntimeError as error:  # rclpy's RCLError, which it exports nowhere
            reason = str(error).removeprefix("failed to resolve name: ").partition(", at ")[0]
            raise ParameterError(f"parameter images holds {image!r}: {reason}") from error
        if topic in given:
            raise ParameterError(
                f"parameter images holds {given[topic]!r} and {image!r}, both {topic}; name each camera once"
            )
        given[topic] = image
    return list(given.values())
