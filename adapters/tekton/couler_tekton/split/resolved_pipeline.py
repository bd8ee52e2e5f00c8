"""A pipeline as it is to be cut: closed, and without what runs at its end.

Embedded specs find more around them than a Pipeline of its own would: parameters of the run, and facts of it. Those
become parameters that each part is passed. What finalizers read is handed out as the results of the pipeline are.

A parameter of a part is declared as the result that it is. Source: `docs/pipelines.md`, "Passing one Task's Results
into the Parameters": a result without an index is a string, `[0]` picks from an array, and a key from an object; `[*]`
is a whole array or object.

What stands for a part: a custom task of ours in the place of the tasks that the part has. Parts are found by it.

Tekton's webhook takes a task that refers to a kind of another API group (`docs/customruns.md`), so that what is left of
a pipeline stays one, and is checked by everything that checks pipelines. `couler run` runs each part in a PipelineRun.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from couler_plugins.documents.mappings import Mapped, entries
from couler_plugins.ir import (
    Dynamic,
    Graph,
    Literal,
    Native,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Workflow,
    callables,
    graph_of,
    inline_callees,
    map_references,
    references,
    replace,
    replace_callables,
    take_name,
)
from couler_plugins.parallelism.cuts import links_between
from couler_plugins.plan import Link, Part, Plan
from couler_tekton.cache.declared import annotations_of
from couler_tekton.variables import Scope, write_value

ROOT = "pipeline"
FACTS = {"context.pipelineRun.name": "pipelinerun-name", "context.pipeline.name": "pipeline-name"}
"""Variables that each part would have values of its own for, and what the parameters are called that hold those of the
whole."""
STRING: Mapped = {"type": "string"}
KEPT = ("type", "properties")
Key = tuple[str, str]


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
        return graph_of(self.workflow, ROOT)


def resolved_pipeline(workflow: Workflow, plan: Plan) -> Whole:
    """A Pipeline, or a PipelineRun that holds one, as it is to be cut; Tasks are looked up in the plan."""
    by_name = callables(workflow)
    root = graph_of(workflow, ROOT)
    content = (root.steps, tuple(callee for step in root.steps for callee in inline_callees(step, by_name)))
    read = list(references(content))
    names = {port.name for port in (*root.inputs, *workflow.parameters)} | {item.name for item in read}
    facts: dict[str, str] = {}
    for variable, wanted in FACTS.items():
        if any(item.to == "run" and item.name == variable for item in read):
            facts[take_name(wanted, names)] = variable
    by_variable = {variable: name for name, variable in facts.items()}

    def closed(reference: Reference) -> Reference:
        if reference.to == "run" and reference.name in by_variable:
            return replace(reference, to="input", kind="parameter", name=by_variable[reference.name], native="")
        return replace(reference, to="input") if reference.to == "parameter" else reference

    items: tuple[Graph | Operation, ...] = (*workflow.graphs, *workflow.operations)
    workflow = replace_callables(workflow, {item.name: map_references(item, closed) for item in items})
    root = graph_of(workflow, ROOT)
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
                names[core] = take_name(f"{core.step}-{core.name}", used)
    return names


def workspaces_in(steps: tuple[Step, ...], by_name: Mapping[str, Graph | Operation]) -> set[str]:
    """The names of all workspaces that steps speak of, in what is written inside them as well."""
    return {name for step in steps for item in (step, *inline_callees(step, by_name)) for name in _named(item)}


def _named(item: Step | Graph | Operation) -> Iterator[str]:
    said = write_value(item.native_extra) if item.native_extra else {}
    yield from (str(use.get("workspace") or use.get("name")) for use in entries(said, "workspaces"))
    yield from (reference.name for reference in references(item) if reference.to == "workspace")


class Types:
    """The types of the results of steps.

    Args:
        plan: where Tasks are looked up that are referred to.
        workflow: what the steps are in.
        steps: what makes results.
        reads: how they are read, which tells the type where nothing else does.
    """

    def __init__(
        self,
        plan: Plan,
        workflow: Workflow,
        steps: Iterable[Step],
        reads: Iterable[Reference],
    ) -> None:
        self._libraries = plan.libraries
        self._workflow = workflow
        self._steps = {step.name: step for step in steps}
        self._indices: dict[Key, set[str]] = {}
        for reference in reads:
            if reference.to == "output":
                self._indices.setdefault((reference.step, reference.name), set()).add("".join(reference.path[:1]))

    def of(self, step: str, name: str) -> Mapped | None:
        """What declares a parameter that holds a result of a step; None where that cannot be known."""
        if self._steps[step].loop is not None:
            return {"type": "array"}  # gathered from a matrix
        declared = self._declared(self._steps[step], name)
        if declared is not None:
            return declared
        indices = self._indices.get((step, name), {""})
        if indices == {""}:
            return STRING
        return {"type": "array"} if all(index.isdigit() for index in indices) else None

    def _declared(self, step: Step, name: str) -> Mapped | None:
        callee = self._libraries.callee(self._workflow, step)
        for output in callee.outputs if callee is not None else ():
            if output.name == name:
                return _type_in(write_value(output.native_extra) if output.native_extra else {})
        return None


def _type_in(said: Mapped) -> Mapped:
    kept = {key: said[key] for key in KEPT if key in said}
    return {"type": "object" if "properties" in kept else "string", **kept}


def typed_port(name: str, declared: Mapped) -> Port:
    """A parameter that is declared so; a string needs no type."""
    return Port(name=name, native_extra=Scope().rest({} if declared == STRING else declared))


def port_type(port: Port) -> str:
    """The type of a parameter, as Tekton takes it where nothing is said: that of its default, or of its value."""
    said: Any = write_value(port.native_extra) if port.native_extra else {}
    if isinstance(said, dict) and isinstance(said.get("type"), str):
        return str(said["type"])
    if isinstance(said, dict) and "properties" in said:
        return "object"
    match port.default or port.value:
        case Native() | Literal() as content:
            data = write_value(content)
            return "array" if isinstance(data, list) else "object" if isinstance(data, dict) else "string"
    return "string"


def entire(reference: Reference, kind: str) -> Reference:
    """A reference to all of a value of this type."""
    return reference if kind == "string" else replace(reference, path=("*",), native="")


API, KIND = "couler.io/v1alpha1", "PipelinePart"
PART_OF = "couler.io/part-of"
"""The annotation of a part: what it is a part of."""


def calling(name: str) -> Dynamic:
    """A call of the part that is the Pipeline of this name."""
    return Dynamic(target=Scope().structure({"taskRef": {"apiVersion": API, "kind": KIND, "name": name}}))


def started(step: Step) -> str:
    """The name of the Pipeline that a step stands for; empty where it stands for none."""
    return started_by(write_value(step.call.target)) if isinstance(step.call, Dynamic) else ""


def started_by(task: Mapped) -> str:
    """The same of a task as it is written."""
    match task:
        case {"taskRef": {"apiVersion": str(version), "kind": str(kind), "name": str(name)}}:
            return name if (version, kind) == (API, KIND) else ""
    return ""


def whole_of(workflow: Workflow) -> str:
    """What was split, where a workflow is a part of it, or what is left of it; empty where nobody has split it."""
    return annotations_of(workflow).get(PART_OF, "") or (workflow.label if _callers(workflow) else "")


def joined(workflows: Iterable[Workflow]) -> tuple[tuple[Part, ...], tuple[Link, ...]]:
    """The parts and the links of these workflows; none for what nobody has split."""
    every = list(workflows)
    pipelines = {workflow.name: workflow for workflow in every if workflow.kind == "Pipeline"}
    roots = {name: callables(workflow).get(ROOT) for name, workflow in pipelines.items()}
    parts: list[Part] = []
    links: list[Link] = []
    for workflow in every:
        callers = _callers(workflow)
        root = callables(workflow).get(ROOT)
        if not isinstance(root, Graph):
            continue
        for step, name in callers.items():
            graph = roots.get(name)
            if isinstance(graph, Graph) and step not in root.finalizers:
                own = tuple(inner.name for inner in graph.steps)
                parts.append(Part(workflow=workflow.label, name=step, steps=own))
        links += links_between(root.steps, callers)
    return tuple(parts), tuple(links)


def _callers(workflow: Workflow) -> dict[str, str]:
    """The names of the Pipelines of parts, by those of the steps that stand for them."""
    root = callables(workflow).get(ROOT)
    steps = root.steps if isinstance(root, Graph) else ()
    return {step.name: name for step in steps if (name := started(step))}
