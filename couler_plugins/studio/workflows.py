"""Workflows of a file, as the page counts them."""

from __future__ import annotations

from collections.abc import Sequence

from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.inputs.sources import Input
from couler_plugins.ir import Workflow
from couler_plugins.plan import Plan
from couler_plugins.studio.state_messages import WorkflowName

EMPTY = Workflow(engine="", kind="")
"""What is drawn where there is no workflow."""


def refuse(item: Input, error: CoulerError) -> None:
    """Raise the error of a file."""
    error.file = error.file or item.name
    raise error


def workflows_of(plans: Sequence[Plan]) -> list[Workflow]:
    """Return the workflows of all plans."""
    return [workflow for plan in plans for workflow in plan.workflows]


def workflow_at(workflows: Sequence[Workflow], number: int) -> Workflow:
    """Return the workflow of a number.

    Raises:
        InvalidInput: there is none.
    """
    if not 0 <= number < len(workflows):
        raise InvalidInput(f"the file has no workflow number {number}", hint="open the file again")
    return workflows[number]


def names_of(workflows: Sequence[Workflow]) -> list[WorkflowName]:
    """Return what the page lists."""
    return [
        WorkflowName(
            number=number, name=item.label, kind=item.kind, steps=sum(len(graph.steps) for graph in item.graphs) or 1
        )
        for number, item in enumerate(workflows)
    ]
