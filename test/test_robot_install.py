"""The robot's side runs on ROS 2 and ``requirements/robot.txt`` alone: every other package that is installed here is hidden."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from array import array
from pathlib import Path

import pytest
import rclpy
from interfaces import ROOT
from rclpy.context import Context
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from ros_harness import Processes, spin_until

MODULES = {"numpy": "numpy", "PyYAML": "yaml", "pillow": "PIL", "av": "av", "imagecodecs": "imagecodecs"}
"""Package of requirements/robot.txt -> the module that it brings."""
HIDING = """
import re, sys
from importlib.machinery import PathFinder
OURS = re.compile("embodiedcomp_(msgs|codec|policy|eval)")
ROS = "rclpy|rpyutils|ament_\\w+|rosidl_\\w+|\\w+_msgs|\\w+_interfaces|ros_\\w+|lark|typing_extensions|_\\w+"
ROS = re.compile(ROS)  # with what rclpy itself needs
class Hidden:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if path is not None or top in ALLOWED or OURS.fullmatch(top) or ROS.fullmatch(top):
            return None
        spec = PathFinder.find_spec(name, path)
        where = str(spec.origin or list(spec.submodule_search_locations or [""])[0]) if spec is not None else ""
        if "-packages" in where:
            raise ModuleNotFoundError(f"No module named {name!r}: hidden", name=name)
        return None
sys.meta_path.insert(0, Hidden())
"""


@pytest.fixture
def robot_environment(tmp_path: Path) -> dict[str, str]:
    """Variables that hide in every Python process what the robot's side has not."""
    (tmp_path / "sitecustomize.py").write_text(HIDING.replace("ALLOWED", repr(set(MODULES.values()))))
    return {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}


def test_the_modules_are_those_of_the_requirements(robot_environment: dict[str, str]) -> None:
    lines = (ROOT / "requirements" / "robot.txt").read_text().splitlines()
    assert {re.split(r"[\s<>=#]", line)[0] for line in lines} - {""} == set(MODULES)
    for module, hidden in {
        **dict.fromkeys(MODULES.values(), False),
        "scipy": True,
        "rosbags": True,
        "torch": True,
    }.items():
        run = subprocess.run(
            [sys.executable, "-c", f"import {module}"],
            check=False,
            env=os.environ | robot_environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ("hidden" in run.stderr) == hidden and bool(run.returncode) == hidden, run.stderr


def test_encoder_decoder_guard_and_doctor_run(
    ros_context: Context, processes: Processes, robot_environment: dict[str, str]
) -> None:
    coding = ("-r", "image:=/cam")
    nodes = [
        processes.start("embodiedcomp_codec", "encoder", *coding, environment=robot_environment),
        processes.start("embodiedcomp_codec", "decoder", *coding, environment=robot_environment),
        processes.start("embodiedcomp_policy", "guard", environment=robot_environment),
    ]
    for node in nodes:
        node.wait_for("ready")
    camera = rclpy.create_node("camera", context=ros_context)
    images, seen = camera.create_publisher(Image, "/cam", qos_profile_sensor_data), []
    camera.create_subscription(Image, "/cam/decoded", seen.append, qos_profile_sensor_data)

    def publish() -> None:
        message = Image(height=48, width=64, encoding="rgb8", step=192, data=array("B", bytes(48 * 192)))
        message.header.stamp = camera.get_clock().now().to_msg()
        images.publish(message)

    camera.create_timer(0.1, publish)
    doctor = processes.start("embodiedcomp_eval", "doctor", "-p", "seconds:=1.0", environment=robot_environment)
    assert spin_until(camera, lambda: seen and not doctor.running, timeout=60.0), doctor.output
    assert "topics heard for 1 s" in doctor.output and "Traceback" not in doctor.output
    assert all(node.running for node in nodes)
