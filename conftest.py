"""Fixtures for the tests of every package; each is explained in test/ros_harness.py."""

from __future__ import annotations

pytest_plugins = ["ros_harness"]
