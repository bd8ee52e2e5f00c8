"""Whether a task of Tekton waits for others as a step does: it starts where they succeeded, or skipped themselves."""

from __future__ import annotations

from couler_plugins.ir import Step
from couler_tekton.generating.refusing import refuse
from couler_tekton.generating.task import Called, Task

__all__ = ["check_wait"]

FAILURES = frozenset({"failed", "errored"})


def check_wait(step: Step, upstream: Called, outcomes: frozenset[str], *, is_read: bool) -> None:
    """Sees to it that a step starts in the same cases as its task.

    Args:
        step: the step.
        upstream: what it waits for.
        outcomes: those after which it starts.
        is_read: whether it reads what that hands out.

    Raises:
        Unsupported: it starts where its task would not, or the other way round.
    """
    tolerated = frozenset(upstream.step.tolerates)
    if "succeeded" not in outcomes or (outcomes & FAILURES) - tolerated:
        raise refuse("Step.needs", step.name, f"starts after a failure of {upstream.step.name!r}")
    if tolerated and not outcomes & FAILURES:
        raise refuse("Step.needs", step.name, f"does not start where {upstream.step.name!r} failed, which may")
    is_graph = not isinstance(upstream.output, Task)
    skips = any(task.may_skip for task in upstream.last)
    misses = any(task.may_miss for task in upstream.last)
    if skips and "skipped" not in outcomes and not is_read:
        reason = f"needs that {upstream.step.name!r} succeeded, which may be skipped"
        raise refuse("Step.needs", step.name, reason, "pass a result of it, or let it start all the same")
    if skips and "skipped" in outcomes and is_read:
        raise refuse("Step.needs", step.name, f"reads from {upstream.step.name!r}, which may be skipped")
    if misses and (is_graph or "omitted" in outcomes):
        raise refuse("Step.needs", step.name, f"starts although {upstream.step.name!r} may have been left out")
