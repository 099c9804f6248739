"""The recorder and the doctor on a stack of ours, as processes."""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np
import rclpy
from rclpy.context import Context
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


def test_the_doctor_says_what_is_missing(ros_domain: int, processes: Processes) -> None:
    encoder = processes.start("embodiedcomp_codec", "encoder", "-r", "image:=/cam")
    encoder.wait_for("ready")
    doctor = processes.start("embodiedcomp_eval", "doctor", "-p", "images:=[/cam]", "-p", "seconds:=4.0")
    assert doctor.wait(60) == 1, doctor.output
    assert "problem: nobody publishes /cam\n" in doctor.output
    assert "note: nobody subscribes /cam/embodiedcomp (the encoder codes nothing" in doctor.output
    assert "Traceback" not in doctor.output
