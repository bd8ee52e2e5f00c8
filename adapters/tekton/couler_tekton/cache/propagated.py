"""Parameters and results that reach an embedded task from around it, without being declared there or passed.

Tekton puts them into the texts of an embedded spec, also into those of our first step, so that a key covers their
values: `propagateParams` and (since Tekton 0.53, without a gate) `PropagateResults` in
`pkg/reconciler/pipelinerun/resources/apply.go`, `docs/pipelineruns.md`. A Task that is referred to gets none, and a
nested pipeline none of the pipeline around it. What an older Tekton leaves as it stands (or any, of a list) has a `$`
in it, and so no key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from couler_plugins.documents.mappings import by_key
from couler_plugins.ir import (
    Argument,
    Graph,
    Native,
    Operation,
    Port,
    Reference,
    Step,
    Workflow,
    needed,
    references,
    replace,
)
from couler_tekton.cache.wrapping import kind_of
from couler_tekton.variables import Scope


class Around(NamedTuple):
    """A parameter around a task: what declares it, and what reads it there."""

    port: Port
    value: Reference


def around(workflow: Workflow, graph: Graph | None) -> dict[str, Around]:
    """Return the parameters that reach the tasks of a graph, by name; of the task of a run, where there is none."""
    entry = "" if workflow.entry is None else getattr(workflow.entry.call, "name", "")
    ports = {port.name: Around(port, _parameter(port)) for port in workflow.parameters}
    if graph is None:
        return ports
    own = {port.name: Around(port, replace(_parameter(port), to="input")) for port in graph.inputs}
    return {**ports, **own} if graph.name == entry else own


def _parameter(port: Port) -> Reference:
    return Reference(to="parameter", kind="parameter", name=port.name)


def declared_ports(operation: Operation, reachable: Mapping[str, Around]) -> Operation:
    """Return an embedded task that declares all parameters around it that it reads."""
    own = {port.name for port in operation.inputs}
    read = by_key(
        (reference.name, reference.path)
        for reference in references(operation)
        if reference.to in ("input", "parameter") and reference.name in reachable and reference.name not in own
    )
    ports = tuple(_declared(reachable[name].port, paths) for name, paths in sorted(read.items()))
    return replace(operation, inputs=(*operation.inputs, *ports)) if ports else operation


def _declared(port: Port, paths: Sequence[tuple[str, ...]]) -> Port:
    """A parameter as a task would declare it; of an object, the keys that are read, unless all of it is."""
    kind = kind_of(replace(port, default=port.value) if isinstance(port.value, Native) else port)
    rest: dict[str, Any] = {"type": kind}
    if kind == "object" and all(path and path[0] != "*" for path in paths):
        rest["properties"] = {path[0]: {"type": "string"} for path in sorted(paths)}
    return Port(name=port.name, kind="parameter", native_extra=Scope().rest(rest))


def passed(step: Step, operation: Operation, reachable: Mapping[str, Around]) -> Step:
    """Return the call of an embedded task that passes all that reaches it, for those that come after it.

    What it declares is filled from around it, too, unless it is passed; of an object, key by key.
    """
    names = {argument.name for argument in step.arguments}
    more = [
        Argument(name=port.name, value=port.value) for port in operation.inputs if isinstance(port.value, Reference)
    ]
    more += [
        Argument(name=name if name not in names else f"{name} around it", value=reachable[name].value)
        for name in sorted({port.name for port in operation.inputs} & reachable.keys())
        if name not in names or _is_object(operation, name)
    ]
    return replace(step, arguments=(*step.arguments, *more)) if more else step


def with_results(operation: Operation, step: Step) -> Operation:
    """Return an embedded task that declares the results of others that it reads, with where they come from.

    Those count that are there when it begins: of tasks that its call waits for, or that Tekton has it wait for since a
    container reads one in these places (`GetVarSubstitutionExpressions` in `pkg/apis/pipeline/v1/container_types.go`).
    """
    places = [(one.image, one.script, one.command, one.args, one.env) for one in operation.containers]
    read = (*references(tuple(places)), *references((step.arguments, step.condition)))
    awaited = {need.step for need in needed(step.needs)} | {item.step for item in read if item.to == "output"}
    results = {
        item.native: item
        for item in references(operation)
        if item.to == "output" and item.kind == "parameter" and item.step in awaited - {""} and _is_text(item)
    }
    ports = (Port(name=native[2:-1], value=results[native]) for native in sorted(results))
    return replace(operation, inputs=(*operation.inputs, *ports)) if results else operation


def _is_text(result: Reference) -> bool:
    """Whether all of a result is meant, or a key of an object: no list, and no item of one."""
    return not result.path or (len(result.path) == 1 and not (result.path[0] == "*" or result.path[0].isdigit()))


def is_result(port: Port) -> bool:
    """Whether this is a result that `with_results` has put there; what a task declares has no value."""
    return isinstance(port.value, Reference)


def without_results(operation: Operation) -> Operation:
    """Return the task as it was before `with_results`."""
    return replace(operation, inputs=tuple(port for port in operation.inputs if not is_result(port)))


def _is_object(operation: Operation, name: str) -> bool:
    return any(port.name == name and kind_of(port) == "object" for port in operation.inputs)
