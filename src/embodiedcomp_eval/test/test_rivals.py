"""The trivial rivals: what they send, what the policy sees, and that the oracle's eight bytes hold the pose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodiedcomp_codec.codec import BitstreamError, CodecError
from embodiedcomp_eval.oracle_pose import OracleChannel, pack_pose, unpack_pose
from embodiedcomp_eval.rivals.codecs import FirstFrameOnly, NoneNoise, OraclePose, StateOnly
from embodiedcomp_eval.scene import OBJECTS
from embodiedcomp_eval.simulator import JointState, Pose


def picture(seed: int = 0) -> npt.NDArray[np.uint8]:
    smooth = np.linspace(0, 200, 64)[:, None, None] + np.linspace(0, 50, 48)[None, :, None] + np.array([0, 2, 4])
    return (smooth + np.random.default_rng(seed).integers(0, 3, smooth.shape)).astype(np.uint8)


def test_first_frame_only_sends_one_picture_and_goes_on_showing_it() -> None:
    encoder, decoder = FirstFrameOnly().encoder(48, 64, "inter"), FirstFrameOnly().decoder("inter")
    first = encoder.encode(picture(0), 1.0, True)
    shown = decoder.decode(first.data, first.key, 48, 64)
    assert first.key and np.abs(shown.astype(int) - picture(0)).mean() < 3
    for seed in (1, 2):
        later = encoder.encode(picture(seed), 1.0, False)
        assert later.data == b"" and not later.key
        assert np.array_equal(decoder.decode(later.data, later.key, 48, 64), shown)
    assert len(encoder.encode(picture(0), 0.1, True).data) < len(first.data)


@pytest.mark.parametrize("data", [b"", b"no picture", None])
def test_first_frame_only_refuses_what_is_no_picture(data: bytes | None) -> None:
    content = FirstFrameOnly().encoder(48, 64, "inter").encode(picture(), 1.0, True).data if data is None else data
    with pytest.raises(BitstreamError):
        FirstFrameOnly().decoder("inter").decode(content, True, 32, 32)


def test_state_only_sends_nothing_and_shows_grey() -> None:
    coded = StateOnly().encoder(48, 64, "inter").encode(picture(), 1.0, True)
    assert coded.data == b"" and coded.key
    shown = StateOnly().decoder("inter").decode(b"", True, 48, 64)
    assert shown.shape == (64, 48, 3) and np.all(shown == 128)
    with pytest.raises(BitstreamError):
        StateOnly().decoder("inter").decode(b"x", True, 48, 64)


def test_noise_is_one_grey_level_and_repeats() -> None:
    encoder, decoder = NoneNoise().encoder(48, 64, "intra"), NoneNoise().decoder("intra")
    first, again = (encoder.encode(picture(), 1.0, True).data for _ in range(2))
    difference = decoder.decode(first, True, 48, 64).astype(int) - picture()
    assert first == again and set(np.unique(difference)) == {-1, 0, 1}
    with pytest.raises(BitstreamError):
        decoder.decode(first[:-1], True, 48, 64)


quaternions = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: sum(v * v for v in q) > 0.1)


@given(
    st.sampled_from(OBJECTS), st.tuples(st.floats(-1.2, 1.2), st.floats(-1.2, 1.2), st.floats(-0.3, 0.9)), quaternions
)
def test_eight_bytes_hold_object_and_pose(
    kind: str, position: tuple[float, float, float], quaternion: tuple[float, float, float, float]
) -> None:
    orientation = np.array(quaternion) / np.linalg.norm(quaternion)
    packet = pack_pose(kind, Pose(np.array(position), orientation))
    found, pose = unpack_pose(packet)
    assert len(packet) == 8 and found == kind
    assert np.abs(pose.position - position).max() < 0.0004
    # Three parts half a step off each, and the fourth, from their squares, by as much as all of them together.
    assert abs(float(pose.orientation @ orientation)) > np.cos(np.deg2rad(2.3) / 2)
    assert np.linalg.norm(pose.orientation) == pytest.approx(1.0)


def test_a_pose_off_the_table_is_sent_as_the_nearest_one_that_fits() -> None:
    _, pose = unpack_pose(pack_pose("can", Pose(np.array([5.0, -5.0, 0.1]), np.array([1.0, 0.0, 0.0, 0.0]))))
    assert pose.position == pytest.approx([1.2, -1.2, 0.1], abs=1e-3)


class DrawingSimulator:
    """Draws the object's x as brightness."""

    def object_pose(self) -> Pose:
        return Pose(np.array([0.5, 0.1, 0.0]), np.array([1.0, 0.0, 0.0, 0.0]))

    def joint_state(self) -> JointState:
        return JointState(0, np.zeros(7), np.zeros(7))

    def draw(self, kind: str, positions: npt.NDArray[np.float64], pose: Pose) -> dict[str, npt.NDArray[np.uint8]]:
        shade = np.uint8(round(100 * pose.position[0]))
        return {name: np.full((4, 4, 3), shade) for name in ("base_camera", "wrist_camera")}


def test_the_oracle_sends_eight_bytes_a_query_for_all_cameras() -> None:
    streams = OracleChannel(DrawingSimulator(), lambda: "can").streams(["base_camera", "wrist_camera"])  # type: ignore[arg-type]
    for _ in range(2):
        packets = {name: encoder.encode(picture(), 0) for name, (encoder, _) in streams.items()}
        assert [len(sent.packet) for sent in packets.values()] == [8, 0]
        for name, (_, decoder) in streams.items():
            shown = decoder.decode(packets[name].packet).image
            assert shown is not None and np.all(shown == 50)


def test_the_oracle_needs_a_simulator_that_draws_and_a_shared_process() -> None:
    with pytest.raises(CodecError, match="can draw"):
        OracleChannel(object(), lambda: "can")  # type: ignore[arg-type]
    with pytest.raises(CodecError, match="inprocess"):
        OraclePose().encoder(8, 8, "intra")
    with pytest.raises(CodecError, match="inprocess"):
        OraclePose().decoder("intra")
