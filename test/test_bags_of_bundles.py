"""A bag that holds nothing but bundles gives the same pictures and joint states as the live decoder node."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from bag_examples import JOINTS, PERIOD, START, make, picture, put

from embodiedcomp_codec.bundle import BundleWriter, Setup
from embodiedcomp_codec.bundle_state import Bundle, Joints, Part
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_eval.bags.bundles import BUNDLE, open_bag
from embodiedcomp_eval.bags.dataset import DatasetConfig, make_dataset
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.export import export
from embodiedcomp_eval.bags.recode import Setting
from embodiedcomp_eval.bags.replay import ReplayConfig, replay
from embodiedcomp_eval.bags.writer import BagWriter
from embodiedcomp_policy.robot import load_robot

CAMERAS = ("base_camera", "wrist_camera")
SETUP = Setup(tuple((name, "rgb8") for name in CAMERAS), JOINTS)
STREAM = StreamConfig("h264", target_bpp=0.5, frame_period=0.1)


def bundle_bag(path: Path, frames: int, lost: int | None = None) -> dict[str, list[np.ndarray]]:
    """A recording of ``/bundle`` alone, one message lost on its way; returns what a live decoder shows."""
    encoders, decoders = ([kind() for _ in CAMERAS] for kind in (lambda: EncoderStream(STREAM), DecoderStream))
    shown: dict[str, list[np.ndarray]] = {name: [] for name in CAMERAS}
    bundler = BundleWriter()
    with BagWriter(path) as writer:
        for index in range(frames):
            stamp_ns = START + index * PERIOD
            packets = [
                encoder.encode(np.roll(picture(index), 20 * number, axis=1), stamp_ns).packet
                for number, encoder in enumerate(encoders)
            ]
            joints = Joints(stamp_ns - 1, tuple(0.5 * index for _ in JOINTS))
            data = bundler.write(Bundle(tuple(Part(packet, stamp_ns) for packet in packets), joints), SETUP)
            if index == lost:
                continue
            put(writer, "/arm/bundle", stamp_ns, make(BUNDLE, data=np.frombuffer(data, dtype=np.uint8)))
            for name, decoder, packet in zip(CAMERAS, decoders, packets, strict=True):
                received = decoder.decode(packet).image
                if received is not None:
                    shown[name].append(received)
    return shown


def test_pictures_are_those_of_the_live_decoder(tmp_path: Path) -> None:
    shown = bundle_bag(tmp_path / "bag", 8)
    done = {one.topic: one for one in export(tmp_path / "bag", tmp_path / "out", "pictures")}
    assert set(done) == {f"/arm/bundle/{name}/embodiedcomp" for name in CAMERAS}
    for name in CAMERAS:
        files = sorted(done[f"/arm/bundle/{name}/embodiedcomp"].path.iterdir())
        assert files[1].name == f"000001_{START + PERIOD}.png" and len(files) == 8
        for file, frame in zip(files, shown[name], strict=True):
            assert np.array_equal(np.array(PIL.Image.open(file)), frame)


def test_a_lost_bundle_is_lost_to_every_camera(tmp_path: Path) -> None:
    bundle_bag(tmp_path / "bag", 8, lost=3)
    done = list(export(tmp_path / "bag", tmp_path / "out", "pictures"))
    assert [one.frames for one in done] == [3, 3], "nothing is shown that lacks its reference"


def test_a_dataset_has_their_joint_states(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    bundle_bag(tmp_path / "bag", 8)
    made = make_dataset(DatasetConfig(tmp_path / "bag", tmp_path / "out", load_robot("ur5e"), "Lift"))
    assert (made.rows, made.held) == (8, 0) and set(made.cameras) == {f"arm_bundle_{name}" for name in CAMERAS}
    table = pq.read_table(tmp_path / "out/data/chunk-000/file-000.parquet").to_pydict()
    assert np.allclose([state[0] for state in table["observation.state"]], 0.5 * np.arange(8))


def test_a_replay_keeps_the_joint_states_and_not_the_bundles(tmp_path: Path) -> None:
    bundle_bag(tmp_path / "bag", 8)
    setting = Setting("jpeg", StreamConfig("jpeg", target_bpp=1.0))
    replay(ReplayConfig(tmp_path / "bag", tmp_path / "out", (setting,), similarity=False))
    with open_bag(tmp_path / "out" / "jpeg") as reader:
        counts = {topic.name: topic.count for topic in reader.topics}
    assert counts == {**{f"/arm/bundle/{name}/embodiedcomp": 8 for name in CAMERAS}, "/arm/bundle/joint_states": 8}


def test_bundles_that_never_describe_themselves_are_told(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        put(writer, "/bundle", START, make(BUNDLE, data=np.array([0, 1], dtype=np.uint8)))
    with pytest.raises(BagError, match="no bundle on /bundle describes itself"):
        open_bag(tmp_path / "bag")
