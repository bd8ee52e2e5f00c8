"""Claims that a run makes for itself, and removes once it succeeded: KFP's driver does both in place of a container.

What is mounted is told by the name that the task around knows the claim by, which the configuration of its platform
reads (`backend/src/v2/driver/k8s.go`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_kfp.generating.legality import refuse
from couler_kfp.generating.pods import is_unknown
from couler_kfp.structures import structure, write_structure
from couler_kfp.tasks import SUCCEEDED
from couler_plugins.engine_kit.legalize.native_fields import fields_of
from couler_plugins.ir import (
    Argument,
    Call,
    Container,
    EnvVar,
    Literal,
    Native,
    Need,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Value,
    Workflow,
    all_of,
    callables,
    fresh_name,
    map_references,
    replace,
    take_name,
)

FIELD = "volumeClaimTemplates"
MARK = "couler-claim:"
TEXT, LIST = Native.of({"parameterType": "STRING"}), Native.of({"parameterType": "LIST"})


def with_claims(workflow: Workflow) -> tuple[Workflow, dict[str, Any]]:
    """Return a workflow whose operations read the names of the run's own claims as parameters, and these claims.

    The operations have them as variables, which `without_variables` takes away once they are passed down.
    """
    spec = fields_of(workflow.native_extra).get("spec", {})
    templates = spec.get(FIELD) if isinstance(spec, dict) else None
    if not isinstance(templates, list) or is_unknown(templates) or not all(map(_is_plain, templates)):
        return workflow, {}
    names = {port.name for port in workflow.parameters}
    names |= {port.name for item in callables(workflow).values() for port in item.inputs}
    claims = {take_name(f"claim-{item['metadata']['name']}", names): item for item in templates}
    by_volume = {item["metadata"]["name"]: name for name, item in claims.items()}

    def changed(operation: Operation) -> Operation:
        mounts = [
            mount for item in operation.containers for mount in fields_of(item.native_extra).get("volumeMounts") or ()
        ]
        volumes = [by_volume[name] for name in sorted({mount.get("name") for mount in mounts} & by_volume.keys())]
        if not volumes:
            return operation
        own = fields_of(operation.native_extra)
        more = [
            {"name": claims[name]["metadata"]["name"], "persistentVolumeClaim": {"claimName": f"{MARK}{name}"}}
            for name in volumes
        ]
        pod = Native.of({**own, "volumes": [*own.get("volumes", []), *more]})
        variables = tuple(
            EnvVar(name=f"{MARK}{name}", value=Reference(to="parameter", kind="parameter", name=name))
            for name in volumes
        )
        containers = tuple(
            replace(item, env=(*item.env, *variables)) if item.role == "main" else item for item in operation.containers
        )
        return replace(operation, containers=containers, native_extra=pod)

    return replace(workflow, operations=tuple(map(changed, workflow.operations))), claims


def _is_plain(template: Any) -> bool:
    """Return whether a claim is nothing but a name, modes, a class, and a size."""
    match template:
        case {"metadata": {"name": str(), **more}, "spec": {"resources": {"requests": {"storage": _}}, **others}}:
            return not more and not others.keys() - {"accessModes", "storageClassName"} and "accessModes" in others
    return False


def without_variables(workflow: Workflow) -> Workflow:
    """Return a workflow without the variables by which names of claims were passed down."""

    def plain(item: Container) -> Container:
        env = tuple(variable for variable in item.env if not variable.name.startswith(MARK))
        return item if env == item.env else replace(item, env=env)

    operations = tuple(replace(item, containers=tuple(map(plain, item.containers))) for item in workflow.operations)
    return replace(workflow, operations=operations)


def claiming(pipeline: Workflow, claims: Mapping[str, Any]) -> Workflow:
    """Return a pipeline that makes claims before all else, and removes them at the end.

    Args:
        pipeline: in its root, the names of claims are inputs.
        claims: what to make, by these inputs.
    """
    root, *graphs = pipeline.graphs
    names = {item.name for item in (*graphs, *pipeline.operations)}
    make, drop = take_name("comp-createpvc", names), take_name("comp-deletepvc", names)
    first = root.steps[0]
    tasks = {name: fresh_name(f"create-{name}", [step.name for step in root.steps]) for name in claims}

    def read(reference: Reference) -> Reference:
        if reference.to != "input" or reference.name not in claims:
            return reference
        return Reference(to="output", kind="parameter", step=tasks[reference.name], name="name")

    steps = [map_references(step, read) for step in root.steps]
    before = [Need(step=task, outcomes=SUCCEEDED) for task in tasks.values()]
    steps[0] = replace(steps[0], needs=all_of([*before]))
    for name, template in claims.items():
        spec, label = template["spec"], template["metadata"]["name"]
        values: list[tuple[str, Value]] = [
            ("access_modes", Native.of({"constant": spec["accessModes"]})),
            ("pvc_name_suffix", Literal(value=f"-{label}")),
            ("size", Literal(value=str(spec["resources"]["requests"]["storage"]))),
        ]
        if spec.get("storageClassName"):
            values.append(("storage_class_name", Literal(value=spec["storageClassName"])))
        passed = tuple(Argument(name=key, value=value) for key, value in values)
        steps.append(Step(name=tasks[name], call=Call(name=make), arguments=passed))
        claim = Reference(to="output", kind="parameter", step=tasks[name], name="name")
        ends = [Need(step=step, outcomes=SUCCEEDED) for step in (first.name, tasks[name])]
        dropping = Argument(name="pvc_name", value=claim)
        name_of = fresh_name(f"delete-{name}", [step.name for step in steps])
        steps.append(Step(name=name_of, call=Call(name=drop), arguments=(dropping,), needs=all_of([*ends])))
    whole = replace(pipeline, graphs=(replace(root, steps=tuple(steps)), *graphs))
    whole = replace(whole, operations=tuple(_mounting(item, whole) for item in whole.operations))
    return replace(whole, operations=(*whole.operations, _maker(make), _dropper(drop)))


def _maker(name: str) -> Operation:
    ports = (
        Port(name="access_modes", native_extra=LIST),
        Port(name="pvc_name_suffix", optional=True, native_extra=TEXT),
        Port(name="size", native_extra=TEXT),
        Port(name="storage_class_name", optional=True, native_extra=TEXT),
    )
    container = Container(image=Literal(value="argostub/createpvc"))
    output = Output(name="name", native_extra=TEXT)
    return Operation(name=name, kind="container", inputs=ports, outputs=(output,), containers=(container,))


def _dropper(name: str) -> Operation:
    container = Container(image=Literal(value="argostub/deletepvc"))
    ports = (Port(name="pvc_name", native_extra=TEXT),)
    return Operation(name=name, kind="container", inputs=ports, containers=(container,))


def _mounting(operation: Operation, pipeline: Workflow) -> Operation:
    """Return a component whose platform configuration reads the names of claims as its tasks know them."""
    rest = write_structure(operation.native_extra) if operation.native_extra is not None else {}
    mounts = rest.get("platforms", {}).get("kubernetes", {}).get("pvcMount", [])
    marked = [mount for mount in mounts if str(mount.get("constant", "")).startswith(MARK)]
    if not marked:
        return operation
    for mount in marked:
        name = mount.pop("constant").removeprefix(MARK)
        source = _known_as(operation, name, pipeline)
        mount.update(source, pvcNameParameter=source)
    return replace(operation, native_extra=structure(rest), inline=True)


def _known_as(operation: Operation, name: str, pipeline: Workflow) -> dict[str, Any]:
    """Return the name that the graphs around the tasks of a component know a claim by."""
    sources: list[dict[str, Any]] = []
    for graph in pipeline.graphs:
        for step in graph.steps:
            value = next((item.value for item in step.arguments if item.name == name), None)
            if getattr(step.call, "name", "") == operation.name and isinstance(value, Reference):
                source: dict[str, Any]
                if value.to == "output":
                    source = {"taskOutputParameter": {"outputParameterKey": "name", "producerTask": value.step}}
                else:
                    source = {"componentInputParameter": value.name}
                if source not in sources:
                    sources.append(source)
    if len(sources) != 1:
        reason = "mounts a claim that its calls know by several names"
        raise refuse("Container.native_extra", operation.name, reason, "call it in one way", "volumeMounts")
    return sources[0]
