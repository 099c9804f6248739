"""From a trial's configuration to its parts: plug-ins by name, streams, guard; the in-process loop is put together here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embodiedcomp_codec.stream import DecoderStream, EncoderStream
from embodiedcomp_eval import oracle_pose
from embodiedcomp_eval.channel import Channel
from embodiedcomp_eval.charges import load_charges
from embodiedcomp_eval.ground_truth import Informed, SceneNote
from embodiedcomp_eval.recording import EpisodeRecorder, WireSize
from embodiedcomp_eval.registry import make_simulator
from embodiedcomp_eval.sensor import Sensor
from embodiedcomp_eval.simulator import Simulator
from embodiedcomp_eval.subscriber import Subscriber
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_eval.trial import Camera, ClosedLoop
from embodiedcomp_eval.trial_config import TrialConfig
from embodiedcomp_eval.wire import wire_size
from embodiedcomp_policy.guard import Guard
from embodiedcomp_policy.policy import Policy
from embodiedcomp_policy.registry import make_policy
from embodiedcomp_policy.robot import load_robot


def make_recorder(config: TrialConfig, task: TaskConfig) -> EpisodeRecorder:
    """The recorder of either transport; wire bytes are those of a live stack, its frame_id the camera's name."""
    return EpisodeRecorder(task, make_wire_size(config))


def make_wire_size(config: TrialConfig) -> WireSize:
    """Bytes on the wire of a packet of that trial."""
    return lambda camera, size: wire_size(camera, image_format(config), size)


def image_format(config: TrialConfig) -> str:
    """``CompressedImage.format`` on the bits topics."""
    return f"rgb8; {config.codec} compressed rgb8"


@dataclass(frozen=True)
class Parts:
    """What takes long to make and serves many loops, one after the other."""

    policy: Policy
    simulator: Simulator


def make_parts(config: TrialConfig, task: TaskConfig) -> Parts:
    """Policy and simulator of a trial. Raises what they raise: one line each."""
    # The policy first: torch must be in the process before a renderer is (docs/decisions).
    policy = make_policy(config.policy, config.checkpoint, config.server, robot=load_robot(task.robot))
    return Parts(policy, make_simulator(task))


def make_loop(
    config: TrialConfig, task: TaskConfig, subscribers: Sequence[Subscriber] = (), parts: Parts | None = None
) -> tuple[ClosedLoop, EpisodeRecorder]:
    """Everything in this process, configured and idle. Raises what the parts raise: one line each.

    parts: used in place of new ones.
    """
    parts = parts or make_parts(config, task)
    policy, simulator = parts.policy, parts.simulator
    if getattr(policy, "privileged", False):
        policy = Informed(policy, simulator)  # type: ignore[arg-type]
        subscribers = (policy.note, *subscribers)
    charge_ns = load_charges().query_ns(config.codec, config.policy) if config.timing == "charged" else None
    recorder = make_recorder(config, task)
    stream = config.stream(task)
    link = config.link_config()
    if config.codec == oracle_pose.NAME:
        note = SceneNote()
        subscribers = (note, *subscribers)
        streams = oracle_pose.OracleChannel(simulator, lambda: note.kind).streams(task.cameras)
    else:
        streams = {name: (EncoderStream(stream), DecoderStream()) for name in task.cameras}
    cameras = {
        name: Camera(*streams[name], Channel(link, name, image_format(config)) if link else None)
        for name in task.cameras
    }
    loop = ClosedLoop(
        task,
        simulator,
        policy,
        Guard(load_robot(task.robot)),
        cameras,
        recorder,
        every_step=config.send == "every_step",
        sensor=Sensor(config.sensor, config.grey),
        charge_ns=charge_ns,
        subscribers=subscribers,
    )
    return loop, recorder
