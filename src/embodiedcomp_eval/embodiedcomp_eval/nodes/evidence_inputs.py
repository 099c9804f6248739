"""The judges' topics, subscribed as they are offered, whatever of the types that a judge understands they bear."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from rclpy.node import Node

from embodiedcomp_eval.evidence import Intake
from embodiedcomp_eval.judging import Input
from embodiedcomp_eval.judging_panel import Panel
from embodiedcomp_eval.nodes.offers import message_class, offered_quality, offered_types

DEPTH = 200


class EvidenceInputs:
    """Messages to evidence to judges, at all times: a judge knows by itself what is of its episode."""

    def __init__(self, node: Node, panel: Panel, own: Collection[str], changed: Callable[[], None]) -> None:
        """own: inputs that the evaluator serves itself. changed: called after every message."""
        self._node, self._panel, self._changed = node, panel, changed
        self._wanted = [one for one in panel.inputs if one.topic not in own]
        self._required = [one for one in self._wanted if one.topic in panel.required]
        self._heard: dict[str, str] = {}
        self.intake = Intake()

    def look(self) -> None:
        """Subscribe what has come."""
        for one in self._wanted:
            topic = self._node.resolve_topic_name(one.topic)
            kinds = [kind for kind in offered_types(self._node, topic) if kind in one.types]
            if one.topic in self._heard or not kinds:
                continue
            try:
                message = message_class(kinds[0])
            except (ModuleNotFoundError, AttributeError) as error:
                self._node.get_logger().error(f"{topic} can't be heard: {error}", once=True)
                continue
            callback = partial(self._on_message, one.topic, kinds[0])
            self._node.create_subscription(message, topic, callback, offered_quality(self._node, topic, DEPTH))
            self._heard[one.topic] = kinds[0]

    def missing(self) -> list[str]:
        """Topics without which nothing can be judged: not there, or of a type that no judge understands."""
        return [self._complaint(one) for one in self._required if not self._served(one)]

    def _served(self, one: Input) -> bool:
        """Whether somebody publishes it now, in a type that is heard."""
        return self._heard.get(one.topic) in offered_types(self._node, self._node.resolve_topic_name(one.topic))

    def _complaint(self, one: Input) -> str:
        topic = self._node.resolve_topic_name(one.topic)
        offered = offered_types(self._node, topic)
        if offered and one.topic not in self._heard:
            return f"{topic} is {', '.join(offered)}, wanted {' or '.join(one.types)}"
        return f"publisher of {topic} (remap it: -r {one.topic}:=/YOUR/TOPIC)"

    def _on_message(self, topic: str, msgtype: str, message: Any) -> None:
        for seen in self.intake.read(topic, msgtype, message, self._node.get_clock().now().nanoseconds):
            self._panel.add(topic, seen)
        self._changed()
