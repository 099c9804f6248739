"""Fixtures for the tests of every package; each is explained in test/ros_harness.py."""

from __future__ import annotations

from embodiedcomp_eval.simulators.robosuite_sim import choose_renderer

pytest_plugins = ["ros_harness"]

# Before any test module imports mujoco or robosuite, each of which would choose for itself.
choose_renderer()
