"""In place of ros_gz_bridge, where that can't be had: carries what its parameter file names between a Gazebo and ROS.

    python gazebo_bridge.py gz_bridge.yaml

It speaks to the server by Debian's ign-transport 11 (Fortress) and reads messages by the descriptions that ign-msgs 8
installs, converting field by field as ros_gz_bridge does. Messages of ros_gz_interfaces are left out: that package comes
with the bridge, and nobody of ours listens to them. Wants g++, protoc, libignition-transport-dev, libignition-msgs-dev.
"""

from __future__ import annotations

import ctypes
import importlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SHIM = r"""
#include <cstddef>
#include <map>
#include <string>
#include <ignition/transport/Node.hh>
using namespace ignition::transport;
static Node node;
static std::map<std::string, Node::Publisher> publishers;
extern "C" bool advertise(const char *topic, const char *type) {
  return bool(publishers[topic] = node.Advertise(topic, type));
}
extern "C" bool publish(const char *topic, const char *type, const char *data, std::size_t size) {
  return publishers[topic].PublishRaw(std::string(data, size), type);
}
extern "C" bool subscribe(const char *topic, void (*carry)(const char *, std::size_t, const char *)) {
  return node.SubscribeRaw(topic, [carry](const char *data, const std::size_t size, const MessageInfo &about) {
    carry(data, size, about.Type().c_str());
  });
}
"""
"""ign-transport's own C interface takes what is published as a C string, which ends at the first zero byte."""
PROTOS = Path("/usr/include/ignition/msgs8")
SOURCES = ("clock", "image", "joint_trajectory", "model", "pose")
PIXELS = {3: "rgb8", 1: "mono8"}
"""Pixel formats of ignition.msgs.PixelFormatType as ROS calls them."""
CALLBACK = ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t, ctypes.c_char_p)


def transport() -> ctypes.CDLL:
    """The shim, built."""
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "ignition-transport11"], check=True, capture_output=True, text=True
    ).stdout.split()
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "shim.cc"), Path(folder, "shim.so")
        source.write_text(SHIM)
        subprocess.run(
            ["g++", "-std=c++17", "-w", "-shared", "-fPIC", str(source), "-o", str(library), *flags], check=True
        )
        built = ctypes.CDLL(str(library))
    for name in ("advertise", "publish", "subscribe"):
        getattr(built, name).restype = ctypes.c_bool
    return built


def message_types() -> Callable[[str], Any]:
    """A function from the full name of a Gazebo message to its class."""
    with tempfile.NamedTemporaryFile() as file:
        names = [str(PROTOS / "ignition" / "msgs" / f"{name}.proto") for name in SOURCES]
        subprocess.run(
            ["protoc", f"-I{PROTOS}", "--include_imports", f"--descriptor_set_out={file.name}", *names], check=True
        )
        files = descriptor_pb2.FileDescriptorSet.FromString(Path(file.name).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for description in files.file:
        pool.Add(description)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def put_header(given: Any, to: Any) -> None:
    """Stamp and, where Gazebo tells it, the frame."""
    to.stamp.sec, to.stamp.nanosec = given.stamp.sec, given.stamp.nsec
    for entry in given.data:
        if entry.key == "frame_id" and entry.value:
            to.frame_id = entry.value[0]


def image(given: Any, to: Any) -> None:
    put_header(given.header, to.header)
    to.height, to.width, to.step = given.height, given.width, given.step
    to.encoding = PIXELS[given.pixel_format_type]
    to.data = given.data


def joint_state(given: Any, to: Any) -> None:
    put_header(given.header, to.header)
    to.name = [joint.name for joint in given.joint]
    to.position = [joint.axis1.position for joint in given.joint]
    to.velocity = [joint.axis1.velocity for joint in given.joint]
    to.effort = [joint.axis1.force for joint in given.joint]


def pose(given: Any, to: Any) -> None:
    put_header(given.header, to.header)
    for part in ("position", "orientation"):
        for axis in "xyz" if part == "position" else "xyzw":
            setattr(getattr(to.pose, part), axis, getattr(getattr(given, part), axis))


def clock(given: Any, to: Any) -> None:
    to.clock.sec, to.clock.nanosec = given.sim.sec, given.sim.nsec


def trajectory(given: Any, to: Any) -> None:
    """From ROS to Gazebo."""
    to.header.stamp.sec, to.header.stamp.nsec = given.header.stamp.sec, given.header.stamp.nanosec
    to.joint_names.extend(given.joint_names)
    for point in given.points:
        made = to.points.add()
        for field in ("positions", "velocities", "accelerations", "effort"):
            getattr(made, field).extend(getattr(point, field))
        made.time_from_start.sec = point.time_from_start.sec
        made.time_from_start.nsec = point.time_from_start.nanosec


CONVERSIONS: dict[tuple[str, str], Callable[[Any, Any], None]] = {
    ("Image", "sensor_msgs/msg/Image"): image,
    ("Model", "sensor_msgs/msg/JointState"): joint_state,
    ("Pose", "geometry_msgs/msg/PoseStamped"): pose,
    ("Clock", "rosgraph_msgs/msg/Clock"): clock,
    ("JointTrajectory", "trajectory_msgs/msg/JointTrajectory"): trajectory,
}


class Bridge:
    """Carries the entries of a parameter file for as long as it lives."""

    def __init__(self, node: Any, entries: list[dict[str, Any]]) -> None:
        self._types = message_types()
        self._gazebo = transport()
        self._kept: list[Any] = []  # what C calls must not be collected
        for entry in entries:
            package, kind = entry["ros_type_name"].split("/msg/")
            if package == "ros_gz_interfaces":
                continue
            ros_type = getattr(importlib.import_module(f"{package}.msg"), kind)
            convert = CONVERSIONS[entry["gz_type_name"].rsplit(".", 1)[1], entry["ros_type_name"]]
            if entry["direction"] == "GZ_TO_ROS":
                self._to_ros(node, entry, ros_type, convert)
            else:
                self._to_gazebo(node, entry, ros_type, convert)

    def _to_ros(self, node: Any, entry: dict[str, Any], ros_type: Any, convert: Callable[[Any, Any], None]) -> None:
        publisher = node.create_publisher(ros_type, entry["ros_topic_name"], entry["publisher_queue"])
        gazebo_type = self._types(entry["gz_type_name"])

        def carry(data: Any, size: int, kind: bytes) -> None:
            if kind.decode() == entry["gz_type_name"]:
                message = ros_type()
                convert(gazebo_type.FromString(ctypes.string_at(data, size)), message)
                publisher.publish(message)

        self._kept.append(CALLBACK(carry))
        self._done(self._gazebo.subscribe(entry["gz_topic_name"].encode(), self._kept[-1]), entry)

    def _to_gazebo(self, node: Any, entry: dict[str, Any], ros_type: Any, convert: Callable[[Any, Any], None]) -> None:
        topic, kind = entry["gz_topic_name"].encode(), entry["gz_type_name"]
        gazebo_type = self._types(kind)
        self._done(self._gazebo.advertise(topic, kind.encode()), entry)

        def carry(message: Any) -> None:
            made = gazebo_type()
            convert(message, made)
            data = made.SerializeToString()
            self._done(self._gazebo.publish(topic, kind.encode(), data, ctypes.c_size_t(len(data))), entry)

        node.create_subscription(ros_type, entry["ros_topic_name"], carry, entry["subscriber_queue"])

    @staticmethod
    def _done(well: int, entry: dict[str, Any]) -> None:
        if not well:
            raise RuntimeError(f"Gazebo's transport refuses {entry['gz_topic_name']} as {entry['gz_type_name']}")


def main() -> None:
    rclpy.init()
    node = rclpy.create_node("gz_bridge")
    bridge = Bridge(node, yaml.safe_load(Path(sys.argv[1]).read_text()))
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        del bridge


if __name__ == "__main__":
    main()
