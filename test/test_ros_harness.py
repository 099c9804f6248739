"""The harness itself: domains of their own, processes that end with their whole group, messages in between."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from ros_harness import Processes, reserved_domain, spin_until

LOOP = "import signal, sys, threading; print('ready', flush=True); threading.Event().wait()"
FORKING = (
    "import subprocess, sys, threading; child = subprocess.Popen(['sleep', '600']); print('child', child.pid, flush=True)\n"
    "threading.Event().wait()"
)


def test_domains_held_at_once_differ() -> None:
    with reserved_domain() as first, reserved_domain() as second:
        assert first != second


def test_a_domain_reaches_this_process_and_its_children(ros_domain: int, processes: Processes) -> None:
    assert os.environ["ROS_DOMAIN_ID"] == str(ros_domain)
    child = processes.command([sys.executable, "-c", "import os; print('domain', os.environ['ROS_DOMAIN_ID'])"])
    assert child.wait_for(r"domain (\d+)")[1] == str(ros_domain)
    assert child.wait() == 0


def test_stop_ends_grandchildren_too(processes: Processes) -> None:
    parent = processes.command([sys.executable, "-c", FORKING])
    grandchild = int(parent.wait_for(r"child (\d+)")[1])
    os.kill(grandchild, 0)
    parent.stop()
    assert not parent.group_alive() or _is_zombie(grandchild)


def test_kill_looks_like_a_crash(processes: Processes) -> None:
    process = processes.command([sys.executable, "-c", LOOP])
    process.wait_for("ready")
    process.kill()
    assert process.wait() == -signal.SIGKILL


def test_waiting_for_a_line_that_never_comes_fails_with_the_output(processes: Processes) -> None:
    process = processes.command([sys.executable, "-c", "print('something else')"])
    with pytest.raises(pytest.fail.Exception, match="something else"):
        process.wait_for("ready", timeout=20.0)


def test_a_message_arrives_within_one_domain_only(ros_context) -> None:
    import rclpy
    from std_msgs.msg import String

    node = rclpy.create_node("harness", context=ros_context)
    other = rclpy.Context()
    with reserved_domain() as domain:
        rclpy.init(context=other, domain_id=domain)
        stranger = rclpy.create_node("stranger", context=other)
        received: list[str] = []
        foreign: list[str] = []
        node.create_subscription(String, "word", lambda message: received.append(message.data), 1)
        stranger.create_subscription(String, "word", lambda message: foreign.append(message.data), 1)
        publisher = node.create_publisher(String, "word", 1)
        assert spin_until(node, lambda: publisher.get_subscription_count() == 1, timeout=20.0)
        publisher.publish(String(data="hello"))
        assert spin_until(node, lambda: received, timeout=20.0)
        assert not spin_until(stranger, lambda: foreign, timeout=0.5)
        assert received == ["hello"]
        stranger.destroy_node()
        other.try_shutdown()
    node.destroy_node()


def _is_zombie(pid: int) -> bool:
    """Dead, and only waiting for whoever adopted it to notice."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True
