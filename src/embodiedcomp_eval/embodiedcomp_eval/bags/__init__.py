"""Rosbag2 files (MCAP, SQLite): read, recorded, and replayed through the codecs at other rates, without ROS."""
