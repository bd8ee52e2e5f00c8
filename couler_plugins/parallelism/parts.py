"""What adapters share that make workflows of parts: names, what crosses between parts, and how parts are refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.splitting import Splitting
from couler_plugins.ir import Step, Workflow, callables, references
from couler_plugins.plan import Link
from couler_plugins.plan.originals import kept


class DocumentSplitting(Splitting):
    """The facet of one workflow of an engine whose parts are documents beside it.

    Args:
        workflow: the workflow.
    """

    partitioner = "critical-path"
    nests = False
    coordinates = False

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow
        self._by_name = callables(workflow)

    def original(self, file: str, text: str) -> tuple[Any, ...]:
        """ConfigMaps with the text; see `couler_plugins.plan.originals`."""
        return kept(base_name(self._workflow), self._workflow.namespace, file, text)


def base_name(workflow: Workflow) -> str:
    """What the parts of a workflow are called after."""
    return workflow.name or workflow.prefix.rstrip("-.")


def links_between(steps: Iterable[Step], parts: Mapping[str, str]) -> Iterator[Link]:
    """What crosses between the parts that steps stand for.

    Args:
        steps: these and others, in order.
        parts: the name of the part's workflow, by that of the step.
    """
    return (
        Link(
            producer=parts[reference.step],
            output=reference.name,
            consumer=parts[step.name],
            input=argument.name,
            kind=argument.kind,
        )
        for step in steps
        if step.name in parts
        for argument in step.arguments
        for reference in references(argument.value)
        if reference.step in parts
    )


def refuse_parts(workflow: Workflow, step: str, reasons: Iterable[tuple[str, str]], what: str = "") -> None:
    """Refuses to split a workflow whose parts could not do together what it does.

    Args:
        workflow: the workflow.
        step: what the error is about.
        reasons: why not, each with a hint; the first one counts.
        what: into what it cannot be split; empty for whatever it is.

    Raises:
        Unsupported: there is a reason.
    """
    for reason, hint in reasons:
        message = f"{workflow.label} cannot be split{what}: {reason}"
        raise Unsupported(message, engine=workflow.engine, step=step, hint=hint)
