"""Policies on the far side of the link, and the guard on the robot.

observation, action, policy    the waist: what goes in, what comes out, who turns one into the other
registry                       policies by name
robot, config                  a robot's joints and limits, from ``config/robots``
matching                       decoded images and joint states of one stamp become an observation
chunking                       wrappers around a policy: ensembling, retiming, dropping what has elapsed
trajectory, guard              chunk -> joint targets that the robot may follow
kinematics                     tool poses -> joint positions
policies/                      one file per backend (and per outside library)
nodes/                         ``policy`` and ``guard``
training/                      how the reference policy was made
"""
