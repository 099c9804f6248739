"""A codec of one's own, as an example: see docs/how-to/own-codec.md."""
