"""Trivial codecs that stand beside the real ones, so that nobody mistakes an easy task for a good codec."""
