"""Calls from one workflow into another, as far as both are in the same bundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from couler_plugins.documents import FilePlace
from couler_plugins.ir.bundle import Bundle
from couler_plugins.ir.definitions import Definitions
from couler_plugins.ir.values import Source
from couler_plugins.ir.verify import Problem, unsupplied
from couler_plugins.ir.walk import CallSite, call_sites, callables
from couler_plugins.ir.workflow import Call, External, Graph, Operation, Step, Workflow


class Libraries:
    """The libraries among some workflows, by where they are called from and by name.

    Args:
        workflows: all workflows of a bundle; those that are no libraries are left aside.
        bundle: what they were read from; without it, none is nearer to a call than another.
    """

    def __init__(self, workflows: Iterable[Workflow], bundle: Bundle | None = None) -> None:
        self._bundle = bundle
        self._libraries: Definitions[Workflow] = Definitions(lambda workflow: workflow)
        self._callables: dict[int, tuple[Workflow, dict[str, Graph | Operation]]] = {}
        for workflow in workflows:
            for kind in (workflow.kind, "") if workflow.library else ():
                name = (workflow.library, kind, workflow.name)
                self._libraries.add(name, workflow.namespace, workflow, *self._place_and_version(workflow))

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
                libraries = self.candidates(workflow, call)
                if len(libraries) != 1:
                    return None
                if call.name:
                    return self._by_name(libraries[0]).get(call.name)
                return self._entry(libraries[0])
        return None

    def candidates(self, workflow: Workflow, call: External) -> Sequence[Workflow]:
        """Return the library that a call from `workflow` means: none where it is not here, several where it is unclear.

        See `couler_plugins.ir.definitions` for what makes one of them the nearest.
        """
        namespace = workflow.namespace if call.scope == "namespace" else ""
        name = (call.scope, call.kind, call.workflow)
        place, _ = self._place_and_version(workflow)
        return self._libraries.resolve(name, namespace, place, call.version)

    def _entry(self, library: Workflow) -> Graph | Operation | None:
        """Return what a library runs where its caller names nothing in it: as `workflowTemplateRef` of Argo may."""
        entry = library.entry
        return self._by_name(library).get(entry.call.name) if entry and isinstance(entry.call, Call) else None

    def ambiguity(self, workflow: Workflow, call: External) -> str:
        """Return which libraries a call may mean, for people; empty where it means one, or none that is here."""
        libraries = self.candidates(workflow, call)
        if len(libraries) < 2:
            return ""
        places = [item.label if item.source is None else self._describe(item.source) for item in libraries]
        return f"it may call any of {len(places)} {libraries[0].kind}s {call.workflow!r}: {', '.join(places)}"

    def _describe(self, source: Source) -> str:
        return self._bundle.describe(source) if self._bundle is not None else f"document {source[0]}"

    def _place_and_version(self, workflow: Workflow) -> tuple[FilePlace, str]:
        """Where a workflow stands, and the version that it says; nowhere if it was generated."""
        if workflow.source is None or self._bundle is None:
            return FilePlace(), ""
        return self._bundle.place_and_version(workflow.source)

    def _by_name(self, workflow: Workflow) -> dict[str, Graph | Operation]:
        # With the workflow kept alive, since another one may get its identity.
        if id(workflow) not in self._callables:
            self._callables[id(workflow)] = workflow, callables(workflow)
        return self._callables[id(workflow)][1]

    def _call_problems(self, workflow: Workflow, site: CallSite, call: External) -> Iterator[Problem]:
        libraries = self.candidates(workflow, call)
        if len(libraries) != 1 or not call.name:  # which of several is meant is no matter of this file
            return
        callee = self._by_name(libraries[0]).get(call.name)
        if callee is None:
            subject = f"{site.graph.name}/{site.step.name}" if site.graph else site.step.name
            message = f"{subject!r} calls {call.name!r}, which {call.workflow!r} does not have"
            hint = "correct the name, or add it"
            yield Problem(subject=subject, message=message, hint=hint, source=site.step.source)
        elif site.graph is not None:
            yield from unsupplied(site, callee)
