"""What voids an attempt at an episode: neither codec nor policy, and so no failure of theirs."""

from __future__ import annotations


class InfrastructureError(Exception):
    """Something other than codec or policy failed; the attempt is no episode. One line."""


class VoidedError(InfrastructureError):
    """The operator says that something outside the trial went wrong; asked for, so it uses up no retry."""
