"""What holds of the operations of a workflow, whoever calls them and whatever their owner waives."""

from __future__ import annotations

from functools import cached_property

import msgspec

from couler_plugins.caching.keys import spec_hash
from couler_plugins.caching.rules import ONLY_WRAPPED, key_objections, operation_objections, place_objections
from couler_plugins.caching.verdicts import Facts
from couler_plugins.caching.waivers import waiver_of
from couler_plugins.hookspecs.caching import Knowledge, Material, Objection
from couler_plugins.ir import Graph, Operation, Step, Workflow, callables, inline_callees, references


class OperationFacts:
    """Looks at the operations of one workflow, at each once.

    Args:
        workflow, facet, fingerprints, unkept, by_content: see `couler_plugins.caching.analysis.Analysis`.
        like: the same of another analysis of this workflow.
    """

    def __init__(
        self,
        workflow: Workflow,
        facet: Knowledge,
        *,
        fingerprints: bool,
        unkept: Objection | None,
        by_content: bool,
        like: OperationFacts | None,
    ) -> None:
        self._workflow, self._facet = workflow, facet
        self._fingerprints, self._unkept, self._by_content = fingerprints, unkept, by_content
        self._inline = {name: item for name, item in callables(workflow).items() if item.inline}
        self._facts: dict[tuple[str, bool, bool], Facts] = {} if like is None else like._facts

    def covers(self, callee: Graph | Operation | None) -> bool:
        """Whether the contents of artifacts are in the key of a call, or may be in the keys of what is in its graph."""
        return self._by_content and (
            isinstance(callee, Graph) or (callee is not None and self._facet.covers_contents(callee))
        )

    def of(self, operation: Operation, *, result: bool, by_content: bool = False) -> Facts:
        """What holds of an operation whatever its owner waives.

        Args:
            operation: the operation.
            result: whether somebody reads what it prints.
            by_content: whether the contents of its input artifacts are in its key.
        """
        facts = self._facts.get((operation.name, result, by_content))
        if facts is None:
            material = self._facet.material(operation, result=result)
            if by_content and material.by_content is not None:
                material = msgspec.structs.replace(material, objections=material.by_content)
            objections = list(operation_objections(operation, material))
            if not self._fingerprints:
                objections += key_objections(operation)
            objections += place_objections(material, self._facet.declared.annotations(operation), operation)
            if material.places and not self._fingerprints:
                objections.append(ONLY_WRAPPED)
            if not (operation.outputs or result or material.writes_places):
                objections.append(Objection("no-outputs", "it has no outputs, so it runs for its effect"))
            if self._unkept is not None and all(waiver_of(item.rule) for item in objections):
                objections.append(self._unkept)
            objections.sort(key=lambda item: item.against == "storage")
            about = tuple(self._about_operation(item, operation, material) for item in objections)
            plain = self.of(operation, result=result).objections if by_content else ()
            otherwise = tuple(item for item in plain if item.against == "reuse" and item not in about)
            facts = Facts(operation, material, spec_hash(material.content), about, otherwise=otherwise)
            self._facts[operation.name, result, by_content] = facts
        return facts

    def _about_operation(self, objection: Objection, operation: Operation, material: Material) -> Objection:
        """The objection with the operation or its program as its place, and with what would take it away."""
        remedy = self._facet.how_to_version(operation) if objection.rule == "no-inputs" else objection.remedy
        source = (objection.seen and material.source) or operation.source
        return msgspec.structs.replace(objection, remedy=remedy).at(source)

    def of_call(self, graph: Graph | None, step: Step, operation: Operation) -> Facts:
        """What holds of the operation that a step calls."""
        covers = self.covers(operation)
        if graph is not None:
            result = (graph.name, step.name) in self._results_read
        else:  # what other workflows call may be read there, and a wrapper keeps it
            result = covers and not step.name and bool(operation.outputs or operation.kind == "script")
        return self.of(operation, result=result, by_content=covers)

    @cached_property
    def _results_read(self) -> frozenset[tuple[str, str]]:
        """The steps whose printed result something in their graph reads: for others an engine does not keep it."""
        read = set()
        for graph in self._workflow.graphs:
            inline = [callee for step in graph.steps for callee in inline_callees(step, self._inline)]
            reads = (item for item in references((graph, *inline)) if item.to == "output" and item.kind == "result")
            read |= {(graph.name, item.step) for item in reads}
        return frozenset(read)
