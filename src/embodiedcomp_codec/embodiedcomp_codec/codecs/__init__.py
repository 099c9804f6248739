"""Codec plug-ins, one file per outside library."""
