"""Finds again what was split: the parts that a workflow starts, and what crosses between them.

A workflow that starts parts says so (`couler.io/split` names the DAG that does), and so does a part that was split
again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from couler_argo.metadata import annotations_of
from couler_argo.spelling import write_native
from couler_argo.split.part_spec import SPLIT
from couler_plugins.ir import Call, Graph, Native, Operation, Reference, Step, Workflow, callables, references
from couler_plugins.plan import Link, Part

__all__ = ["joined"]

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
        if (task := _task(library)) is not None and isinstance(task.call, Call):
            graph = callables(library).get(task.call.name)
            if isinstance(graph, Graph):
                yield Part(workflow=label, name=graph.name, steps=tuple(step.name for step in graph.steps))


def _links(workflow: Workflow, libraries: Mapping[str, Workflow]) -> Iterator[Link]:
    """What crosses between the parts that one workflow starts."""
    started = _started(workflow, libraries)
    for step in _coordinating(workflow):
        if (consumer := started.get(step.name)) is None:
            continue
        keys = _keys(consumer)
        for argument in step.arguments:
            for reference in references(argument.value):
                if producer := started.get(reference.step):
                    kind = "artifact" if argument.name in keys else "parameter"
                    yield Link(
                        producer=producer.name,
                        output=reference.name,
                        consumer=consumer.name,
                        input=argument.name,
                        kind=kind,
                    )


def _coordinating(workflow: Workflow) -> tuple[Step, ...]:
    """The steps of the DAG that starts parts."""
    graph = callables(workflow).get(annotations_of(workflow).get(SPLIT, ""))
    return graph.steps if isinstance(graph, Graph) else ()


def _started(workflow: Workflow, libraries: Mapping[str, Workflow]) -> dict[str, Workflow]:
    """The parts that steps of a workflow start, by the names of those steps."""
    by_name = callables(workflow)
    started = {}
    for step in _coordinating(workflow):
        runner = by_name.get(step.call.name) if isinstance(step.call, Call) else None
        content = (
            write_native(runner.native_extra)
            if isinstance(runner, Operation) and runner.native_extra is not None
            else {}
        )
        match content:
            case {"resource": {"manifest": str(manifest)}}:
                named = PART.search(manifest)
            case _:
                continue
        if named is not None and named[1] in libraries:
            started[step.name] = libraries[named[1]]
    return started


def _task(library: Workflow) -> Step | None:
    """The one task of what a part's workflow runs."""
    call = library.entry.call if library.entry is not None else None
    start = callables(library).get(call.name) if isinstance(call, Call) else None
    return start.steps[0] if isinstance(start, Graph) and len(start.steps) == 1 else None


def _keys(library: Workflow) -> set[str]:
    """The parameters of a part that are keys of artifacts."""
    task = _task(library)
    stored = [argument.value for argument in task.arguments if argument.kind == "artifact"] if task is not None else []
    read: Iterable[Reference] = references(tuple(value for value in stored if isinstance(value, Native)))
    return {reference.name for reference in read}
