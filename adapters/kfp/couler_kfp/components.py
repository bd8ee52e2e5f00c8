"""Components: graphs (those with a dag) and operations (those with an executor).

Source: `pipeline_spec.proto` (ComponentSpec, PipelineDeploymentConfig, PlatformSpec).
"""

from __future__ import annotations

from typing import NamedTuple

from couler_kfp.containers import executor_kind, read_container, write_container
from couler_kfp.mappings import Mapped, joined, mapping, rest_of, without
from couler_kfp.ports import read_inputs, read_outputs, write_inputs, write_outputs
from couler_kfp.structures import named, write_structure
from couler_kfp.support import refuse_unsupported, unsupported
from couler_plugins.documents import Path
from couler_plugins.ir import Graph, Native, Operation, Source, Step, references, replace

__all__ = [
    "Body",
    "label_of",
    "read_graph",
    "read_operation",
    "sharing",
    "usual_label",
    "write_graph",
    "write_operation",
]

OWN = ("inputDefinitions", "outputDefinitions")


class Body(NamedTuple):
    """What an operation is made of, beside its component.

    Attributes:
        label: of its executor.
        executor: what runs.
        platforms: its configuration, by platform.
    """

    label: str
    executor: Mapped
    platforms: Mapped


def usual_label(name: str) -> str:
    """The label that KFP's compiler gives the executor of a component."""
    return f"exec-{name.removeprefix('comp-')}"


def read_graph(name: str, component: Mapped, path: Path, steps: tuple[Step, ...], source: Source) -> Graph:
    """A component with a dag; its tasks were read before."""
    inputs, more_inputs = read_inputs(component, path)
    outputs, more_outputs, more_handed = read_outputs(component, path)
    dag = without(mapping(component, "dag", path), "tasks", "outputs")
    beside = {
        "inputDefinitions": more_inputs,
        "outputDefinitions": more_outputs,
        "dag": {**dag, "outputs": more_handed},
    }
    rest = rest_of(_full({**without(component, *OWN, "dag"), **beside}))
    return Graph(name=name, inputs=inputs, outputs=outputs, steps=steps, native_extra=rest, source=source)


def _full(content: Mapped) -> Mapped:
    """The mapping without those under the keys that we take apart and put together, where they are empty."""
    full = dict(content)
    for key in (*OWN, "dag", "outputs", "executor", "platforms"):
        if isinstance(full.get(key), dict):
            full[key] = _full(full[key]) if key == "dag" else full[key]
            if not full[key]:
                del full[key]
    return full


def write_graph(graph: Graph, tasks: Mapped) -> Mapped:
    """The component of a graph, around its tasks.

    Raises:
        Unsupported: KFP cannot say what it is to be.
    """
    refuse_unsupported(graph)
    definitions, outputs = write_outputs(graph.outputs)
    dag = {"tasks": tasks, **({"outputs": outputs} if outputs else {})}
    written = _full({"dag": dag, "inputDefinitions": write_inputs(graph.inputs), "outputDefinitions": definitions})
    return joined(written, write_structure(graph.native_extra) if graph.native_extra else {})


def read_operation(  # a component and its body, each with its place
    name: str, component: Mapped, path: Path, body: Body, body_path: Path, source: Source, *, shared: bool
) -> Operation:
    """A component with an executor, which it may share with others.

    It is `inline` (a part of its call site) where its platform configuration reads outputs of tasks or inputs of the
    graph around it, and where it reads inputs that only its task has: the compiler passes resources that way.
    """
    inputs, more_inputs = read_inputs(component, path)
    outputs, more_outputs, _ = read_outputs(component, path)
    container, executor = read_container(body.executor, body_path)
    beside = {
        "inputDefinitions": more_inputs,
        "outputDefinitions": more_outputs,
        "executor": executor,
        "platforms": body.platforms,
    }
    if shared:
        label: Mapped = _shared_label(body.label, name)
    else:
        label = {} if body.label == usual_label(name) else {"executorLabel": body.label}
    rest = rest_of(_full({**without(component, *OWN, "executorLabel"), **label, **beside}))
    operation = Operation(
        name=name,
        kind=executor_kind(body.executor),
        inputs=inputs,
        outputs=outputs,
        containers=(container,) if container else (),
        native_extra=rest,
        source=source,
    )
    own = {(port.kind, port.name) for port in inputs}
    read = (item for item in references((operation.containers, rest)) if item.to == "input")  # no port reads any
    inline = any(named(rest_of(body.platforms))) or any((item.kind, item.name) not in own for item in read)
    return replace(operation, inline=True) if inline else operation


def _shared_label(label: str, name: str) -> Mapped:
    """What is kept of a label that several components have.

    Their names are part of it: such components are the same in everything else, and were left apart on purpose.
    """
    return {"executorLabel": {"component": name, "label": label}}


def sharing(operation: Operation, label: str) -> Operation:
    """The operation with an executor that others have, too."""
    return replace(
        operation, native_extra=rest_of({**_rest(operation.native_extra), **_shared_label(label, operation.name)})
    )


def label_of(operation: Operation) -> str:
    """The label of the operation's executor."""
    label = _rest(operation.native_extra).get("executorLabel")
    if isinstance(label, dict):
        label = label.get("label")
    return label if isinstance(label, str) else usual_label(operation.name)


def _rest(rest: Native | None) -> Mapped:
    return write_structure(rest) if rest is not None else {}


def write_operation(operation: Operation) -> tuple[Mapped, Body]:
    """The component of an operation, and what it is made of.

    Raises:
        Unsupported: KFP cannot say what it is to be.
    """
    refuse_unsupported(operation)
    rest = _rest(operation.native_extra)
    definitions, outputs = write_outputs(operation.outputs)
    if outputs:
        raise unsupported("Output.value", operation.name, "hands out what only a dag can")
    executor = rest.pop("executor", {})
    if len(operation.containers) > 1 or (operation.containers and executor_kind(executor) != "unknown"):
        raise unsupported("Operation.containers", operation.name, "has more than one container, or kind of executor")
    if operation.containers:
        executor = joined({"container": write_container(operation.containers[0])}, executor)
    if executor_kind(executor) == "unknown" and not executor:
        raise unsupported("Operation.containers", operation.name, "has nothing to run", "give it a container")
    label = label_of(operation)
    body = Body(label, executor, rest.pop("platforms", {}))
    own = _full({"inputDefinitions": write_inputs(operation.inputs), "outputDefinitions": definitions})
    return joined({**own, "executorLabel": label}, rest), body
