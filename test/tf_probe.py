"""A tag detector, a camera's mount and the judge that hears both on /tf and /tf_static, in one process with tf2_msgs."""

from __future__ import annotations

import rclpy
from geometry_msgs.msg import TransformStamped
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from embodiedcomp_eval.judge_registry import make_panel
from embodiedcomp_eval.judging import Setting
from embodiedcomp_eval.nodes.evidence_inputs import EvidenceInputs
from embodiedcomp_policy.robot import load_robot
from ros_harness import spin_until

TAG = "tag36h11:7"


def main() -> None:
    rclpy.init()
    node = rclpy.create_node("judge")
    options = {"object_tf": {"object_frame": TAG, "hold": 0.3}}
    panel = make_panel("object_tf", options, Setting(load_robot("ur5e"), 0.12))
    inputs = EvidenceInputs(node, panel, (), lambda: None)
    print("before:", *inputs.missing(), flush=True)
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    mount, tags = node.create_publisher(TFMessage, "/tf_static", latched), node.create_publisher(TFMessage, "/tf", 100)
    camera = TransformStamped(child_frame_id="camera_optical")
    camera.header.frame_id = "base_link"
    camera.transform.translation.z, camera.transform.rotation.x, camera.transform.rotation.w = (
        1.0,
        1.0,
        0.0,
    )  # looks down
    mount.publish(TFMessage(transforms=[camera]))
    height = 0.05

    def detect() -> None:
        tag = TransformStamped(child_frame_id=TAG)
        tag.header.frame_id, tag.header.stamp = "camera_optical", node.get_clock().now().to_msg()
        tag.transform.translation.x = 1e-9 * (now() % 1_000_000)  # a sensor's numbers never repeat
        tag.transform.translation.z = 1.0 - height
        tags.publish(TFMessage(transforms=[tag]))

    def now() -> int:
        return int(node.get_clock().now().nanoseconds)

    node.create_timer(0.05, detect)
    node.create_timer(0.1, inputs.look)
    assert spin_until(node, lambda: not inputs.missing() and panel.unready(now()) is None, 20.0), panel.unready(now())
    start = now()
    panel.begin(start, start + 20_000_000_000)
    height = 0.25
    assert spin_until(node, panel.decided, 10.0), panel.verdict()
    print(panel.decided().outcome, round(panel.decided().facts["lift"], 3), flush=True)


if __name__ == "__main__":
    main()
