"""What can be wrong with a bag. Imports nothing, so that the command line knows it without the library for bags."""

from __future__ import annotations


class BagError(ValueError):
    """A bag that can't be read or written as asked; one line names it and says what to do."""
