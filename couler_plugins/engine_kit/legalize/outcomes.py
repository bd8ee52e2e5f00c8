"""How a run went, for conditions of what runs at its end: whether it succeeded. Of the rest, engines say it each in
words of its own.
"""

from __future__ import annotations

from couler_plugins.ir import Reference

__all__ = ["SUCCEEDED", "is_outcome", "outcome"]

SUCCEEDED = "Succeeded"
"""What the outcome of a run is compared with; it is something else where the run did not succeed."""
NAME = "outcome"


def outcome() -> Reference:
    """The outcome of the run."""
    return Reference(to="run", name=NAME)


def is_outcome(reference: Reference) -> bool:
    """Whether this is the outcome of the run."""
    return reference.to == "run" and reference.name == NAME and not reference.path
