"""One camera at 10 Hz through encoder, lossy link and decoder nodes, and decoders that start late.

``python -m embodiedcomp_eval.nodes.loss_rig``; jobs as JSON lines on stdin, results on stdout.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.client import Client
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage

from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stream import DecoderStream
from embodiedcomp_eval.loss_account import account
from embodiedcomp_eval.nodes.codec_path import image_message
from embodiedcomp_eval.processes import Exit, Fleet
from embodiedcomp_eval.ros_trial import executable
from embodiedcomp_eval.waiting import wait_until

CAMERA = "/camera/image_raw"
BITS = f"{CAMERA}/embodiedcomp"
FAR = "/far/camera"
FAR_BITS = f"{FAR}/embodiedcomp"
FILM = 40
DEPTH = 1000
"""Of queues that lose nothing: more messages than are ever under way."""
PATIENCE = 20.0


class Rig:
    """The camera, which never rests, and all that is heard."""

    def __init__(self, side: int, rate: float) -> None:
        self.node = rclpy.create_node("loss_rig")
        best = QoSProfile(depth=DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._camera = self.node.create_publisher(ImageMessage, CAMERA, best)
        there = panning(FILM, side, side)
        self._film = [image_message(frame, 0) for frame in [*there, *there[-2:0:-1]]]
        self.packets: dict[int, bytes] = {}
        self.delivered: set[int] = set()
        self.pictures: dict[int, bytes] = {}
        self.late: queue.Queue[float] = queue.Queue()
        listen = self.node.create_subscription
        # A reader that missed packets itself would call them lost: see ``_sure``.
        sure = QoSProfile(depth=DEPTH, reliability=ReliabilityPolicy.RELIABLE)
        listen(CompressedImage, BITS, lambda m: self.packets.__setitem__(stamp_of(m), bytes(m.data)), sure)
        listen(CompressedImage, FAR_BITS, lambda m: self.delivered.add(stamp_of(m)), sure)
        listen(ImageMessage, f"{FAR}/decoded", lambda m: self.pictures.__setitem__(stamp_of(m), bytes(m.data)), sure)
        listen(ImageMessage, f"{CAMERA}/decoded", lambda m: self.late.put(time.monotonic()), best)
        self._period, self._number = 1.0 / rate, 0
        self._stop = threading.Event()
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._executor.spin, self._show)]
        for thread in self._threads:
            thread.start()

    def join(self, decoder: str) -> float:
        """Configure and activate a decoder; seconds from there to its first picture. Then it is shut down again."""
        changes = self.node.create_client(ChangeState, f"{decoder}/change_state")
        if not changes.wait_for_service(PATIENCE):
            raise RuntimeError(f"{decoder} offers no change_state within {PATIENCE:g} s")
        while not self.late.empty():
            self.late.get()
        began = time.monotonic()
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            self._change(changes, transition)
        seconds = self.late.get(timeout=PATIENCE) - began
        for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP):
            self._change(changes, transition)
        return seconds

    def _change(self, changes: Client, transition: int) -> None:
        done = threading.Event()
        future = changes.call_async(ChangeState.Request(transition=Transition(id=transition)))
        future.add_done_callback(lambda _: done.set())
        if not done.wait(PATIENCE) or not future.result().success:
            raise RuntimeError(f"{changes.srv_name} failed in transition {transition}")

    def close(self) -> None:
        """End both threads."""
        self._stop.set()
        self._executor.shutdown()
        for thread in self._threads:
            thread.join()

    def _show(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            message = self._film[self._number % len(self._film)]
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(time.time_ns(), 1_000_000_000)
            self._camera.publish(message)
            self._number += 1
            due += self._period


def stamp_of(message: Any) -> int:
    """A message's stamp in ns."""
    return int(message.header.stamp.sec) * 1_000_000_000 + int(message.header.stamp.nanosec)


def loss(
    codec: str, target_bpp: float, side: int, rate: float, seconds: float, probability: float, seed: int, joins: int
) -> dict[str, Any]:
    """The account of a lossy stream, and the seconds that late decoders take from their configuration to a first picture."""
    coding = [f"codec:={codec}", f"target_bpp:={target_bpp}", *_sure(BITS, "publisher")]
    losing = [
        f"loss:={probability}", f"seed:={seed}", *_sure(BITS, "subscription"), *_sure(FAR_BITS, "publisher"),
    ]  # fmt: skip
    showing = [*_sure(FAR_BITS, "subscription"), *_sure(f"{FAR}/decoded", "publisher")]
    commands = {
        "encoder": _command("encoder", coding, [f"image:={CAMERA}"]),
        "link": _command("link", losing, [f"in:={BITS}", f"out:={FAR_BITS}"]),
        "decoder": _command("decoder", showing, [f"image:={FAR}", f"{FAR_BITS}/key_request:={BITS}/key_request"]),
    }
    late = [f"late_{number}" for number in range(joins)]
    sleeping = {
        name: _command("decoder", ["autostart:=false"], [f"image:={CAMERA}", f"__node:={name}"]) for name in late
    }
    with Fleet() as fleet:
        # All processes at once, before this one has threads: the late ones wait, unconfigured.
        fleet.start({**commands, **sleeping}, {**os.environ, "RCUTILS_LOGGING_SEVERITY": "INFO"})
        waiting = set(commands)
        while waiting:
            event = fleet.next()
            if isinstance(event, Exit):
                raise RuntimeError(f"{event.name} ended with status {event.status}: {' '.join(event.last)}")
            if event.text == "ready":
                waiting.discard(event.name)
        rclpy.init()
        rig = Rig(side, rate)
        try:
            # Each of the rig's readers is found at a time of its own: what came before the last of them says nothing of the link.
            wait_until(lambda: rig.pictures and rig.delivered, "first picture behind the link", PATIENCE)
            first = max(rig.packets) + 1
            wait_until(lambda: max(rig.packets) - first >= seconds * 1e9, "frames", PATIENCE + 2 * seconds)
            last = max(rig.packets) - round(1e9)  # what is still under way does not count
            waits = [rig.join(name) for name in late]
        finally:
            rig.close()
            rclpy.try_shutdown()
    return {
        "codec": codec,
        "target_bpp": target_bpp,
        "loss": probability,
        **_judge(rig, first, last),
        "join_seconds": waits,
    }


def _judge(rig: Rig, first: int, last: int) -> dict[str, Any]:
    decoder, keys, right = DecoderStream(), set(), {}
    for stamp in sorted(rig.packets):
        received = decoder.decode(rig.packets[stamp])
        if received.key:
            keys.add(stamp)
        if stamp in rig.pictures and first <= stamp <= last:
            right[stamp] = received.image is not None and received.image.tobytes() == rig.pictures[stamp]
    sent = [stamp for stamp in sorted(rig.packets) if first <= stamp <= last]
    found = account(sent, keys, rig.delivered, right)
    return {**dataclasses.asdict(found), "mean_gap_ms": float(np.diff(sent).mean() * 1e-6)}


def _sure(topic: str, end: str) -> list[str]:
    """Parameters that make one end of a topic lose nothing, so that what is missing behind the link is what the link dropped."""
    return [f"qos_overrides.{topic}.{end}.{policy}" for policy in ("reliability:=reliable", f"depth:={DEPTH}")]


def _command(node: str, parameters: Sequence[str], remappings: Sequence[str]) -> list[str]:
    arguments = [a for p in parameters for a in ("-p", p)] + [a for r in remappings for a in ("-r", r)]
    return [executable("embodiedcomp_codec", node), "--ros-args", *arguments]


def main() -> None:
    """Serve jobs until stdin ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(loss(**json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
