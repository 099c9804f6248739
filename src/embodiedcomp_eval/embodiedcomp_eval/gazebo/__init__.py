"""The work cell of ``ur5e_lift`` for Gazebo (gz-sim), written from the same numbers as the MuJoCo one.

versions    what Fortress, Harmonic and Ionic call the same things
solids      primitive shapes, their mass and inertia
arm, gripper, objects   what stands in the cell, as primitives
sdf, world  the SDF world
bridge      the topics that ros_gz_bridge carries, and its parameter file
trajectory  a chunk of the guard as Gazebo's joint trajectory controller wants it
resetting   what a reset does, step by step, as a state machine
text_format protobuf's text format, which Gazebo's command line speaks
command_line   Gazebo's command line: topics and services
checking    what ``gazebo-check`` asks of a running server
"""
