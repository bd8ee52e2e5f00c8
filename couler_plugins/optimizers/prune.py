"""Templates that nothing calls any more leave the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import Context
from couler_plugins.ir import (
    Call,
    Callable,
    Dynamic,
    Source,
    Step,
    Workflow,
    call_sites,
    callables,
    reachable,
    remove_callables,
)
from couler_plugins.plan import Decision, Plan


@dataclass(frozen=True)
class Prune:
    """Remove graphs and operations that cannot be reached from the entry or a handler.

    Never in a library, which others call into; and not in a workflow that chooses a callee at run time. Not part of
    the default pipeline: a template that nothing calls can still be started by hand (`argo submit --entrypoint`).

    Attributes:
        keep: names to leave alone.
    """

    name: ClassVar[str] = "prune"

    keep: tuple[str, ...] = ()

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Removes what cannot be reached, with what is written inline in it.

        Raises:
            InvalidInput: a name to keep is in no workflow, so that what it should keep would be removed.
        """
        check_names(self.name, self.keep, plan)
        for workflow in plan.workflows:
            dead = unreachable(workflow, self.keep)
            if dead:
                by_name = callables(workflow)
                sources = {source for name in dead if (source := by_name[name].source) is not None}
                named = [name for name in dead if not _inside(by_name[name], sources)]
                plan = plan.with_workflow(workflow, remove_callables(workflow, dead), *_decisions(workflow, named))
        return plan


def check_names(optimizer: str, keep: Sequence[str], plan: Plan) -> None:
    """Sees to it that each name to keep is in some workflow.

    Raises:
        InvalidInput: one is not.
    """
    names = {name for workflow in plan.workflows for name in callables(workflow)} if keep else set()
    if unknown := [name for name in keep if name not in names]:
        raise InvalidInput(f"there is no {unknown[0]!r} to keep", hint=f"correct the name in {optimizer}{{keep=…}}")


def unreachable(workflow: Workflow, keep: tuple[str, ...] = ()) -> list[str]:
    """The names of the graphs and operations that no run can reach, in the order of the source."""
    entered = workflow.entry is not None and isinstance(workflow.entry.call, Call)
    if workflow.library or not entered or any(isinstance(site.step.call, Dynamic) for site in call_sites(workflow)):
        return []
    kept = reachable(workflow, *(Step(name=name, call=Call(name=name)) for name in keep))
    return [name for name in callables(workflow) if name not in kept]


def _inside(item: Callable, sources: set[Source]) -> bool:
    """Whether this is written inline in one of these, and goes with it; some engines keep what is inline elsewhere."""
    place = item.source
    return item.inline and (place is None or any(place[:end] in sources for end in range(1, len(place))))


def _decisions(workflow: Workflow, names: list[str]) -> list[Decision]:
    return [
        Decision(
            optimizer=Prune.name,
            workflow=workflow.label,
            subject=name,
            action="remove",
            reason="neither the entrypoint nor a handler reaches it",
        )
        for name in names
    ]
