"""Components: graphs (those with a dag) and operations (those with an executor), and their executors.

Source: `pipeline_spec.proto` (ComponentSpec, PipelineDeploymentConfig, PlatformSpec).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from couler_kfp.ports import read_inputs, read_outputs, write_inputs, write_outputs
from couler_kfp.structures import mapping, named, rest_of, structure, write_structure
from couler_kfp.support import refuse_unsupported, unsupported
from couler_kfp.texts import text, write_text
from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, joined, mapping_at, without, without_empty
from couler_plugins.engine_kit.structures import read_environment, write_environment
from couler_plugins.ir import (
    Container,
    Graph,
    Native,
    Operation,
    Source,
    Step,
    Value,
    parse_quantity,
    references,
    replace,
)

# Executors: the container, and all other kinds.
#
# Source: `pipeline_spec.proto` (PipelineDeploymentConfig.ExecutorSpec, PipelineContainerSpec).

KINDS = {
    "container": "container",
    "importer": "importer",
    "resolver": "resolver",
    "customJob": "custom-job",
    "pipeline": "pipeline",  # our own: a part, which `couler run` starts
}
QUANTITIES = {
    "requests": {"cpu": "resourceCpuRequest", "memory": "resourceMemoryRequest"},
    "limits": {"cpu": "resourceCpuLimit", "memory": "resourceMemoryLimit"},
}
OLDER = {
    "resourceCpuRequest": "cpuRequest",
    "resourceMemoryRequest": "memoryRequest",
    "resourceCpuLimit": "cpuLimit",
    "resourceMemoryLimit": "memoryLimit",
}
"""Fields that say the same as numbers, CPUs and gigabytes: compilers write both, and older backends read these."""
FOLLOWS = "as the text says"
"""Stands for a number that says the same as the text beside it, so that it changes with it."""


def executor_kind(executor: Mapped) -> str:
    """What kind of operation an executor is; `unknown` where it is none, or several, that we have heard of."""
    kinds = [kind for key, kind in KINDS.items() if key in executor]
    return kinds[0] if len(kinds) == 1 else "unknown"


def read_container(executor: Mapped, path: Path) -> tuple[Container | None, Mapped]:
    """The container of an executor, and what else there is of the executor."""
    if executor_kind(executor) != "container":
        return None, executor
    content = mapping(executor, "container", path)
    fields: dict[str, Any] = {}
    if isinstance(content.get("image"), str):
        fields["image"] = text(content["image"])
    for key in ("command", "args"):
        items = content.get(key)
        if isinstance(items, list) and items and all(isinstance(item, str) for item in items):
            fields[key] = tuple(map(text, items))
    if env := read_environment(content.get("env"), _variable):
        fields["env"] = env
    remainder = without(content, *fields)
    if isinstance(content.get("resources"), dict):
        quantities, others = _quantities(content["resources"])
        fields.update(quantities)
        remainder = {**remainder, "resources": others} if others or not quantities else without(remainder, "resources")
    return Container(native_extra=rest_of(remainder), **fields), without(executor, "container")


def _variable(item: Mapped) -> Value:
    """The value of a variable, or (as a structure) everything that is said of it."""
    content = item.get("value")
    return text(content) if len(item) == 1 and isinstance(content, str) else structure(item)


def _quantities(resources: Mapped) -> tuple[dict[str, Any], Mapped]:
    """Requests and limits in Kubernetes' notation, and what else there is, such as accelerators."""
    quantities: dict[str, Any] = {}
    keys_read: list[str] = []
    for field, keys in QUANTITIES.items():
        strings = {name: key for name, key in keys.items() if isinstance(resources.get(key), str)}
        keys_read += strings.values()
        if strings:
            quantities[field] = tuple((name, text(resources[key])) for name, key in sorted(strings.items()))
    others = without(resources, *keys_read)
    for key in keys_read:
        number = others.get(OLDER[key])
        if isinstance(number, float) and number == _number(key, resources[key]):
            others[OLDER[key]] = FOLLOWS
    return quantities, others


def _number(key: str, content: str) -> float | None:
    """A quantity as a number; None for one that the run fills in."""
    amount = parse_quantity(content)
    return None if amount is None else round(amount / 1e9 if "Memory" in key else amount, 9)


def write_container(container: Container) -> Mapped:
    """The container of an executor.

    Raises:
        Unsupported: KFP cannot say what it is to be.
    """
    refuse_unsupported(container)
    resources: Mapped = {}
    for field, keys in QUANTITIES.items():
        for name, quantity in getattr(container, field):
            if name not in keys:
                raise unsupported(f"Container.{field}", name, "is no resource that KFP knows", "use cpu and memory")
            resources[keys[name]] = write_text(quantity)
    written = {
        "image": None if container.image is None else write_text(container.image),
        "command": [write_text(item) for item in container.command],
        "args": [write_text(item) for item in container.args],
        "env": write_environment(container.env, _write_variable),
        "resources": resources,
    }
    whole = joined(without_empty(written), write_structure(container.native_extra) if container.native_extra else {})
    for key, older in OLDER.items():
        amounts = mapping_at(whole, "resources")
        if amounts.get(older) == FOLLOWS:
            number = _number(key, resources.get(key, ""))
            whole["resources"] = without(amounts, older) if number is None else {**amounts, older: number}
    return whole


def _write_variable(value: Value) -> Any:
    return write_structure(value) if isinstance(value, Native) else write_text(value)


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
