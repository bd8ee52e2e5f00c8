"""How a run is refused that means something only to Tekton."""

from __future__ import annotations

from couler_plugins.errors import Unsupported

__all__ = ["refuse"]


def refuse(feature: str, step: str, reason: str, hint: str = "take it out, or leave the run to Tekton") -> Unsupported:
    """The error for what other engines do not have.

    Args:
        feature: the IR's name for it.
        step: the task, the pipeline or the parameter.
        reason: what about it, as the rest of a sentence.
        hint: a way out.
    """
    return Unsupported(f"{step!r} {reason}", engine="tekton", step=step or None, feature=feature, hint=hint)
