"""The facet of one Argo workflow that runs without a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from couler_argo.run.local import containers, facts, programs, values
from couler_argo.run.local import unsupported as refusals
from couler_argo.run.local.evaluating import condition_holds
from couler_argo.run.local.facts import data_of
from couler_plugins.hookspecs.local import Look, NotThere, Program, Refusal
from couler_plugins.ir import Bundle, Expression, Operation, Value, Workflow


def local_of(workflow: Workflow, bundle: Bundle) -> ArgoLocal:
    """What a workflow's steps are and mean without a cluster."""
    return ArgoLocal(workflow)


class ArgoLocal:
    """What a workflow's steps are and mean.

    Args:
        workflow: the workflow.
        contained: whether each program runs in a container of its image.
    """

    def __init__(self, workflow: Workflow, *, contained: bool = False) -> None:
        self._workflow, self._contained = workflow, contained

    @property
    def parallelism(self) -> int | None:
        """`spec.parallelism`."""
        number = (data_of(self._workflow.native_extra).get("spec") or {}).get("parallelism")
        return number if isinstance(number, int) and number > 0 else None

    def refusals(self) -> Sequence[Refusal]:
        """What only a cluster can run; see `couler_argo.run.local.unsupported`."""
        return list(refusals.refusals(self._workflow, contained=self._contained))

    def in_containers(self) -> ArgoLocal:
        """The same where each program runs in a container of its image."""
        return ArgoLocal(self._workflow, contained=True)

    def program(self, operation: Operation, look: Look) -> Program:
        """What a script or a container runs."""
        if self._contained:
            return containers.program(self._workflow, operation, look)
        return programs.program(operation, look)

    text = staticmethod(values.text)
    artifact = staticmethod(values.artifact)
    items = staticmethod(values.items)
    gathered = staticmethod(values.gathered)
    fact = staticmethod(facts.fact)
    outcome = staticmethod(facts.outcome)
    path = staticmethod(programs.path)
    pause = staticmethod(facts.pause)

    def holds(self, condition: Value, look: Look) -> bool:
        """Whether a `when` holds, or the expression of a hook."""
        if not isinstance(condition, Expression):
            return condition_holds(values.text(condition, look))
        result = values.expression(condition, look)
        if not isinstance(result, bool):
            raise NotThere(f"the expression of a hook is {result!r:.40}, and neither true nor false")
        return result
