"""Calls from one workflow into another, as far as both are in the same bundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from couler_plugins.ir.verify import Problem, unsupplied
from couler_plugins.ir.walk import CallSite, call_sites, callables
from couler_plugins.ir.workflow import Call, External, Graph, Operation, Step, Workflow

__all__ = ["Libraries"]


class Libraries:
    """The libraries among some workflows, by where they are called from and by name.

    Args:
        workflows: all workflows of a bundle; those that are no libraries are left aside.
    """

    def __init__(self, workflows: Iterable[Workflow]) -> None:
        self._found: dict[tuple[str, str], list[Workflow]] = {}
        self._callables: dict[int, tuple[Workflow, dict[str, Graph | Operation]]] = {}
        for workflow in workflows:
            if workflow.library:
                self._found.setdefault((workflow.library, workflow.name), []).append(workflow)

    def problems(self, workflow: Workflow) -> Iterator[Problem]:
        """What is wrong with the calls of `workflow` into libraries of the bundle; those outside are not judged."""
        for site in call_sites(workflow):
            if isinstance(site.step.call, External):
                yield from self._call_problems(workflow, site, site.step.call)

    def callee(self, workflow: Workflow, step: Step) -> Graph | Operation | None:
        """What a step of `workflow` calls, in it or in a library of the bundle; None where nobody here can tell."""
        match step.call:
            case Call(name=name):
                return self._by_name(workflow).get(name)
            case External() as call:
                found = self._seen_from(workflow, call)
                return self._by_name(found[0]).get(call.name) if len(found) == 1 else None
        return None

    def _by_name(self, workflow: Workflow) -> dict[str, Graph | Operation]:
        # With the workflow kept alive, since another one may get its identity.
        if id(workflow) not in self._callables:
            self._callables[id(workflow)] = workflow, callables(workflow)
        return self._callables[id(workflow)][1]

    def _call_problems(self, workflow: Workflow, site: CallSite, call: External) -> Iterator[Problem]:
        found = self._seen_from(workflow, call)
        subject = f"{site.graph.name}/{site.step.name}" if site.graph else site.step.name
        source = site.step.source
        if len(found) > 1:
            message = f"{subject!r} calls {call.workflow!r}, which is there {len(found)} times"
            yield Problem(subject=subject, message=message, hint="give only one of them", source=source)
        if len(found) != 1 or not call.name:
            return
        library = found[0]
        callee = self._by_name(library).get(call.name)
        if callee is None:
            message = f"{subject!r} calls {call.name!r}, which {call.workflow!r} does not have"
            yield Problem(subject=subject, message=message, hint="correct the name, or add it", source=source)
        elif site.graph is not None:
            yield from unsupplied(site, callee)

    def _seen_from(self, workflow: Workflow, call: External) -> list[Workflow]:
        """The different libraries that a call may mean: those of its own namespace, else those without one."""
        found = self._found.get((call.scope, call.workflow), [])
        if call.kind:
            found = [library for library in found if library.kind == call.kind]
        if call.scope == "namespace" and workflow.namespace:
            own = [library for library in found if library.namespace == workflow.namespace]
            found = own or [library for library in found if not library.namespace]
        return list(dict.fromkeys(found)) if len(found) > 1 else found
