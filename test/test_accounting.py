"""What the summary says was sent is what crossed the bits topics, counted by somebody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trial_runs import lines, start_trial, summary

from ros_harness import Processes, spin_until


def test_payload_bytes_are_those_on_the_bits_topics(
    toy_task: str, tmp_path: Path, ros_domain: int, ros_context: Any, processes: Processes
) -> None:
    import rclpy
    from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import CompressedImage

    from embodiedcomp_msgs.msg import TrialResult

    node = rclpy.create_node("counter", context=ros_context)
    sizes: list[int] = []
    deep = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
    for camera in ("base_camera", "wrist_camera"):
        topic = f"/{camera}/image_raw/embodiedcomp"
        node.create_subscription(CompressedImage, topic, lambda message: sizes.append(len(message.data)), deep)
    results: list[Any] = []
    latched = QoSProfile(
        depth=1000, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
    )
    node.create_subscription(TrialResult, "/trial_result", results.append, latched)
    options = ["--policy", "toy", "--task", toy_task, "--codec", "av1", "--episodes", "3", "--out", str(tmp_path / "t")]
    trial = start_trial(processes, *options, "--domain-id", str(ros_domain))
    assert spin_until(node, lambda: not trial.running, timeout=120.0)
    assert trial.wait() == 0, trial.output
    assert spin_until(node, lambda: len(sizes) >= summary(tmp_path / "t")["frames_sent"], timeout=5.0)
    total = summary(tmp_path / "t")
    # Every query of this policy is answered within the episode, so nothing that was sent lies after its end.
    assert len(sizes) == total["frames_sent"]
    assert sum(sizes) == total["payload_bytes"]
    # The process ends right after the last result, but not before it has arrived.
    assert spin_until(node, lambda: len(results) >= 3, timeout=5.0)
    assert [(result.episode, result.success, result.error) for result in results] == [
        (line["episode"], line["success"], "") for line in lines(tmp_path / "t")
    ]
