"""Recorded streams as data sets of other projects, one module per format."""
