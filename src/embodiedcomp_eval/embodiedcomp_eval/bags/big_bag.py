"""A bag as large as one likes, and what reading, replaying and converting it holds in memory meanwhile."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from embodiedcomp_codec.sequences import panning, to_and_fro
from embodiedcomp_codec.stream import StreamConfig
from embodiedcomp_eval.bags.dataset import DatasetConfig, make_dataset
from embodiedcomp_eval.bags.images import IMAGE, find_sources, make_decoder
from embodiedcomp_eval.bags.reader import BagReader
from embodiedcomp_eval.bags.recode import Setting
from embodiedcomp_eval.bags.replay import ReplayConfig, replay
from embodiedcomp_eval.bags.topics import JOINTS
from embodiedcomp_eval.bags.types import Types
from embodiedcomp_eval.bags.writer import BagWriter
from embodiedcomp_policy.robot import load_robot

HEIGHT, WIDTH, RATE = 480, 640, 30
FRAME_BYTES = 3 * HEIGHT * WIDTH
CAMERA, JOINT_STATES = "/camera/image_raw", "/joint_states"
FILM = 90
"""Different frames; they go to and fro."""
SECOND = 1_000_000_000
SAMPLES = 200
Tell = Callable[[int, int], None]


def write_big_bag(path: Path, frames: int, storage: str) -> None:
    """Raw 640x480 pictures at 30 Hz with a joint state each, in parts of 1 GiB."""
    types, names = Types(), load_robot("ur5e").names
    film = [frame.reshape(-1) for frame in to_and_fro(panning(FILM, HEIGHT, WIDTH), 2 * FILM - 2)]
    with BagWriter(path, storage) as writer:
        for topic, msgtype in ((CAMERA, IMAGE), (JOINT_STATES, JOINTS)):
            types.need(msgtype)
            writer.add_topic(topic, msgtype, types.store)
        header, clock = types.message("std_msgs/msg/Header"), types.message("builtin_interfaces/msg/Time")
        picture, state = types.message(IMAGE), types.message(JOINTS)
        for index in range(frames):
            now = SECOND + index * SECOND // RATE
            stamp = header(stamp=clock(sec=now // SECOND, nanosec=now % SECOND), frame_id="camera")
            shown = picture(
                header=stamp, height=HEIGHT, width=WIDTH, encoding="rgb8", is_bigendian=0, step=3 * WIDTH,
                data=film[index % len(film)],
            )  # fmt: skip
            positions = np.full(len(names), 0.001 * (index % 1000))
            joints = state(header=stamp, name=list(names), position=positions, velocity=np.zeros(0), effort=np.zeros(0))
            writer.write(JOINT_STATES, now, types.serialize(joints, JOINTS))
            writer.write(CAMERA, now, types.serialize(shown, IMAGE))


def decode_all(bag: Path, out: Path, tell: Tell) -> None:
    """Every picture, looked at and let go."""
    with BagReader(bag) as reader:
        (source,) = find_sources(reader.topics)
        total = sum(topic.count for topic in reader.topics if topic.name == source.topic)
        decoder = make_decoder(source)
        for done, record in enumerate(reader.records([source.topic])):
            decoder.decode(reader.deserialize(record))
            tell(done + 1, total)


def replay_all(bag: Path, out: Path, tell: Tell) -> None:
    """Through JPEG into a new bag, with PSNR and tables."""
    setting = Setting("jpeg", StreamConfig("jpeg", target_bpp=0.5, frame_period=1 / RATE))
    replay(ReplayConfig(bag, out, (setting,), similarity=False), tell=tell)


def convert_all(bag: Path, out: Path, tell: Tell) -> None:
    """Into a LeRobot dataset with one row a second."""
    make_dataset(DatasetConfig(bag, out, load_robot("ur5e"), "nothing", rate=1), tell=tell)


STAGES: dict[str, Callable[[Path, Path, Tell], None]] = {
    "decode": decode_all,
    "replay": replay_all,
    "lerobot": convert_all,
}


def measure(stage: str, bag: Path, out: Path) -> dict[str, Any]:
    """Run a stage and say what this process held: resident MiB by messages done, and the highest ever. Removes ``out``."""
    done_at: list[int] = []
    held: list[float] = []

    def tell(done: int, total: int) -> None:
        step = max(1, total // SAMPLES)
        if not done_at or done >= done_at[-1] + step:
            done_at.append(done)
            held.append(resident("VmRSS"))

    started = time.perf_counter()
    STAGES[stage](bag, out, tell)
    seconds = time.perf_counter() - started
    shutil.rmtree(out, ignore_errors=True)
    return {"stage": stage, "seconds": seconds, "messages": done_at, "mebibytes": held, "peak": resident("VmHWM")}


def resident(what: str) -> float:
    """MiB that this process holds (``VmRSS``), or has held at most (``VmHWM``)."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/self/status says nothing of {what}")
