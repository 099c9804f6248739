"""Judges of trials without ground truth, one a file; found by the entry point group ``embodiedcomp.success``."""
