"""The operator node: shows what the evaluator waits for, and makes one key in the terminal a word to it."""

from __future__ import annotations

import sys
import termios
import threading
import tty
from typing import Any

from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import Trigger

from embodiedcomp_eval.nodes.lifecycle import LATCHED_QOS, AutostartNode, ParameterError, run_node
from embodiedcomp_eval.operator_words import WORDS, legend, word_of


class OperatorNode(AutostartNode):
    """Keys are read as they are pressed where standard input is a terminal; else line by line, their first letter."""

    errors = (ParameterError,)

    def __init__(self) -> None:
        super().__init__("operator")
        self._reader: threading.Thread | None = None
        self._before: list[Any] | None = None

    def prepare(self) -> None:
        """Topics, a client for every word, and the thread that waits for keys."""
        evaluator = self.parameter("evaluator", "evaluator", "name of the evaluator node that is spoken to")
        self._clients_of = {word: self.create_client(Trigger, f"{evaluator}/{word}") for word in WORDS}
        self.create_subscription(String, "operator_prompt", self._on_prompt, LATCHED_QOS)
        if sys.stdin.isatty():
            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        if self._reader is None:
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()
        self.get_logger().info(f"keys: {legend(tuple(WORDS))}")

    def _on_prompt(self, message: String) -> None:
        self.get_logger().info(message.data)

    def release(self) -> None:
        """Put the terminal back as it was."""
        if self._before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)
            self._before = None

    def _read(self) -> None:
        """On its own thread: wait for keys until the input ends."""
        while True:
            pressed = self._before is not None
            typed = sys.stdin.read(1) if pressed else sys.stdin.readline()
            if not typed:
                return
            self._say(typed if pressed else typed.strip()[:1] or "\n")

    def _say(self, key: str) -> None:
        word = word_of(key)
        if word is None or not self.running:
            return
        client = self._clients_of[word]
        if not client.service_is_ready():
            self.get_logger().warning(f"{word}: no evaluator answers {client.srv_name}")
            return
        client.call_async(Trigger.Request()).add_done_callback(lambda future: self._on_answer(word, future))

    def _on_answer(self, word: str, future: Future) -> None:
        answer = future.result()
        if answer.success:
            self.get_logger().info(f"said: {word}")
        else:
            self.get_logger().warning(f"{word} {answer.message}")


def main() -> int:
    """``ros2 run embodiedcomp_eval operator``."""
    return run_node("operator", OperatorNode)
