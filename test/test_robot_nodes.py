"""The recorder and the doctor on a stack of ours, as processes."""

from __future__ import annotations

from array import array
from itertools import pairwise
from pathlib import Path

import numpy as np
import rclpy
from rclpy.context import Context
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState

from embodiedcomp_eval.bags.reader import BagReader
from ros_harness import Processes, spin_until


def camera_image(stamp_ns: int) -> Image:
    message = Image(height=48, width=64, encoding="rgb8", step=192, data=array("B", bytes(48 * 192)))
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    return message


def test_the_recorder_keeps_what_is_published_until_it_is_interrupted(
    ros_domain: int, ros_context: Context, processes: Processes, tmp_path: Path
) -> None:
    node = rclpy.create_node("camera", context=ros_context)
    images, joints = node.create_publisher(Image, "/cam", 5), node.create_publisher(JointState, "/joint_states", 5)
    recorder = processes.start("embodiedcomp_eval", "recorder", "-p", f"out:={tmp_path}", "-p", "storage:=sqlite3")
    recorder.wait_for("recording into")
    assert spin_until(node, lambda: images.get_subscription_count() and joints.get_subscription_count(), timeout=20.0)
    for index in range(5):
        images.publish(camera_image(index))
        joints.publish(JointState(name=["a"], position=[0.1 * index]))
    # What has been received stands in the bag; the interrupt comes through the same executor, after it.
    spin_until(node, lambda: False, timeout=1.0)
    recorder.interrupt()
    assert recorder.wait(30) == 0, recorder.output
    with BagReader(tmp_path / "bag") as reader:
        counts = {topic.name: (topic.msgtype, topic.count) for topic in reader.topics}
        assert counts["/cam"] == ("sensor_msgs/msg/Image", 5)
        assert counts["/joint_states"] == ("sensor_msgs/msg/JointState", 5)
        assert "/rosout" not in counts
        positions = [reader.deserialize(record).position[0] for record in reader.records(["/joint_states"])]
    assert np.allclose(positions, [0.0, 0.1, 0.2, 0.3, 0.4])


def test_a_killed_recorder_has_kept_all_but_a_second_in_order_though_its_clock_fell_back(
    ros_domain: int, ros_context: Context, processes: Processes, tmp_path: Path
) -> None:
    node = rclpy.create_node("robot", context=ros_context)
    joints, clock = node.create_publisher(JointState, "/joint_states", 5), node.create_publisher(Clock, "/clock", 5)
    options = {"out": tmp_path, "topics": "[/joint_states]", "use_sim_time": "true"}
    recorder = processes.start(
        "embodiedcomp_eval", "recorder", *(word for item in options.items() for word in ("-p", "{}:={}".format(*item)))
    )
    sent, now = 0, 100.0

    def publish() -> None:
        nonlocal sent, now
        now += 0.2
        message = Clock()
        message.clock.sec, message.clock.nanosec = int(now), int(now % 1 * 1e9)
        clock.publish(message)
        if joints.get_subscription_count():
            sent += 1
            joints.publish(JointState(name=["a"], position=[float(sent)]))

    node.create_timer(0.02, publish)  # ten times as fast as the wall clock
    assert spin_until(node, lambda: sent > 20, timeout=20.0)
    now = 50.0
    assert spin_until(node, lambda: "the clock fell back by" in recorder.output, timeout=10.0)
    fell_at = sent
    assert spin_until(node, lambda: sent > fell_at + 20, timeout=10.0)
    recorder.kill()
    with BagReader(tmp_path / "bag") as reader:
        assert reader.unfinished
        records = list(reader.records(["/joint_states"]))
        positions = [reader.deserialize(record).position[0] for record in records]
    assert positions == sorted(positions) and positions[0] < 20 and positions[-1] > fell_at
    assert max(b.log_ns - a.log_ns for a, b in pairwise(records)) < 2e9 and records[0].log_ns > 99e9


def test_the_doctor_says_what_is_missing(ros_domain: int, processes: Processes) -> None:
    encoder = processes.start("embodiedcomp_codec", "encoder", "-r", "image:=/cam")
    encoder.wait_for("ready")
    doctor = processes.start("embodiedcomp_eval", "doctor", "-p", "images:=[/cam]", "-p", "seconds:=4.0")
    assert doctor.wait(60) == 1, doctor.output
    assert "problem: nobody publishes /cam\n" in doctor.output
    assert "note: nobody subscribes /cam/embodiedcomp (the encoder codes nothing" in doctor.output
    assert "Traceback" not in doctor.output
