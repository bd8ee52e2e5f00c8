"""How a workflow of another engine is refused that KFP has no words for."""

from __future__ import annotations

from couler_plugins.errors import Unsupported

__all__ = ["refuse"]

HINTS = {
    "Step.condition": "compare texts by == or in, joined by &&, or decide it in the container",
    "Step.needs": "let a step need the success of steps without conditions; use an exit handler for the end",
    "Step.loop": "list the items in the workflow itself",
    "Step.call": "put what it calls into the workflow itself",
    "Port.kind": "let the container fetch it, and pass its address as a parameter",
    "Output.kind": "let the container put it into a store, and pass its address as a parameter",
    "Container.command": "give the command: KFP's launcher starts it, and does not know an image's own entrypoint",
    "Operation.kind": "make it a container or a script",
    "Operation.containers": "do it in one container: a component has no other",
}
USUAL = "take it out of the workflow, or keep this workflow where it is"


def refuse(feature: str, step: str, reason: str, hint: str = "") -> Unsupported:
    """The error for what KFP does not have.

    Args:
        feature: the IR's name for it.
        step: the step, graph or operation.
        reason: what about it, as the rest of a sentence.
        hint: a way out; the usual one for the feature unless given.
    """
    hint = hint or HINTS.get(feature, USUAL)
    return Unsupported(f"{step!r} {reason}", engine="kfp", step=step or None, feature=feature, hint=hint)
