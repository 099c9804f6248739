"""What an operator may say to the evaluator: as a service, as a key in the terminal, and as it stands in a bag."""

from __future__ import annotations

TOPIC = "operator_word"
"""Where the evaluator repeats what the operator said: a bag then holds it."""
PROMPT_TOPIC = "operator_prompt"
"""Where the evaluator says what it waits for (latched)."""

READY, VOID = "ready", "void"
WORDS: dict[str, tuple[str, str]] = {
    READY: ("r", "the scene is set and the arm is clear: begin"),
    "success": ("s", "the task is done"),
    "failure": ("f", "the task has failed; stop the episode"),
    "undecided": ("u", "nobody can say"),
    VOID: ("v", "something outside the trial went wrong: repeat the episode, count it apart"),
}
"""Word, which is also the evaluator's service ``~/WORD`` -> its key, and what it means."""
KEYS = {key: word for word, (key, _) in WORDS.items()} | {"\r": READY, "\n": READY, " ": READY}


def word_of(key: str) -> str | None:
    """The word of a key, upper or lower case; None for a key without one."""
    return KEYS.get(key.lower())


def legend(words: tuple[str, ...]) -> str:
    """``[s] success  [f] failure`` for people."""
    return "  ".join(f"[{WORDS[word][0]}] {word}" for word in words)
