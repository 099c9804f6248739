"""Policies that turn decoded images into chunks of joint targets, and the guard that checks them on the robot."""
