"""Simulator plug-ins, one file per outside library."""
