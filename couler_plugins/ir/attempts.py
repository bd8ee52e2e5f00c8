"""What the engine and the workflow around a step say of its attempts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from couler_plugins.ir.workflow import Graph, Operation, Step, Workflow

QUEUED = "its wait for a quota of Kueue would count, however long that is"


class AttemptLimits(NamedTuple):
    """What holds for the attempts of a step, beside its own settings.

    Attributes:
        refusal: why none of them can be repeated; empty where they can be.
        timed: why it can have no timeout; empty where it can.
        seconds: how long all of them may take together; None where nothing bounds that.
        bound: what bounds that, for people.
        exact: whether a retry by cause repeats nothing else, whatever dies with the attempt.
        memory: why none of them can get more memory than the first one; empty where they may.
        spread: how many times as long as it says a growing delay may be.
    """

    refusal: str = ""
    timed: str = ""
    seconds: float | None = None
    bound: str = ""
    exact: bool = False
    memory: str = ""
    spread: float = 1.0


class PodWait(NamedTuple):
    """What it means to a step that its pod waits for a quota.

    Attributes:
        refusal: why it must not wait; empty where it may.
        timeout: the seconds that its engine gives the step, of which the wait takes some; None where it takes none.
        around: what else counts the wait, for people: what `with_wait` raises.
        remark: what its owner has to do besides.
    """

    refusal: str = ""
    timeout: float | None = None
    around: str = ""
    remark: str = ""


def no_wait(workflow: Workflow, step: Step, operation: Operation | None) -> PodWait:
    """Return what a wait means to a step where nothing counts it."""
    return PodWait()


def without_wait(workflow: Workflow, operations: Collection[str], seconds: int) -> Workflow:
    """Return the workflow as it is: nothing in it counts the wait."""
    return workflow


def tightest(limits: Sequence[AttemptLimits]) -> AttemptLimits:
    """Return what holds where each of these holds: at least one."""
    words: dict[str, Any] = {
        name: next(filter(None, (getattr(one, name) for one in limits)), "") for name in ("refusal", "timed", "memory")
    }
    shortest = min(limits, key=lambda one: one.seconds or float("inf"))
    return shortest._replace(**words, exact=all(one.exact for one in limits))


def is_queued(*nodes: Workflow | Graph | Operation | Step | None) -> bool:
    """Return whether one of them has a label of Kueue among what only its engine reads."""
    natives = (node.native_extra for node in nodes if node is not None and node.native_extra is not None)
    return any("kueue.x-k8s.io/" in part for native in natives for part in native.parts if isinstance(part, str))


def no_limits(workflow: Workflow, step: Step, operation: Operation | None) -> AttemptLimits:
    """Return what holds for the attempts of a step where nothing around it says anything of them."""
    return AttemptLimits()


def same_memory(operation: Operation, factor: float, retries: int, most: float | None) -> tuple[Operation, str]:
    """Return the operation as it is, and why: its engine gives all attempts the same memory."""
    return operation, "its engine gives all attempts the same memory"
