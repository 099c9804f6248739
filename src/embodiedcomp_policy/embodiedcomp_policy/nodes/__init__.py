"""The ROS 2 nodes: parameters, messages and wiring; no arithmetic."""
