"""Messages to evidence, live and from a bag alike; what can't be believed is dropped and counted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bag_examples import header, make

from embodiedcomp_eval.bags.types import Types
from embodiedcomp_eval.evidence import READERS, Intake, JointsSeen, PoseSeen, TransformSeen, ValuesSeen

NOW = 1_700_000_000 * 1_000_000_000


def stamped_pose(stamp_ns: int, z: float) -> object:
    place = make("geometry_msgs/msg/Point", x=1.0, y=2.0, z=z)
    turn = make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0)
    pose = make("geometry_msgs/msg/Pose", position=place, orientation=turn)
    return make("geometry_msgs/msg/PoseStamped", header=header(stamp_ns, "/world"), pose=pose)


def test_live_messages_and_those_of_a_bag_say_the_same() -> None:
    messages = pytest.importorskip("geometry_msgs.msg")
    live = messages.PoseStamped()
    live.header.frame_id = "world"
    live.header.stamp.sec, live.header.stamp.nanosec = divmod(NOW, 1_000_000_000)
    live.pose.position.x, live.pose.position.y, live.pose.position.z = 1.0, 2.0, 3.0
    (first,), (second,) = (
        Intake().read("p", "geometry_msgs/msg/PoseStamped", message, NOW) for message in (live, stamped_pose(NOW, 3.0))
    )
    assert isinstance(first, PoseSeen) and isinstance(second, PoseSeen)
    assert (first.stamp_ns, first.frame) == (second.stamp_ns, second.frame) == (NOW, "world")
    assert np.array_equal(first.position, second.position)


def test_stamps_from_the_future_and_poses_of_nothing_are_dropped_and_counted() -> None:
    intake, kind = Intake(), "geometry_msgs/msg/PoseStamped"
    assert intake.read("p", kind, stamped_pose(NOW + 200_000_000, 0.1), NOW) == []
    assert intake.read("p", kind, stamped_pose(NOW, math.nan), NOW) == []
    assert intake.read("p", kind, stamped_pose(NOW + 50_000_000, 0.1), NOW)
    assert intake.complaint() == "1 on p dropped: not finite; 1 on p dropped: stamped in the future"
    (unstamped,) = intake.read("p", kind, stamped_pose(0, 0.1), NOW)
    assert unstamped.stamp_ns == NOW
    (arrived,) = Intake(by_header=False).read("p", kind, stamped_pose(NOW + 10**12, 0.1), NOW)
    assert arrived.stamp_ns == NOW


def test_transforms_numbers_wrenches_and_joints() -> None:
    vector = make("geometry_msgs/msg/Vector3", x=0.0, y=3.0, z=4.0)
    turn = make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=2.0, w=0.0)
    transform = make("geometry_msgs/msg/Transform", translation=vector, rotation=turn)
    one = make("geometry_msgs/msg/TransformStamped", header=header(NOW, "a"), child_frame_id="b", transform=transform)
    both = make("tf2_msgs/msg/TFMessage", transforms=[one])
    for topic, static in (("/tf", False), ("/tf_static", True)):
        (seen,) = Intake().read(topic, "tf2_msgs/msg/TFMessage", both, NOW)
        assert isinstance(seen, TransformSeen)
        assert (seen.parent, seen.child, seen.static, seen.rotation.tolist()) == ("a", "b", static, [0, 0, 0, 1])
    (pose,) = Intake().read("p", "geometry_msgs/msg/TransformStamped", one, NOW)  # vicon_bridge
    assert isinstance(pose, PoseSeen) and pose.frame == "a"
    (number,) = Intake().read("n", "std_msgs/msg/Bool", make("std_msgs/msg/Bool", data=True), NOW)
    assert isinstance(number, ValuesSeen) and number.values == {"value": 1.0} and number.stamp_ns == NOW
    wrench = make("geometry_msgs/msg/Wrench", force=vector, torque=vector)
    stamped = make("geometry_msgs/msg/WrenchStamped", header=header(NOW), wrench=wrench)
    (force,) = Intake().read("w", "geometry_msgs/msg/WrenchStamped", stamped, NOW)
    assert isinstance(force, ValuesSeen) and force.values["force"] == 5.0 and force.values["torque_z"] == 4.0
    state = make(
        "sensor_msgs/msg/JointState", header=header(NOW), name=["j"], position=np.array([0.5]), velocity=np.zeros(0),
        effort=np.array([2.0]),
    )  # fmt: skip
    assert Intake().read("j", "sensor_msgs/msg/JointState", state, NOW) == [JointsSeen(NOW, ("j",), (0.5,), (2.0,))]


def test_every_type_that_is_read_is_a_standard_one() -> None:
    types = Types()
    for msgtype in READERS:
        types.need(msgtype)
