"""Finds again what was split: the parts that a workflow starts, and what crosses between them.

A workflow that starts parts says so (`couler.io/split` names the DAG that does), and so does a part that was split
again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from couler_argo.metadata import annotations_of, rest_of
from couler_argo.split.part_spec import SPLIT
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.ir import Graph, Native, Operation, Step, Workflow, callables, callee_of, references
from couler_plugins.parallelism.cuts import links_between
from couler_plugins.plan import Link, Part

PART = re.compile(r"^ +couler\.io/part: (\S+)$", re.MULTILINE)


def joined(workflows: Iterable[Workflow]) -> tuple[tuple[Part, ...], tuple[Link, ...]]:
    """The parts and the links of a plan with these workflows; none for what nobody has split."""
    every = list(workflows)
    libraries = {workflow.name: workflow for workflow in every if workflow.library}
    parts: list[Part] = []
    links: list[Link] = []
    for workflow in every:
        if not workflow.library:
            parts += _parts(workflow, workflow.label, libraries)
    for workflow in every:
        links += _links(workflow, libraries)
    return tuple(parts), tuple(links)


def _parts(workflow: Workflow, label: str, libraries: Mapping[str, Workflow]) -> Iterator[Part]:
    """The parts of a workflow, those inside of its parts first."""
    names = {library.name for library in _started(workflow, libraries).values()}
    # A plan has its workflows in an order in which they may start.
    started = [library for name, library in libraries.items() if name in names]
    for library in started:
        yield from _parts(library, label, libraries)
    for library in started:
        task = _task(library)
        graph = callee_of(task, callables(library)) if task is not None else None
        if isinstance(graph, Graph):
            yield Part(workflow=label, name=graph.name, steps=tuple(step.name for step in graph.steps))


def _links(workflow: Workflow, libraries: Mapping[str, Workflow]) -> Iterator[Link]:
    """What crosses between the parts that one workflow starts."""
    started = _started(workflow, libraries)
    keys = {library.name: _keys(library) for library in started.values()}
    for link in links_between(_coordinating(workflow), {step: library.name for step, library in started.items()}):
        yield msgspec.structs.replace(link, kind="artifact" if link.input in keys[link.consumer] else "parameter")


def _coordinating(workflow: Workflow) -> tuple[Step, ...]:
    """The steps of the DAG that starts parts."""
    graph = callables(workflow).get(annotations_of(workflow).get(SPLIT, ""))
    return graph.steps if isinstance(graph, Graph) else ()


def _started(workflow: Workflow, libraries: Mapping[str, Workflow]) -> dict[str, Workflow]:
    """The parts that steps of a workflow start, by the names of those steps."""
    by_name = callables(workflow)
    started = {}
    for step in _coordinating(workflow):
        runner = callee_of(step, by_name)
        manifest = mapping_at(rest_of(runner), "resource").get("manifest") if isinstance(runner, Operation) else None
        named = PART.search(manifest) if isinstance(manifest, str) else None
        if named is not None and named[1] in libraries:
            started[step.name] = libraries[named[1]]
    return started


def _task(library: Workflow) -> Step | None:
    """The one task of what a part's workflow runs."""
    start = callee_of(library.entry, callables(library)) if library.entry is not None else None
    return start.steps[0] if isinstance(start, Graph) and len(start.steps) == 1 else None


def _keys(library: Workflow) -> set[str]:
    """The parameters of a part that are keys of artifacts."""
    task = _task(library)
    stored = [argument.value for argument in task.arguments if argument.kind == "artifact"] if task is not None else []
    return {item.name for item in references(tuple(value for value in stored if isinstance(value, Native)))}
