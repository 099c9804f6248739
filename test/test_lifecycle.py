"""Every node can be cleaned up and configured again, and the three copies of its frame are one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from ros_harness import Processes, spin_until

rclpy = pytest.importorskip("rclpy")

SOURCES = Path(__file__).resolve().parents[1] / "src"
NODES = {
    "encoder": ("embodiedcomp_codec", "-p", "codec:=jpeg", "-r", "image:=/cam"),
    "decoder": ("embodiedcomp_codec", "-r", "image:=/cam"),
    "link": ("embodiedcomp_codec",),
    "guard": ("embodiedcomp_policy",),
    "policy": ("embodiedcomp_policy", "-p", "policy:=toy"),
    "simulator": ("embodiedcomp_eval", "-p", "timing:=lockstep"),
}


def test_the_copies_of_the_lifecycle_module_are_equal() -> None:
    packages = ("embodiedcomp_codec", "embodiedcomp_policy", "embodiedcomp_eval")
    texts = {(SOURCES / name / name / "nodes" / "lifecycle.py").read_text() for name in packages}
    assert len(texts) == 1


def endpoints(node: Any, name: str) -> dict[str, list[tuple[str, list[str]]]]:
    """What a node offers and hears."""
    return {
        "publishers": sorted(node.get_publisher_names_and_types_by_node(name, "/")),
        "subscribers": sorted(node.get_subscriber_names_and_types_by_node(name, "/")),
        "services": sorted(node.get_service_names_and_types_by_node(name, "/")),
    }


def counts(node: Any, name: str) -> dict[str, int]:
    """How many endpoints of the node stand behind each of its topics."""
    topics = {topic for kind in ("publishers", "subscribers") for topic, _ in endpoints(node, name)[kind]}
    return {
        topic: sum(
            info.node_name == name
            for info in (*node.get_publishers_info_by_topic(topic), *node.get_subscriptions_info_by_topic(topic))
        )
        for topic in topics
    }


@pytest.mark.parametrize("name", NODES)
def test_a_node_is_configured_again_after_its_cleanup(
    ros_context: Any, processes: Processes, toy_task: str, name: str
) -> None:
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    package, *arguments = NODES[name]
    if name == "simulator":
        arguments += ["-p", f"task:={toy_task}"]
    started = processes.start(package, name, *arguments)
    started.wait_for("ready")
    probe = rclpy.create_node("probe", context=ros_context)
    client = probe.create_client(ChangeState, f"/{name}/change_state")
    assert spin_until(probe, client.service_is_ready, 20.0)

    def change(transition: int) -> None:
        request = ChangeState.Request(transition=Transition(id=transition))
        future = client.call_async(request)
        assert spin_until(probe, future.done, 20.0)
        assert future.result().success, started.output

    assert spin_until(probe, lambda: name in probe.get_node_names(), 20.0)
    reset = (f"/{name}/reset_episode", ["embodiedcomp_msgs/srv/ResetEpisode"])
    assert spin_until(probe, lambda: reset in endpoints(probe, name)["services"], 20.0)
    before, how_many = endpoints(probe, name), counts(probe, name)
    for _ in range(2):
        change(Transition.TRANSITION_DEACTIVATE)
        change(Transition.TRANSITION_CLEANUP)
        assert spin_until(probe, lambda: reset not in endpoints(probe, name)["services"], 20.0)
        change(Transition.TRANSITION_CONFIGURE)
        change(Transition.TRANSITION_ACTIVATE)
        assert spin_until(probe, lambda: endpoints(probe, name) == before, 20.0)
        assert spin_until(probe, lambda: counts(probe, name) == how_many, 20.0)
    assert "Traceback" not in started.output and "rror" not in started.output


def test_a_node_ends_though_nothing_wakes_it(ros_domain: int) -> None:
    from embodiedcomp_eval.nodes.lifecycle import AutostartNode, run_node

    class Idle(AutostartNode):
        def prepare(self) -> None:
            """Nothing."""

        def on_activate(self, state: Any) -> Any:
            threading.Timer(0.2, shut_down_unsaid).start()
            return super().on_activate(state)

    def shut_down_unsaid() -> None:
        """As rclpy's signal handler leaves an executor that began to wait again between its wake and its shutdown."""
        handle = rclpy.get_default_context().handle
        with handle:
            handle.shutdown()

    assert run_node("idle", lambda: Idle("idle")) == 0
