"""A pipeline as it is to be cut: closed, and without what runs at its end.

Embedded specs find more around them than a Pipeline of its own would: parameters of the run, and facts of it. Those
become parameters that each part is passed. What finalizers read is handed out as the results of the pipeline are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from couler_plugins.ir import (
    Graph,
    Operation,
    Output,
    Reference,
    Step,
    Workflow,
    callables,
    fresh_name,
    inline_callees,
    map_references,
    references,
    replace,
    replace_callables,
)
from couler_plugins.plan import Plan
from couler_tekton.split.typing import Types, port_type, typed_port
from couler_tekton.variables import write_value

__all__ = ["FACTS", "ROOT", "Whole", "core_of", "whole_of", "workspaces_in"]

ROOT = "pipeline"
FACTS = {"context.pipelineRun.name": "pipelinerun-name", "context.pipeline.name": "pipeline-name"}
"""Variables that each part would have values of its own for, and what the parameters are called that hold those of the
whole."""


class Whole(NamedTuple):
    """What is cut.

    Attributes:
        workflow: with the parameters that its parts need, and without finalizers.
        finalizers: the steps that run at the end, in the order of the source.
        reads: by what a finalizer reads of the others, the output of the pipeline that has it.
        facts: the variables of the run that parameters stand for, by the names of these.
        types: those of the results of its steps.
    """

    workflow: Workflow
    finalizers: tuple[Step, ...]
    reads: Mapping[Reference, str]
    facts: Mapping[str, str]
    types: Types

    @property
    def root(self) -> Graph:
        """The pipeline."""
        graph = callables(self.workflow)[ROOT]
        assert isinstance(graph, Graph)
        return graph


def whole_of(workflow: Workflow, plan: Plan) -> Whole:
    """A Pipeline, or a PipelineRun that holds one, as it is to be cut; Tasks are looked up in the plan."""
    by_name = callables(workflow)
    root = by_name[ROOT]
    assert isinstance(root, Graph)
    content = (root.steps, tuple(callee for step in root.steps for callee in inline_callees(step, by_name)))
    read = list(references(content))
    names = {port.name for port in (*root.inputs, *workflow.parameters)} | {item.name for item in read}
    facts: dict[str, str] = {}
    for variable, wanted in FACTS.items():
        if any(item.to == "run" and item.name == variable for item in read):
            name = fresh_name(wanted, names)
            names.add(name)
            facts[name] = variable
    by_variable = {variable: name for name, variable in facts.items()}

    def closed(reference: Reference) -> Reference:
        if reference.to == "run" and reference.name in by_variable:
            return replace(reference, to="input", kind="parameter", name=by_variable[reference.name], native="")
        if reference.to == "parameter":
            return replace(reference, to="input")
        return reference

    items: tuple[Graph | Operation, ...] = (*workflow.graphs, *workflow.operations)
    workflow = replace_callables(workflow, {item.name: map_references(item, closed) for item in items})
    root = callables(workflow)[ROOT]
    assert isinstance(root, Graph)
    of_run = {item.name for item in read if item.to == "parameter"} - {port.name for port in root.inputs}
    ports = (
        *(replace(port, optional=False) for port in root.inputs),
        *(typed_port(port.name, {"type": port_type(port)}) for port in workflow.parameters if port.name in of_run),
        *(typed_port(name, {"type": "string"}) for name in facts),
    )
    last = set(root.finalizers)
    finalizers = tuple(step for step in root.steps if step.name in last)
    reads = _handed(workflow, finalizers, {output.name for output in root.outputs})
    outputs = tuple(Output(name=name, value=value) for value, name in reads.items())
    own = tuple(output for output in root.outputs if not any(item.step in last for item in references(output)))
    main = tuple(step for step in root.steps if step.name not in last)
    types = Types(plan, workflow, root.steps, (*read, *references(root.outputs)))
    root = replace(root, inputs=ports, steps=main, finalizers=(), outputs=(*own, *outputs))
    return Whole(replace_callables(workflow, {ROOT: root}), finalizers, reads, facts, types)


def core_of(reference: Reference) -> Reference:
    """The value that a reference picks from, however it is spelled."""
    return replace(reference, path=(), native="")


def _handed(workflow: Workflow, finalizers: tuple[Step, ...], used: set[str]) -> dict[Reference, str]:
    """What finalizers read of other steps, each with the name of the output that is to have it."""
    by_name = callables(workflow)
    names: dict[Reference, str] = {}
    for step in finalizers:
        for reference in references((step, inline_callees(step, by_name))):
            core = core_of(reference)
            if core.to == "output" and core.step and core not in names:
                name = names[core] = fresh_name(f"{core.step}-{core.name}", used)
                used.add(name)
    return names


def workspaces_in(steps: tuple[Step, ...], by_name: Mapping[str, Graph | Operation]) -> set[str]:
    """The names of all workspaces that steps speak of, in what is written inside them as well."""
    return {name for step in steps for item in (step, *inline_callees(step, by_name)) for name in _named(item)}


def _named(item: Step | Graph | Operation) -> Iterator[str]:
    said = write_value(item.native_extra) if item.native_extra else {}
    for use in said.get("workspaces") or ():
        if isinstance(use, dict):
            yield str(use.get("workspace") or use.get("name"))
    yield from (reference.name for reference in references(item) if reference.to == "workspace")
