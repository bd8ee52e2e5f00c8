"""What components run, in containers that any engine can start.

A container component reads paths where KFP would put them; here they are fixed. A Python component is started by
`launcher`, which does what KFP's own launcher does. Sources: `kfp.dsl.placeholders`, `kfp.dsl.executor_main`.

IfPresent and Concat: what becomes of them is known where the callers of a component agree.

Source: `kfp.dsl.placeholders`, and KFP's driver, which takes each argument that is such a JSON text apart.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from couler_kfp.portable import launcher
from couler_kfp.portable.claims import claiming, stub_of
from couler_kfp.portable.collected import LIST, Collected
from couler_kfp.portable.platforms import configured
from couler_kfp.portable.types import constant_of, may_be_absent, refuse, said_of, text_of, type_of
from couler_kfp.texts import EXECUTOR_INPUT, text, write_text
from couler_plugins.engine_kit.legalize.values import substituted
from couler_plugins.ir import (
    Container,
    Literal,
    Operation,
    Output,
    Port,
    Reference,
    Value,
    references,
    replace,
)

Presence = Mapping[str, bool | None]
"""By the name of an input, whether something is passed; None where that differs, or where only the run knows."""
CONCAT, PRESENT = "Concat", "IfPresent"


def flat(name: str, values: Sequence[Value], presence: Presence) -> tuple[Value, ...]:
    """Arguments without such placeholders; one of them can become several arguments, or none.

    Raises:
        Unsupported: it depends on the run, or on who calls the component.
    """
    result: list[Value] = []
    for value in values:
        structure = _structure(write_text(value))
        result += [value] if structure is None else map(text, _taken(name, structure, presence))
    return tuple(result)


def _structure(content: str) -> Any:
    if not content.startswith(("{", "[")) or not any(f'"{key}"' in content for key in (CONCAT, PRESENT)):
        return None
    try:
        data = json.loads(content)
    except ValueError:
        return None
    return data if isinstance(data, dict) and data.keys() <= {CONCAT, PRESENT} else None


def _taken(name: str, item: Any, presence: Presence) -> list[str]:
    match item:
        case str():
            return [item]
        case list():
            return [text for part in item for text in _taken(name, part, presence)]
        case {"Concat": list(parts)}:
            return ["".join(text for part in parts for text in _taken(name, part, presence))]
        case {"IfPresent": {"InputName": str(key), **branches}}:
            present = presence.get(key, False)
            if present is None:
                reason = f"has an argument that depends on whether {key!r} is passed, and its tasks differ in that"
                raise refuse("Container.args", name, reason, "pass it always, or never")
            return _taken(name, branches.get("Then" if present else "Else", []), presence)
    raise refuse("Container.args", name, "has a placeholder that is not known")


FOLDER = "/tmp/kfp"  # noqa: S108  # in a container of its own
"""What a Python component is given, and what it makes."""
KNOWN = frozenset({"executorLabel", "platforms"})
INSTALLED = re.compile(r"\bkfp==(\d+)\.(\d+)")
OLDEST = (2, 5)
"""The first `kfp` that takes a path for the place of an artifact (`Artifact._get_path`)."""


def is_python(operation: Operation) -> bool:
    """Whether the operation is a Python component: its command is told what it is given as one JSON text."""
    return any(item.to == "run" and item.name == EXECUTOR_INPUT for item in references(operation.containers))


def portable_operation(
    operation: Operation, presence: Presence, collected: Collected, passed: dict[str, Reference]
) -> Operation:
    """A component in terms of paths and texts.

    Args:
        operation: the component, as it was lifted.
        presence: which inputs its callers pass.
        collected: knows the items of lists of what the runs of a loop gave.
        passed: takes what the graphs around have to pass as well, by the name of a new input.

    Raises:
        Unsupported: only KFP can run it.
    """
    name = operation.name
    rest = said_of(operation)
    if not operation.containers:
        what = f"is no container ({operation.kind})"
        raise refuse("Operation.kind", name, what, "pass what it gives as an input, or leave the pipeline to KFP")
    if unknown := sorted(rest.keys() - KNOWN):
        raise refuse("Operation.native_extra", name, f"has {unknown[0]}", fault=unknown[0])
    (container,) = operation.containers
    if stub_of(operation):
        return claiming(
            operation, presence, tuple(portable_port(port, name, absent=False) for port in operation.inputs)
        )
    container, pod = configured(name, _with_limits(name, container), rest.get("platforms", {}), passed)
    undeclared = _undeclared(operation)
    python = is_python(operation)
    inputs = tuple(portable_port(port, name, python) for port in (*operation.inputs, *undeclared))
    outputs = tuple(_output(output, python) for output in operation.outputs)
    if python:
        changed_operation = _python(operation, container, collected)
    else:
        changed_operation = _plain(operation, container, presence)
        _check_items(operation, collected)
    if python:
        inputs = tuple(_at(port, f"{FOLDER}/inputs/{port.name}") for port in inputs)
    else:
        inputs = tuple(_at(port, _path("input", port.name)) for port in inputs)
    inputs = (*(Port(name=port) for port in passed), *inputs)
    changed = replace(operation, inputs=inputs, outputs=outputs, containers=(changed_operation,), native_extra=pod)
    return replace(changed, memoized=None, inline=False, kind="container")


def portable_port(port: Port, holder: str, absent: bool = True) -> Port:
    """An input without its type.

    Args:
        port: the input.
        holder: whose it is.
        absent: whether the holder can tell that nothing was passed.

    Raises:
        Unsupported: it takes several artifacts.
    """
    if said_of(port).get("isArtifactList"):
        raise refuse("Port.kind", holder, f"takes a list of artifacts ({port.name})", "let each task take one")
    default: Value | None = None
    if port.default is not None:
        if "{{$" in str(constant_of(port.default)):
            reason = f"has a default of {port.name!r} that only KFP fills in"
            raise refuse("Port.default", holder, reason, "pass it as a parameter")
        default = Literal(value=text_of(constant_of(port.default)))
    elif may_be_absent(port):
        default = Literal(value=launcher.ABSENT if absent else "")
    return Port(name=port.name, kind=port.kind, default=default, optional=port.optional and port.kind == "artifact")


def _at(port: Port, path: str) -> Port:
    return replace(port, path=Literal(value=path)) if port.kind == "artifact" else port


def _undeclared(operation: Operation) -> Iterable[Port]:
    """Inputs that only the task has: KFP's compiler passes resources that way."""
    declared = {(port.kind, port.name) for port in operation.inputs}
    read = {(item.kind, item.name) for item in references(operation.containers) if item.to == "input"}
    return [Port(name=name) for kind, name in sorted(read - declared) if kind == "parameter"]


def _output(output: Output, python: bool) -> Output:
    if said_of(output).get("isArtifactList"):
        raise refuse("Output.kind", output.name, "is a list of artifacts")
    folder = "values" if output.kind == "parameter" else "outputs"
    path = f"{FOLDER}/{folder}/{output.name}" if python else _path("output", output.name)
    return Output(name=output.name, kind=output.kind, path=Literal(value=path))


def _path(which: str, name: str) -> str:
    """Where a container component finds or leaves something: KFP makes folders for that, and others do not."""
    return f"/tmp/kfp-{which}-{name}"  # noqa: S108  # as above


def _plain(operation: Operation, container: Container, presence: Presence) -> Container:
    command, args = (flat(operation.name, items, presence) for items in (container.command, container.args))
    filled = replace(container, command=command, args=args)
    return substituted(filled, lambda item: _replaced(item, operation.name, ""))


def _check_items(operation: Operation, collected: Collected) -> None:
    for port in operation.inputs:
        if collected.type_of(operation, port.name) not in ("", f"{LIST}STRING"):
            reason = f"takes {port.name!r}, which collects what each run of a loop gives, and is no list of texts"
            raise refuse("Step.arguments", operation.name, reason, "let the loop give texts")


def _python(operation: Operation, container: Container, collected: Collected) -> Container:
    parameters = [port for port in operation.inputs if port.kind == "parameter"]
    description = {
        "folder": FOLDER,
        "parameters": [[port.name, collected.type_of(operation, port.name) or type_of(port)] for port in parameters],
        "inputs": {port.name: _schema(port) for port in operation.inputs if port.kind == "artifact"},
        "outputs": {output.name: _schema(output) for output in operation.outputs if output.kind == "artifact"},
        "values": {output.name: type_of(output) for output in operation.outputs if output.kind == "parameter"},
    }
    for kind in (item[1] for item in description["parameters"]):
        if kind == "TASK_CONFIG":
            raise refuse("Port.kind", operation.name, f"takes a {kind}, which only KFP makes")
    if description["inputs"] or description["outputs"]:
        _check_installed(operation, container)
    texts = substituted(container, lambda item: _told(item, operation.name))
    start = ("python3", "-c", inspect.getsource(launcher), json.dumps(description, sort_keys=True))
    inputs = tuple(Reference(to="input", kind="parameter", name=port.name) for port in parameters)
    command = tuple(Literal(value=text) for text in start)
    return replace(texts, command=command, args=(*inputs, *texts.command, *texts.args))


def _check_installed(operation: Operation, container: Container) -> None:
    for item in container.command:
        version = INSTALLED.search(str(item.value)) if isinstance(item, Literal) else None
        if version and (int(version[1]), int(version[2])) < OLDEST:
            reason = f"installs {version[0]}, which cannot have artifacts outside of a bucket"
            raise refuse("Container.command", operation.name, reason, "compile it with kfp 2.5 or later")


def _schema(definition: Port | Output) -> Any:
    return said_of(definition).get("artifactType", {})


def _told(item: Reference, name: str) -> Reference | str:
    """Return what stands in a Python component's command: a mark where its executor is told what it is given."""
    is_input = item.to == "run" and item.name == EXECUTOR_INPUT
    return launcher.TOLD if is_input else _replaced(item, name, FOLDER)


def _replaced(item: Reference, name: str, folder: str) -> Reference | str:
    """A placeholder's path, or its parameter."""
    match item:
        case Reference(to="input", kind="parameter", path=()):
            return item
        case Reference(to="input", kind="artifact", path=("path",) | ("uri",)):
            return f"{folder}/inputs/{item.name}" if folder else _path("input", item.name)
        case Reference(to="output", kind="artifact", path=("path",) | ("uri",)):
            return f"{folder}/outputs/{item.name}" if folder else _path("output", item.name)
        case Reference(to="output", kind="parameter", path=("output_file",)):
            return f"{folder}/values/{item.name}" if folder else _path("output", item.name)
    what = "the metadata of an artifact" if item.path[:1] == ("metadata",) else ""
    reason = f"reads {what or item.native or item.name}, which only KFP knows"
    raise refuse("Container.args", name, reason, "let it read the path of the artifact")


def _with_limits(name: str, container: Container) -> Container:
    """The container with its accelerators among its limits, as Kubernetes has them."""
    rest = said_of(container)
    resources = rest.get("resources")
    accelerator = resources.pop("accelerator", None) if isinstance(resources, dict) else None
    limits = dict(container.limits)
    if isinstance(accelerator, dict):
        kind = accelerator.get("resourceType", accelerator.get("type"))
        count = accelerator.get("resourceCount", accelerator.get("count"))
        if not isinstance(kind, str) or count is None or "{{" in kind or "{{" in str(count):
            raise refuse("Container.limits", name, "takes an accelerator that is only known at run time")
        limits[kind] = Literal(value=str(count))
    if any(not isinstance(value, Literal) for _, value in (*container.requests, *container.limits)):
        reason = "has resources that are only known at run time"
        raise refuse("Container.limits", name, reason, "give them as constants")
    for key in ("resources", "command", "args", "env"):
        if rest.get(key) in ({}, []):
            del rest[key]
    if rest:
        raise refuse("Container.native_extra", name, f"has {min(rest)} in its container")
    return replace(container, limits=tuple(sorted(limits.items())), native_extra=None)
