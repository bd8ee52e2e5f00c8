"""Rows of the settings become annotations of the documents that they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import msgspec

from couler_plugins.caching.calls import Place, calls_of
from couler_plugins.caching.declarations import ALLOW, CACHE, waivers_in, with_own
from couler_plugins.caching.row_keys import check_rows
from couler_plugins.caching.rows import DeclaredRows, RowsFromSettings
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import Said
from couler_plugins.ir import Call, Graph, Literal, Operation, SettableStep, Step, Workflow, with_settings
from couler_plugins.plan import Decision, Plan

IN_PYTHON = "rows of the settings stay: its tasks are declared in Python, by `cached(…)`"


@dataclass(frozen=True)
class Declare:
    """Write rows of the settings, `[[cache.declare]]`, as annotations into the documents.

    Afterwards, `cache` decides without these rows as with them. What no annotation says stays in its row, and a
    decision says so. Airflow declares tasks in Python: nothing is written there.
    """

    name: ClassVar[str] = "declare"
    before: ClassVar[tuple[str, ...]] = ("cache", "extract")

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Write the annotations.

        Raises:
            InvalidInput: a row says nothing that caching understands.
        """
        check_rows(rows := ctx.rows("cache"))
        if not rows:
            return plan
        caches = {engine: ctx.adapter(engine).cache for engine in {item.engine for item in plan.workflows}}
        caches_before = [make(item) for item, make in _makers(plan, caches)]
        written = plan
        for workflow, cache in zip(plan.workflows, caches_before, strict=True):
            if cache is None or cache.part_of:
                continue
            cache.rows = rows
            if not isinstance(cache, RowsFromSettings) or not isinstance(cache.declared, DeclaredRows):
                written = written.with_workflow(workflow, workflow, _stays(workflow, IN_PYTHON))
                continue
            alone, change = replace(plan, workflows=(workflow,), decisions=()), _Writer(workflow, cache).annotated
            new = alone.map_steps(self.name, change, action="annotations added", reason="rows of the settings say so")
            stays = [_stays(workflow, reason) for reason in cache.declared.beyond_annotations()]
            written = written.with_workflow(workflow, new.workflows[0], *new.decisions, *stays)
        for before, (workflow, make) in zip(caches_before, list(_makers(written, caches)), strict=True):
            if isinstance(before, RowsFromSettings):
                lost = [_stays(workflow, reason, place) for place, reason in _lost(before, make(workflow))]
                written = written.with_workflow(workflow, workflow, *lost)
        return written


def named_by_rows(plan: Plan, ctx: Context) -> frozenset[int]:
    """Return the documents of a plan with calls of which rows say what their annotations do not."""
    before, after = len(plan.decisions), Declare().run(plan, ctx).decisions
    return frozenset(item.document for item in after[before:] if item.subject and item.document is not None)


def _makers(plan: Plan, caches: Mapping[str, Any]) -> Iterator[tuple[Workflow, Any]]:
    """The workflows of a plan, each with what makes its cache."""
    makers = {engine: facet(plan) for engine, facet in caches.items()}
    return ((workflow, makers[workflow.engine]) for workflow in plan.workflows)


class _Writer:
    """Annotates the calls of one workflow with what rows say of them."""

    def __init__(self, workflow: Workflow, cache: Any) -> None:
        self._library, self._declared = workflow.library, cache.declared
        self._graphs = {graph.name: graph for graph in workflow.graphs}
        self._operations = {item.name: item for item in cache.bare.operations}

    def annotated(self, step: SettableStep) -> SettableStep:
        """Return a call with the annotations that mean the same as its rows."""
        operation = self._operations.get(step.call.name) if isinstance(step.call, Call) else None
        if operation is None:
            return step
        own = {name: str(value.value) for name, value in step.annotations if isinstance(value, Literal)}
        graph = self._graphs.get(step.graph)
        # Who calls what is in a library is in no file: no row that names steps is about it.
        place = msgspec.structs.replace(step, name="") if graph is None and self._library else step
        said, rows = self._declared.of_call(graph, place, operation)
        texts = {**with_own(rows, own), **_words(said, own)}
        added = {name: text for name, text in sorted(texts.items()) if own.get(name) != text}
        return with_settings(step, annotations=added) if added else step


def _words(said: list[Said], own: dict[str, str]) -> dict[str, str]:
    """The annotations for purity and waivers; `never` counts wherever it stands, and all waivers do."""
    caches = [item.cache for item in said if item.cache is not None]
    texts = {CACHE: "never"} if "never" in caches else {CACHE: caches[0]} if caches and CACHE not in own else {}
    words = [word for text in (own.get(ALLOW, ""), *(item.allow for item in said)) for word in text.split(",") if word]
    return texts | ({ALLOW: ",".join(dict.fromkeys(words))} if any(item.allow for item in said) else {})


def _lost(before: Any, after: Any) -> Iterator[tuple[Place, str]]:
    """The calls of which annotations do not say what rows do, with the reason."""
    new = {place: (graph, step, operation) for place, graph, step, operation in _calls(after.bare)}
    for place, graph, step, operation in _calls(before.bare):
        said, _ = before.declared.of_call(graph, step, operation) if before.rows else ([], {})
        own = after.declarations(*new[place]) if place in new else []
        if missing := [item.where for item in said if not _says(own, item)]:
            yield place, f"{', '.join(missing)} stays: no annotation of this workflow says the same of this call"


def _says(own: Sequence[Said], row: Said) -> bool:
    """Whether annotations say as much as a row does, or something nearer does."""
    caches = [item.cache for item in own if item.itself and item.cache is not None]
    same = row.cache is None or row.cache in caches or (row.cache != "never" and bool(caches))
    return same and {*waivers_in([row])} <= {*waivers_in(own)}


def _calls(workflow: Workflow) -> Iterator[tuple[Place, Graph | None, Step, Operation]]:
    operations = {item.name: item for item in workflow.operations}
    graphs = {graph.name: graph for graph in workflow.graphs}
    for place, step in calls_of(workflow).items():
        if isinstance(step.call, Call) and step.call.name in operations:
            yield place, graphs.get(place[0]), step, operations[step.call.name]


def _stays(workflow: Workflow, reason: str, place: Place = ("", "")) -> Decision:
    return Decision(
        optimizer=Declare.name, workflow=workflow.label, subject="/".join(filter(None, place)), reason=reason
    )
