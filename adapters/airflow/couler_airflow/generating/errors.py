"""The error for what a generated DAG cannot be."""

from __future__ import annotations

from couler_plugins.errors import Unsupported

__all__ = ["refusal"]

HINTS = {
    "Operation.kind": "make it a container or a script, or keep this workflow where it is",
    "Operation.daemon": "start what it serves outside of the workflow",
    "Operation.locks": "use a pool in Airflow, after the conversion",
    "Step.condition": "compare words or numbers by ==, !=, <, >, && or ||, or decide it in the container",
    "Step.loop": "list the items, or count them, in the workflow itself",
    "Step.needs": "let a step need the same of all steps before it: success, success or skipped, failure, or any end",
    "Step.arguments": "pass it as a parameter of the workflow, or find it out in the container",
    "Output.value": "write it to a file in the container, and name that file (valueFrom.path)",
    "Output.kind": "let the container put it into a store, and pass its address as a parameter",
    "Port.kind": "let the container fetch it, and pass its address as a parameter",
    "Container.command": "give the command: an image's own entrypoint is not known here",
}
USUAL = "take it out of the workflow, or keep this workflow where it is"


def refusal(feature: str, step: str, reason: str, hint: str = "") -> Unsupported:
    """The error for something that a DAG cannot be.

    Args:
        feature: the IR's name for it.
        step: the step, graph or operation that has it.
        reason: what about it, as the rest of a sentence about the step.
        hint: the way out; the usual one for the feature unless given.
    """
    named = f"{step!r} {reason}" if step else f"it {reason}"
    return Unsupported(
        named, engine="airflow", step=step or None, feature=feature, hint=hint or HINTS.get(feature, USUAL)
    )
