"""A real openpi server around a made-up policy, as a program: ``serve_openpi.py PORT KIND[:GOOD]``.

GOOD: how many questions a server that is to fail answers well first, by default 1 (the one that a client tries it with).
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
from openpi_client.base_policy import BasePolicy
from openpi_server.websocket_policy_server import WebsocketPolicyServer

SHAPES = {
    "ur5": {"base_rgb": (224, 224, 3), "wrist_rgb": (224, 224, 3), "state": (7,)},
    "libero": {
        "observation/image": (224, 224, 3),
        "observation/wrist_image": (224, 224, 3),
        "observation/state": (8,),
    },
    "droid": {
        "observation/exterior_image_1_left": (224, 224, 3),
        "observation/wrist_image_left": (224, 224, 3),
        "observation/joint_position": (7,),
        "observation/gripper_position": (1,),
    },
}
SHAPES["fingers"] = SHAPES["libero"]
METADATA: dict[str, dict[str, Any]] = {"metadata": {"action_dim": 14}, "robot": {"robot": "aloha"}}


class MadeUp(BasePolicy):
    """Checks the request as a checkpoint of that kind would, and answers with 10 small actions."""

    def __init__(self, kind: str, good: int) -> None:
        self.kind, self.good, self.count = kind, good, 0

    def infer(self, obs: dict[str, Any]) -> dict[str, Any]:
        self.count += 1
        if self.kind == "slow" and self.count > self.good:
            threading.Event().wait(30)
        if self.kind == "broken" and self.count > self.good:
            raise ZeroDivisionError("the checkpoint is on fire")
        shapes = SHAPES.get(self.kind, SHAPES["ur5"])
        found = {key: np.shape(value) for key, value in obs.items() if key != "prompt"}
        if found != shapes or not isinstance(obs["prompt"], str):
            raise KeyError(f"wrong request: {found}")
        if self.kind == "libero":
            return {"actions": np.tile([0.2, 0, 0, 0, 0, 0, 1.0], (10, 1))}
        if self.kind == "fingers":  # turns, and closes the hand as far as the two fingers that it is told are apart
            left, right = obs["observation/state"][6:]
            return {"actions": np.tile([0, 0, 0, 0, 0, 0.1, 5 * (left - right)], (2, 1))}
        if self.kind == "droid":
            return {"actions": np.tile([0.1, 0, 0, 0, 0, 0, 0, 0.5], (10, 1))}
        state = np.array(obs["state"])
        if self.kind == "degrees":
            state[:6] = np.degrees(state[:6])
        if self.kind == "deltas":
            state[:6] = 0.01
        if self.kind == "deltas-later" and self.count > self.good:
            state[:6] = 0.01
        if self.kind == "damaged" and self.count > self.good:
            return {"actions": {b"__ndarray__": True}}
        return {"actions": np.tile(state, (10, 1))} if self.kind != "keyless" else {"action": state}


if __name__ == "__main__":
    port, (kind, _, good) = int(sys.argv[1]), sys.argv[2].partition(":")
    WebsocketPolicyServer(MadeUp(kind, int(good or 1)), "127.0.0.1", port, METADATA.get(kind)).serve_forever()
