"""Policies by name: the entry points of the group ``embodiedcomp.policies``. Only the one asked for is imported."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from embodiedcomp_policy.policy import Policy, PolicyError

GROUP = "embodiedcomp.policies"


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def policy_names() -> list[str]:
    """Names of the installed policies, sorted."""
    return sorted(_points())


def make_policy(name: str, checkpoint: str | None = None, server: str | None = None) -> Policy:
    """The policy of that name. Raises PolicyError, naming the choices or what the policy lacks.

    checkpoint: path of its weights, where it has any. server: URL of the process that runs it, where it has one.
    """
    points = _points()
    if name not in points:
        raise PolicyError(f"unknown policy '{name}'; there are: {', '.join(sorted(points)) or 'none'}")
    try:
        factory = points[name].load()
    except ModuleNotFoundError as error:
        raise PolicyError(f"policy '{name}' needs the Python package '{error.name}', which is not installed") from error
    policy: Policy = factory(checkpoint=checkpoint, server=server)
    return policy
