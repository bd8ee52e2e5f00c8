"""Steps whose results are known leave their graph: readers get the values, and artifacts are imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from couler_plugins.caching.known import KnownArtifact, KnownResult
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Graph,
    GraphView,
    Loop,
    Native,
    Need,
    Needs,
    Operation,
    Output,
    Reference,
    Step,
    Value,
    Workflow,
    all_of,
    call_sites,
    callables,
    conjuncts,
    map_references,
    needed,
    references,
    remove_callables,
    replace,
)

OutputName = tuple[str, str]
"""The kind and the name of an output."""


class Importers(Protocol):
    """What an engine has in place of a step whose result is known."""

    def deciding(self, workflow: Workflow) -> Mapping[tuple[str, str, str], Objection]:
        """Return the outputs that nothing can replace, by graph, step and name, each with the reason."""

    def constant(self, output: Output, value: Any) -> Value | Objection:
        """Return what replaces an output parameter whose value is known; the objection where it does not fit.

        Args:
            output: the output.
            value: JSON-like data, from a record that nobody has checked.
        """

    def imported(
        self, wanted: str, output: Output, artifact: KnownArtifact, key: str
    ) -> tuple[Step, Operation] | Objection:
        """Return a step that hands on an artifact which is there already, and what it calls; or why none can.

        Args:
            wanted: the name of the step.
            output: what the artifact is an output of.
            artifact: where it is, from a record that nobody has checked.
            key: the key of the result that it belongs to.
        """


class Substituted(NamedTuple):
    """What became of steps whose results are known.

    Attributes:
        workflow: without those that could go.
        gone: their places, each with the names of what is new or gone with it.
        kept: why others could not go, by place.
    """

    workflow: Workflow
    gone: Mapping[tuple[str, str], tuple[str, ...]]
    kept: Mapping[tuple[str, str], Objection]


class _Refused(Exception):
    """A step has to stay."""


def substitute(workflow: Workflow, results: Mapping[tuple[str, str], KnownResult], facet: Importers) -> Substituted:
    """The workflow without the steps whose results are known, as far as their readers can do without them.

    Args:
        workflow: the workflow.
        results: the results, by graph and step; those of steps that run once, and certainly.
        facet: what its engine knows.
    """
    by_name = callables(workflow)
    inline = {name: item for name, item in by_name.items() if item.inline}
    gone: dict[tuple[str, str], tuple[str, ...]] = {}
    kept: dict[tuple[str, str], Objection] = {}
    graphs: list[Graph] = []
    operations = {item.name: item for item in workflow.operations}
    deciding = facet.deciding(workflow)
    for original in workflow.graphs:
        graph = original
        for name in reversed(GraphView(graph, inline).order()):  # what only steps read that go is not imported
            if (graph.name, name) not in results:
                continue
            place = (graph.name, name)
            step = next(item for item in graph.steps if item.name == name)
            assert isinstance(step.call, Call)
            called = operations[step.call.name]
            objections = {item.name: deciding.get((*place, item.name)) for item in called.outputs}
            try:
                graph, added = _without(graph, step, called, results[place], facet, objections, list(inline.values()))
            except _Refused as refused:
                kept[place] = Objection("known", f"its result is known, but {refused}", "storage")
                continue
            operations.update((item.name, item) for item in added)  # two that are called alike are the same
            gone[place] = (called.name, *(item.name for item in added))
        graphs.append(graph)
    if not gone:
        return Substituted(workflow, gone, kept)
    new = replace(workflow, graphs=tuple(graphs), operations=tuple(operations.values()))
    called_still = {site.step.call.name for site in call_sites(new) if isinstance(site.step.call, Call)}
    unused = {names[0] for names in gone.values()} - called_still
    return Substituted(remove_callables(new, unused) if unused else new, gone, kept)


def _without(
    graph: Graph,
    step: Step,
    called: Operation,
    result: KnownResult,
    facet: Importers,
    objections: Mapping[str, Objection | None],
    inline: list[object],
) -> tuple[Graph, list[Operation]]:
    """The graph without a step, and the operations that import its artifacts."""
    used = _used(graph, step)
    if any(item.step == step.name for item in references(inline)):
        raise _Refused("the configuration of another step reads it")
    if any(item.step == step.name and item.kind != "artifact" for item in references(graph.outputs)):
        raise _Refused("its graph hands it out")
    constants: dict[OutputName, Value] = {}
    imports: dict[OutputName, Reference] = {}
    steps: list[Step] = []
    added: list[Operation] = []
    for output in called.outputs:
        place = (output.kind, output.name)
        if place not in used:
            continue
        if (objection := objections[output.name]) is not None:
            raise _Refused(objection.reason)
        if output.kind == "parameter":
            if output.name not in result.parameters:
                raise _Refused(f"the record lacks its output {output.name!r}")
            constants[place] = _allowed(facet.constant(output, result.parameters[output.name]))
        else:
            if output.name not in result.artifacts:
                raise _Refused(f"the record lacks its output {output.name!r}")
            imported = facet.imported(f"{step.name}-{output.name}", output, result.artifacts[output.name], result.key)
            if isinstance(imported, Objection):
                raise _Refused(imported.reason)
            importer, operation = imported
            if any(item.name == importer.name for item in graph.steps):
                raise _Refused(f"another step is called {importer.name!r}")
            imports[place] = Reference(to="output", step=importer.name, kind="artifact", name=operation.outputs[0].name)
            steps.append(importer)
            added.append(operation)
    others = [item for item in graph.steps if item is not step]
    if not others and not steps:
        raise _Refused("it is all that its graph has")
    changed = [_reader(item, step, result, constants, imports) for item in others]
    outputs = map_references(graph.outputs, lambda item: _moved(item, step, imports))
    return replace(graph, steps=(*steps, *changed), outputs=outputs), added


def _allowed(value: Value | Objection) -> Value:
    if isinstance(value, Objection):
        raise _Refused(value.reason)
    return value


def _used(graph: Graph, step: Step) -> set[OutputName]:
    read = references((graph.steps, graph.outputs))
    return {(item.kind, item.name) for item in read if item.to == "output" and item.step == step.name}


def _reader(
    reader: Step,
    step: Step,
    result: KnownResult,
    constants: Mapping[OutputName, Value],
    imports: Mapping[OutputName, Reference],
) -> Step:
    """Another step of the graph, which may read what the step makes, or wait for it."""
    read = [item for item in references((reader.arguments, reader.condition, reader.loop)) if item.step == step.name]
    waits = any(need.step == step.name for need in needed(reader.needs))
    if not read and not waits:
        return reader
    if any(item.path for item in read if item.kind != "artifact") or any(item.to != "output" for item in read):
        raise _Refused(f"{reader.name!r} reads a part of it, or its status")

    def in_text(reference: Reference) -> Reference:
        """A text refers to the input that takes the value; that input stays where it is, under its name."""
        if reference.step != step.name or reference.to != "output":
            return reference
        if (moved := _moved(reference, step, imports)) is not reference:
            return moved
        if not reference.native:
            raise _Refused(f"{reader.name!r} reads it in a way that cannot be written with a constant")
        return Reference(to="unknown", name=reference.native, native=reference.native)

    def argument(item: Argument) -> Argument:
        value = item.value
        if isinstance(value, Reference) and value.to == "output" and value.step == step.name:
            place = (value.kind, value.name)
            return replace(item, value=constants[place] if place in constants else _moved(value, step, imports))
        return replace(item, value=map_references(value, in_text))

    reader = replace(
        reader,
        arguments=tuple(argument(item) for item in reader.arguments),
        loop=None if reader.loop is None else map_references(_over_items(reader.loop, step, result), in_text),
    )
    imported = {imports[item.kind, item.name].step for item in read if (item.kind, item.name) in imports}
    return replace(reader, needs=all_of(list(_needs(reader, step, sorted(imported)))))


def _over_items(loop: Loop, step: Step, result: KnownResult) -> Loop:
    """A loop over a list that the step makes, as one over its items."""

    def over(axis: Axis) -> Axis:
        values = axis.values
        if not isinstance(values, Reference) or values.to != "output" or values.step != step.name:
            return axis
        items = result.parameters.get(values.name)
        if values.kind == "artifact" or not isinstance(items, list):
            raise _Refused("a loop runs over what it makes")
        return replace(axis, values=Native.of(items))

    return replace(loop, axes=tuple(map(over, loop.axes)))


def _needs(reader: Step, step: Step, imported: list[str]) -> Iterator[Needs]:
    """What a reader waits for now: what the step waited for, and the imports that it reads."""
    for need in conjuncts(reader.needs):
        if not isinstance(need, Need) or need.step != step.name:
            if any(item.step == step.name for item in needed(need)):
                raise _Refused(f"{reader.name!r} waits for one of several steps")
            yield need
            continue
        if set(need.outcomes) != {"succeeded"}:
            raise _Refused(f"{reader.name!r} waits for its end, whatever its outcome")
        yield from conjuncts(step.needs)
        yield from (replace(need, step=name) for name in imported)


def _moved(reference: Reference, step: Step, imports: Mapping[OutputName, Reference]) -> Reference:
    """A reference to an artifact of the step, as one to its import."""
    if reference.to != "output" or reference.step != step.name:
        return reference
    return imports.get((reference.kind, reference.name), reference)
