"""Training of learned codecs."""
