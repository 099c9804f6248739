"""ROS 2 nodes: encoder, decoder, link."""
