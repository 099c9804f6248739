"""ROS 2 nodes: simulator, evaluator."""
