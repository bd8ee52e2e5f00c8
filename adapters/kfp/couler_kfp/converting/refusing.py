"""How a pipeline is refused that means something only to KFP."""

from __future__ import annotations

from couler_plugins.errors import Unsupported

__all__ = ["refuse"]


def refuse(
    feature: str, step: str, reason: str, hint: str = "take it out, or leave the pipeline to KFP"
) -> Unsupported:
    """The error for what other engines do not have.

    Args:
        feature: the IR's name for it.
        step: the task or the component.
        reason: what about it, as the rest of a sentence.
        hint: a way out.
    """
    return Unsupported(f"{step!r} {reason}", engine="kfp", step=step, feature=feature, hint=hint)
