"""ROS 2 nodes: policy, guard."""
