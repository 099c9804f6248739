"""Does another machine compute what this one does? A digest of each stage of an episode, each on an input of its own.

Every stage but the last gets an input that is made of whole numbers or constants, the same everywhere, and not what the
stage before it gave: so the stages that differ are named, and not all that follow them. The last one is a whole episode.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_eval.layout import HOME
from embodiedcomp_eval.oracle_pose import Drawing
from embodiedcomp_eval.scene import OBJECTS, scene_of_seed
from embodiedcomp_eval.simulator import Pose, Simulator
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import Policy

Picture = npt.NDArray[np.uint8]

SCENES = range(10000, 10100)
PHYSICS_SEED = 10000
PHYSICS_STEPS = 30
FRAMES = 6
CODECS = ("png", "jpeg", "webp", "avif", "jpegxl", "jpeg2000", "h264", "hevc", "av1", "vp9")
TARGET_BPP = 0.1
MISSING = "not available here"
EPISODE = "episode"


def picture(index: int, size: int = 256) -> Picture:
    """``(size, size, 3) uint8`` of whole-number arithmetic alone: gradients, a texture, and a box that moves with
    ``index``."""
    y, x = np.mgrid[0:size, 0:size].astype(np.int64)
    red = (x + y) // 3 + (x * y // 7) % 9
    green = 200 - x // 2 + ((x // 8 + y // 8) % 2) * 12
    blue = 60 + y // 2 + (x * x + y * y) // 512 % 16
    box = (abs(x - 40 - 9 * index) < 22) & (abs(y - 120 - 4 * index) < 17)
    planes = [np.where(box, tone, plane) for tone, plane in ((210, red), (40, green), (30, blue))]
    return np.stack(planes, axis=-1).clip(0, 255).astype(np.uint8)


def scene_digest() -> str:
    """Which scenes seeds mean."""
    return _sha(json.dumps([scene_of_seed(seed).as_dict() for seed in SCENES]).encode())


def physics_digest(simulator: Simulator) -> str:
    """Joints and object after each step of a fixed motion."""
    simulator.reset(PHYSICS_SEED)
    start = np.array([*HOME, 0.0])
    states = []
    for step in range(PHYSICS_STEPS):
        simulator.step(start + np.arange(1, 8) * (step + 1) / 1024)
        pose = simulator.object_pose()
        states += [simulator.joint_state().positions, pose.position, pose.orientation]
    return _sha(*(np.asarray(state, dtype=np.float64).tobytes() for state in states))


def render_digest(simulator: Drawing) -> str:
    """Pictures of given states: no physics in them."""
    orientation = np.array([1.0, 0.0, 0.0, 0.0])
    pictures = []
    for number, kind in enumerate(OBJECTS):
        arm = np.array([*HOME, 0.0]) + np.array([0.0, number / 64, 0.0, 0.0, 0.0, 0.0, number / 32])
        drawn = simulator.draw(kind, arm, Pose(np.array([0.5, 0.0, -0.05]), orientation))
        pictures += [drawn[camera].tobytes() for camera in sorted(drawn)]
    return _sha(*pictures)


def codec_digests(name: str) -> tuple[str, str]:
    """Packets of a few pictures under rate control, and what is decoded from them."""
    encoder, decoder = EncoderStream(StreamConfig(name, target_bpp=TARGET_BPP, frame_period=1.0)), DecoderStream()
    encoder.reset()
    packets = [encoder.encode(picture(i), i * 1_000_000_000).packet for i in range(FRAMES)]
    decoded = [decoder.decode(packet).image for packet in packets]
    return _sha(*packets), _sha(*(b"" if image is None else image.tobytes() for image in decoded))


def policy_digest(policy: Policy) -> str:
    """Actions for pictures that show nothing a policy was trained on; the numbers are what counts."""
    policy.reset(PHYSICS_SEED)
    answers = []
    for index in range(3):
        images = {camera: picture(index + 5 * number) for number, camera in enumerate(policy.cameras)}
        state = np.array([*HOME, index / 16])
        answers.append(policy.act(Observation(images, state, "Pick up the object", index * 1_000_000_000)))
    return _sha(*(part for chunk in answers for part in (chunk.times_ns.tobytes(), chunk.positions.tobytes())))


def stages(policy: Policy, simulator: Simulator, episode: Callable[[], str]) -> Iterator[tuple[str, str]]:
    """Every stage's name and digest, in the order of the loop. episode: runs one and returns its digest."""
    yield "scene", scene_digest()
    yield "physics", physics_digest(simulator)
    yield "render", render_digest(simulator) if isinstance(simulator, Drawing) else MISSING
    for name in CODECS:
        try:
            packets, pictures = codec_digests(name)
        except CodecError:  # not installed, or not built in, on this machine
            packets = pictures = MISSING
        yield f"{name}: packets", packets
        yield f"{name}: pictures", pictures
    yield "policy", policy_digest(policy)
    yield EPISODE, episode()


def compare(reference: Mapping[str, str], here: Mapping[str, str]) -> dict[str, str]:
    """Stage -> "same", "differs", or what keeps it from being compared; stages of either side, in the order of the loop."""
    found = {}
    for name in [*reference, *(name for name in here if name not in reference)]:
        there, now = reference.get(name, MISSING), here.get(name, MISSING)
        if MISSING in (there, now):
            found[name] = MISSING if now == MISSING else "not in the reference"
        else:
            found[name] = "same" if there == now else "differs"
    return found


def _sha(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()
