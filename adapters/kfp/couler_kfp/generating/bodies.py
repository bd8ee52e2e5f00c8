"""What runs, as components of one container; it writes its outputs to the paths that KFP chooses.

Sources: `kfp.dsl.placeholders`, `kubernetes_executor_config.proto` (secretAsEnv, configMapAsEnv, podMetadata).
"""

from __future__ import annotations

from typing import Any

from couler_kfp.generating.refusing import refuse
from couler_plugins.engine_kit.legalize.shell import KEEP, PRINTED, SCRIPT, as_argument
from couler_plugins.ir import (
    Container,
    EnvVar,
    Expression,
    Literal,
    Native,
    Operation,
    Output,
    Port,
    Reference,
    Template,
    Value,
    nodes,
    references,
    replace,
)

__all__ = ["STRING", "check_operation", "component_of", "environment", "printed_output", "text_port"]

KINDS = ("container", "script")
STRING = Native.of({"parameterType": "STRING"})
FROM = {
    "secretKeyRef": ("secretAsEnv", "secretName", "secretKey"),
    "configMapKeyRef": ("configMapAsEnv", "configMapName", "configMapKey"),
}


def printed_output(operation: Operation) -> str:
    """The name of the output that holds what the operation prints."""
    names = {output.name for output in operation.outputs}
    return "result" if "result" not in names else "printed"


def text_port(port: Port, holder: str) -> Port:
    """An input that takes a text.

    Raises:
        Unsupported: it takes something else.
    """
    if port.kind != "parameter":
        raise refuse("Port.kind", holder, f"takes the artifact {port.name!r}")
    for field, reason in {"origin": "from elsewhere", "path": "as a file", "optional": "where it is given"}.items():
        if getattr(port, field):
            raise refuse(f"Port.{field}", holder, f"takes {port.name!r} {reason}", "pass it as a text")
    value = port.value if port.value is not None else port.default
    if value is not None and not isinstance(value, Literal):
        raise refuse("Port.default", holder, f"has a default of {port.name!r} that is no constant")
    default = None if value is None else Literal(value=checked(str(value.value), holder))
    return Port(name=port.name, default=default, native_extra=STRING)


def checked(text: str, holder: str) -> str:
    """A text that neither KFP nor the engine below it takes for something else."""
    if "{{" in text:
        raise refuse("Step.arguments", holder, "has two opening braces in a text, which KFP takes for a placeholder")
    return text


def component_of(operation: Operation, name: str, *, is_printed: bool) -> Operation:
    """An operation as a component.

    Args:
        operation: what runs.
        name: of the component.
        is_printed: whether somebody reads what it prints.

    Raises:
        Unsupported: it is no container, or more than a component of KFP can be.
    """
    check_operation(operation)
    (container,) = operation.containers
    container, platform = environment(operation, container)
    if operation.native_extra is not None:
        platform["podMetadata"] = _said_of_pod(operation)
    container, outputs = _keeping(operation, _scripted(operation, container), is_printed)
    return Operation(
        name=name,
        kind="container",
        inputs=tuple(text_port(port, operation.name) for port in operation.inputs),
        outputs=outputs,
        containers=(container,),
        native_extra=Native.of({"platforms": {"kubernetes": platform}}) if platform else None,
    )


def check_operation(operation: Operation) -> None:
    """Raises `Unsupported` where what runs is no single container, or says more than a component can."""
    name = operation.name
    if operation.kind not in KINDS:
        raise refuse("Operation.kind", name, f"is a {operation.kind}, which KFP cannot run")
    for field, reason in {
        "memoized": "is memoized",
        "locks": "takes mutexes or semaphores",
        "metrics": "reports metrics",
        "daemon": "keeps running beside the steps after it",
        "directives": "is to be cached or tuned",
        "timeout": "has a timeout, which only a platform of KFP knows",
    }.items():
        if getattr(operation, field):
            raise refuse(f"Operation.{field}", name, reason)
    if operation.native_extra is not None and not _said_of_pod(operation):
        raise refuse("Operation.native_extra", name, "says more of its pod than KFP's components do")
    if len(operation.containers) != 1 or operation.containers[0].role != "main":
        raise refuse("Operation.containers", name, "has more than one container")
    (container,) = operation.containers
    if container.image is None:
        hint = "name one for all of these: --to 'kfp{image=busybox}'"
        raise refuse("Container.image", name, "runs a command outside of a container, without an image", hint)
    if not isinstance(container.image, Literal):
        raise refuse("Container.image", name, "has an image that depends on a parameter")
    if not container.command:
        raise refuse("Container.command", name, "has no command")
    if container.native_extra is not None:
        raise refuse("Container.native_extra", name, f"has {min(_data(container.native_extra))} in its container")
    for output in operation.outputs:
        if output.kind == "artifact":
            raise refuse("Output.kind", name, f"gives the artifact {output.name!r}")
        if output.exported is not None:
            raise refuse("Output.exported", name, f"shows {output.name!r} to the whole run")
        if output.native_extra is not None:
            raise refuse("Output.native_extra", name, f"has more to say of {output.name!r} than a name and a path")
    for node in nodes(container):
        match node:
            case Literal(value=str(text)):
                checked(text, name)
            case Template(parts=parts):
                [checked(part, name) for part in parts if isinstance(part, str)]
            case Expression():
                raise refuse("Step.arguments", name, "has an expression, which KFP cannot evaluate")
            case Reference() if node.to != "input" or node.kind != "parameter" or node.path:
                what = ".".join(filter(None, (node.name, *node.path))) or node.to
                raise refuse("Step.arguments", name, f"reads {what}, which KFP does not have like this")


def _said_of_pod(operation: Operation) -> dict[str, Any]:
    """The labels and annotations of its pod, where these are constants, and all that is said of it; else nothing.

    Raises:
        Unsupported: KFP would take one for a placeholder.
    """
    rest = {} if operation.native_extra is None else _data(operation.native_extra)
    metadata = rest.get("metadata")
    if rest.keys() != {"metadata"} or not isinstance(metadata, dict) or metadata.keys() - {"labels", "annotations"}:
        return {}
    for content in metadata.values():
        if not isinstance(content, dict) or not all(isinstance(text, str) for text in content.values()):
            return {}
        [checked(text, operation.name) for text in content.values()]
    return metadata


def _data(native: Native) -> dict[str, Any]:
    found: dict[str, Any] = {"references": None} if any(references(native)) else native.data
    return found


def environment(operation: Operation, container: Container) -> tuple[Container, dict[str, Any]]:
    """The container with the variables that are constants, and what configures those of Secrets and ConfigMaps."""
    kept: list[EnvVar] = []
    platform: dict[str, Any] = {}
    for item in container.env:
        if isinstance(item.value, Literal):
            kept.append(item)
            continue
        data = _data(item.value) if isinstance(item.value, Native) else {}
        source = data["valueFrom"] if data.keys() == {"valueFrom"} else {}
        kind = next((kind for kind in FROM if source.keys() == {kind}), "")
        if not kind or source[kind].keys() != {"name", "key"}:
            reason = f"takes the variable {item.name!r} from its pod, or from a parameter, or may lack it"
            raise refuse("Container.env", operation.name, reason, "pass it as an argument")
        key, named, keyed = FROM[kind]
        entry = {named: source[kind]["name"], "keyToEnv": [{keyed: source[kind]["key"], "envVar": item.name}]}
        platform.setdefault(key, []).append(entry)
    return replace(container, env=tuple(kept)), platform


def _scripted(operation: Operation, container: Container) -> Container:
    """The container, its script run by its command as other engines do."""
    if container.script is None:
        return container
    command = (*_texts("sh", "-c", SCRIPT, "sh"), as_argument(container.script), *container.command, *container.args)
    return replace(container, command=command, args=(), script=None)


def _keeping(operation: Operation, container: Container, is_printed: bool) -> tuple[Container, tuple[Output, ...]]:
    """The container that leaves its outputs where KFP looks for them, and these outputs."""
    kept: list[Value] = []
    names: list[str] = []
    if is_printed:
        names.append(printed_output(operation))
        kept += [*_texts(PRINTED), _place(names[0]), *_texts("")]
    for output in operation.outputs:
        if not isinstance(output.path, Literal):
            raise refuse("Output.value", operation.name, f"finds its output {output.name!r} otherwise than in a file")
        default = ""
        if output.default is not None:
            if not isinstance(output.default, Literal):
                raise refuse("Output.default", operation.name, f"has a default of {output.name!r} that is no constant")
            default = checked(f"={output.default.value}", operation.name)
        names.append(output.name)
        kept += [*_texts(str(output.path.value)), _place(output.name), *_texts(default)]
    outputs = tuple(Output(name=name, native_extra=STRING) for name in names)
    if names:
        command = (*_texts("sh", "-c", KEEP, "sh"), *kept, *_texts("--"), *container.command)
        container = replace(container, command=command)
    return replace(container, name=""), outputs


def _place(output: str) -> Reference:
    return Reference(to="output", kind="parameter", name=output, path=("output_file",))


def _texts(*texts: str) -> tuple[Value, ...]:
    return tuple(Literal(value=text) for text in texts)
