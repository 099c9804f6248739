"""What the documentation asks of the tool ``ros2``, for machines that have rclpy and no command-line tools.

    python test/ros2_double.py run PACKAGE EXECUTABLE …        python test/ros2_double.py topic echo TOPIC [--field NAME]
    python test/ros2_double.py launch PACKAGE FILE [NAME:=VALUE …] [--show-args]            topic bw TOPIC
    python test/ros2_double.py param set|describe NODE NAME [VALUE]                          lifecycle get NODE

It asks the running nodes through the same services and topics as the tool would. ``topic`` ends with the first answer.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import yaml
from interfaces import LAUNCH_FILES, LaunchedNode, load_launch_file

from embodiedcomp_eval.ros_trial import executable, ros_arguments

PATIENCE = 20.0
"""s for an answer."""


def run(package: str, program: str, *arguments: str) -> int:
    os.execv(executable(package, program), [program, *arguments])


def launch(package: str, name: str, *arguments: str) -> int:
    """The nodes of a launch file; ends as it says: with the first that ends, or when it is interrupted."""
    file = load_launch_file(next(path for path in LAUNCH_FILES if path.name == name))
    if "--show-args" in arguments:
        for argument in file.arguments.values():
            choices = f" one of: {', '.join(argument.choices)}" if argument.choices else ""
            print(f"'{argument.name}':\n    {argument.description}.{choices}\n    (default: '{argument.default}')")
        return 0
    started: list[tuple[LaunchedNode, subprocess.Popen[bytes]]] = []
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    try:
        for node in file.nodes(**dict(argument.split(":=", 1) for argument in arguments)):
            words = ros_arguments(node.name, node.parameters, node.remappings)
            space = ["-r", f"__ns:={node.namespace}"] if node.namespace else []
            started.append((node, subprocess.Popen([executable(node.package, node.executable), *words, *space])))
        while all(process.poll() is None for _, process in started):
            time.sleep(0.1)
        node, process = next((n, p) for n, p in started if p.poll() is not None)
        return int(process.returncode)
    except KeyboardInterrupt:
        return 0
    finally:
        for _, process in started:
            process.send_signal(signal.SIGINT)
        for _, process in started:
            process.wait(60)


def topic(verb: str, name: str, *options: str) -> int:
    with Asker() as ask:
        ask.until(lambda: dict(ask.node.get_topic_names_and_types()).get(name), f"no topic {name}")
        package, _, kind = dict(ask.node.get_topic_names_and_types())[name][0].partition("/msg/")
        heard: list[Any] = []
        raw = verb == "bw"
        ask.listen(getattr(importlib.import_module(f"{package}.msg"), kind), name, heard.append, raw)
        ask.until(lambda: len(heard) > 9 * raw, f"nothing came on {name}")
        if raw:
            print(f"{sum(map(len, heard))} bytes in {len(heard)} messages")
        else:
            print(getattr(heard[0], options[options.index("--field") + 1]) if "--field" in options else heard[0])
    return 0


def param(verb: str, node: str, name: str, *value: str) -> int:
    from rcl_interfaces.srv import DescribeParameters, SetParameters
    from rclpy.parameter import Parameter

    with Asker() as ask:
        if verb == "describe":
            request = DescribeParameters.Request(names=[name])
            print(ask.call(DescribeParameters, f"{node}/describe_parameters", request).descriptors[0])
            return 0
        wanted = Parameter(name, value=yaml.safe_load(value[0])).to_parameter_msg()  # of the type that YAML gives it
        request = SetParameters.Request(parameters=[wanted])
        (result,) = ask.call(SetParameters, f"{node}/set_parameters", request).results
        print("Set parameter successful" if result.successful else result.reason)
        return 0 if result.successful else 1


def lifecycle(verb: str, node: str) -> int:
    from lifecycle_msgs.srv import GetState

    with Asker() as ask:
        state = ask.call(GetState, f"{node}/get_state", GetState.Request()).current_state
        print(f"{state.label} [{state.id}]")
    return 0


class Asker:
    """A node that asks and waits."""

    def __enter__(self) -> Asker:
        import rclpy

        rclpy.init()
        self.node = rclpy.create_node("ros2_double")
        return self

    def __exit__(self, *_: object) -> None:
        import rclpy

        rclpy.shutdown()

    def listen(self, kind: Any, name: str, heard: Callable[[Any], None], raw: bool) -> None:
        from rclpy.qos import qos_profile_sensor_data

        self.node.create_subscription(kind, name, heard, qos_profile_sensor_data, raw=raw)

    def until(self, condition: Callable[[], Any], complaint: str) -> None:
        import rclpy

        deadline = time.monotonic() + PATIENCE
        while not condition():
            rclpy.spin_once(self.node, timeout_sec=0.1)
            if time.monotonic() > deadline:
                sys.exit(complaint)

    def call(self, kind: Any, name: str, request: Any) -> Any:
        client = self.node.create_client(kind, name)
        self.until(client.service_is_ready, f"nobody offers {name}")
        future = client.call_async(request)
        self.until(future.done, f"{name} doesn't answer")
        return future.result()


VERBS: dict[str, Callable[..., int]] = {
    "run": run, "launch": launch, "topic": topic, "param": param, "lifecycle": lifecycle,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(VERBS[sys.argv[1]](*sys.argv[2:]))
