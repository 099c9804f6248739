"""Where the evaluator meets its operator: a prompt that latches, a service for every word, the word repeated for the bag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import Trigger

from embodiedcomp_eval.evidence import WordSeen
from embodiedcomp_eval.nodes.lifecycle import LATCHED_QOS, LOCKSTEP_QOS
from embodiedcomp_eval.operator_words import PROMPT_TOPIC, TOPIC, WORDS, legend


class OperatorDesk:
    """A word that nobody waits for is refused, and the answer says what is waited for."""

    def __init__(self, node: Node, said: Callable[[WordSeen], None]) -> None:
        """said: called with every word that is taken."""
        self._node, self._said = node, said
        self._accepted: tuple[str, ...] = ()
        self._text = ""
        self._prompts = node.create_publisher(String, PROMPT_TOPIC, LATCHED_QOS)
        self._words = node.create_publisher(String, TOPIC, LOCKSTEP_QOS)
        for word in WORDS:
            node.create_service(Trigger, f"~/{word}", partial(self._on_word, word))

    def ask(self, text: str, words: Sequence[str]) -> None:
        """Say what is waited for; only ``words`` are taken from now on."""
        self._accepted, self._text = tuple(words), text
        self._prompts.publish(String(data=f"{text}  {legend(self._accepted)}" if words else text))
        self._node.get_logger().info(f"operator: {text}")

    def _on_word(self, word: str, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = word in self._accepted
        if not response.success:
            response.message = f"not now: {self._text or 'no trial is running'}"
            return response
        response.message = word
        stamp_ns = int(self._node.get_clock().now().nanoseconds)
        self._words.publish(String(data=word))
        self._said(WordSeen(stamp_ns, word))
        return response
