"""The facet of one Argo workflow that runs without a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from couler_argo.run.local import attempts, facts, programs, values
from couler_argo.run.local import unsupported as refusals
from couler_argo.run.local.evaluating import condition_holds
from couler_argo.run.local.structures import data_of
from couler_plugins.hookspecs.local import Ended, File, Look, NotThere, Outcome, Program, Refusal
from couler_plugins.ir import Expression, Graph, Loop, Operation, Output, Port, Reference, Retry, Value, Workflow
from couler_plugins.ir.bundle import Bundle

__all__ = ["ArgoLocal", "local_of"]


def local_of(workflow: Workflow, bundle: Bundle) -> ArgoLocal:
    """What a workflow's steps are and mean without a cluster."""
    return ArgoLocal(workflow)


class ArgoLocal:
    """What a workflow's steps are and mean.

    Args:
        workflow: the workflow.
    """

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow

    @property
    def parallelism(self) -> int | None:
        """`spec.parallelism`."""
        number = (data_of(self._workflow.native_extra).get("spec") or {}).get("parallelism")
        return number if isinstance(number, int) and number > 0 else None

    def refusals(self) -> Sequence[Refusal]:
        """What only a cluster can run; see `couler_argo.run.local.unsupported`."""
        return list(refusals.refusals(self._workflow))

    def text(self, value: Value, look: Look) -> str:
        """A value with its tags filled in."""
        return values.text(value, look)

    def artifact(self, value: Value, look: Look) -> File | bytes | None:
        """An artifact of a step, or `raw`."""
        return values.artifact(value, look)

    def holds(self, condition: Value, look: Look) -> bool:
        """Whether a `when` holds, or the expression of a hook."""
        if not isinstance(condition, Expression):
            return condition_holds(values.text(condition, look))
        result = values.expression(condition, look)
        if not isinstance(result, bool):
            raise NotThere(f"the expression of a hook is {result!r:.40}, and neither true nor false")
        return result

    def items(self, loop: Loop, look: Look) -> Sequence[Any]:
        """The items of a loop."""
        return values.items(loop, look)

    def gathered(self, reference: Reference, every: Sequence[Ended]) -> str:
        """What the steps of a loop hand on together."""
        return values.gathered(reference, every)

    def fact(self, reference: Reference, ended: Ended | None, run: Mapping[str, str]) -> str:
        """A fact of a step or of the run."""
        return facts.fact(reference, ended, run)

    def outcome(self, graph: Graph, ended: Mapping[str, Ended]) -> Outcome:
        """How a graph ended."""
        return facts.outcome(graph, ended)

    def path(self, port: Port | Output, look: Look) -> str:
        """Where a template finds an input, or leaves an output."""
        return programs.path(port, look)

    def program(self, operation: Operation, look: Look) -> Program:
        """The program of a script template."""
        return programs.program(operation, look)

    def pause(self, retry: Retry, ended: Sequence[Ended]) -> float | None:
        """Seconds until the next attempt."""
        return attempts.pause(retry, ended)
