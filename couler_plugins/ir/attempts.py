"""What the engine and the workflow around a step say of its attempts."""

from __future__ import annotations

from typing import NamedTuple

from couler_plugins.ir.workflow import Operation, Step, Workflow


class AttemptLimits(NamedTuple):
    """What holds for the attempts of a step, beside its own settings.

    Attributes:
        refusal: why none of them can be repeated; empty where they can be.
        timed: why it can have no timeout; empty where it can.
        seconds: how long all of them may take together; None where nothing bounds that.
        bound: what bounds that, for people.
        exact: whether a retry by cause repeats nothing else, whatever dies with the attempt.
        memory: why none of them can get more memory than the first one; empty where they may.
    """

    refusal: str = ""
    timed: str = ""
    seconds: float | None = None
    bound: str = ""
    exact: bool = False
    memory: str = ""


def no_limits(workflow: Workflow, step: Step, operation: Operation | None) -> AttemptLimits:
    """Return what holds for the attempts of a step where nothing around it says anything of them."""
    return AttemptLimits()


def same_memory(operation: Operation, factor: float, retries: int) -> tuple[Operation, str]:
    """Return the operation as it is, and why: its engine gives all attempts the same memory."""
    return operation, "its engine gives all attempts the same memory"
