"""What a workflow takes from elsewhere: keys of ConfigMaps as variables, and texts as artifacts.

Kubernetes fills in `$(VARIABLE)` in the command and the arguments of a container (`v1.Container`), and KFP's launcher
is given those of the user as arguments of its own.
"""

from __future__ import annotations

import re

from couler_plugins.engine_kit.legalize.native_fields import fields_of, raw_text
from couler_plugins.engine_kit.legalize.rules import KINDS
from couler_plugins.engine_kit.legalize.values import substituted
from couler_plugins.ir import (
    EnvVar,
    Native,
    Operation,
    Port,
    Reference,
    Workflow,
    call_sites,
    references,
    replace,
)


def with_sources(workflow: Workflow) -> Workflow:
    """Return a workflow whose operations read keys of ConfigMaps themselves, and write texts of artifacts."""
    keys = {port.name: key for port in workflow.parameters if (key := _key_of(port)) is not None}
    passed = {
        (getattr(site.step.call, "name", ""), item.name)
        for site in call_sites(workflow)
        for item in site.step.arguments
    }
    operations = tuple(_reading(item, keys, passed) for item in workflow.operations)
    changed = replace(workflow, operations=operations)
    read = {item.name for item in references((changed.graphs, changed.operations)) if item.to == "parameter"}
    kept = tuple(port for port in workflow.parameters if port.name not in keys or port.name in read)
    return _with_texts(replace(changed, parameters=kept))


def _key_of(port: Port) -> Native | None:
    """Return the key of a ConfigMap that a parameter comes from, where it says nothing else."""
    fields = fields_of(port.origin)
    key = fields.get("configMapKeyRef")
    fits = port.kind == "parameter" and fields.keys() == {"configMapKeyRef"} and port.default is None
    if not fits or not isinstance(key, dict) or key.keys() != {"name", "key"} or "\0" in f"{key['name']}{key['key']}":
        return None
    return Native.of({"valueFrom": {"configMapKeyRef": key}})


def _reading(operation: Operation, keys: dict[str, Native], passed: set[tuple[str, str]]) -> Operation:
    if operation.kind not in KINDS:
        return operation
    own = {
        port.name: key
        for port in operation.inputs
        if (key := _key_of(port)) is not None and (operation.name, port.name) not in passed
    }
    variables: dict[str, Native] = {}

    def read(reference: Reference) -> Reference | str:
        source = own if reference.to == "input" else keys if reference.to == "parameter" else {}
        if reference.name not in source or reference.path:
            return reference
        variable = "COULER_" + re.sub(r"\W", "_", f"{reference.to}_{reference.name}").upper()
        variables[variable] = source[reference.name]
        return f"$({variable})"

    containers = tuple(substituted(item, read) for item in operation.containers)
    if not variables and not own:
        return operation
    env = tuple(EnvVar(name=name, value=value) for name, value in variables.items())
    return replace(
        operation,
        inputs=tuple(port for port in operation.inputs if port.name not in own),
        containers=tuple(replace(item, env=(*env, *item.env)) for item in containers),
    )


def _with_texts(workflow: Workflow) -> Workflow:
    """Return a workflow whose entry takes from nowhere else the artifacts that the run is given as texts."""
    entry = workflow.entry
    texts = {
        port.name: port for port in workflow.parameters if port.kind == "artifact" and raw_text(port.origin) is not None
    }
    name = getattr(entry and entry.call, "name", "")
    others = [site for site in call_sites(workflow) if site.step is not entry]
    if not texts or entry is None or any(getattr(site.step.call, "name", "") == name for site in others):
        return workflow

    def changed(operation: Operation) -> Operation:
        if operation.name != name:
            return operation
        ports = (
            replace(port, origin=texts[port.name].origin) if port.kind == "artifact" and port.name in texts else port
            for port in operation.inputs
        )
        return replace(operation, inputs=tuple(ports))

    operations = tuple(map(changed, workflow.operations))
    if not any(item.name == name for item in operations) or any(item.kind == "artifact" for item in entry.arguments):
        return workflow
    kept = tuple(port for port in workflow.parameters if port.name not in texts)
    return replace(workflow, operations=operations, parameters=kept)
