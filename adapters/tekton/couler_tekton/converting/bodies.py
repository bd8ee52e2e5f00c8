"""What tasks run, in containers that any engine can start.

The steps of a task run one after another in one pod, and share `/workspace`: all but the last become init containers.
Results are files; their paths are fixed here. Sources: `pkg/pod/script.go`, `docs/tasks.md`, `docs/workspaces.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from couler_plugins.ir import (
    Container,
    Literal,
    Native,
    Operation,
    Output,
    Port,
    Reference,
    Template,
    Value,
    nodes,
    replace,
)
from couler_tekton.converting.refusing import refuse
from couler_tekton.converting.values import changed_texts, is_text
from couler_tekton.structures import write_structure
from couler_tekton.variables import spell

__all__ = ["check_port", "portable_operation"]

WORKSPACE, RESULTS = "/workspace", "/tmp/tekton-results"  # noqa: S108  # in a pod of its own
CARRIED = frozenset(
    {
        "envFrom",
        "imagePullPolicy",
        "securityContext",
        "volumeDevices",
        "volumeMounts",
        "workingDir",
        "lifecycle",
        "ports",
    }
)
SAID = frozenset({"description", "displayName"})
"""What is only for people."""
SHEBANG = re.compile(r"\s*#!\s*(\S+)[ \t]*([^\n]*)\n")
DASH_C = re.compile(r"(?:ba|da|a|z)?sh|python[\d.]*")
DASH_E = re.compile(r"perl|ruby")
PREAMBLE = "set -e\n"


def portable_operation(operation: Operation, bindings: Mapping[str, Any]) -> Operation:
    """A task in terms of paths and texts.

    Args:
        operation: the task, as it was lifted.
        bindings: by the name of each of its workspaces, the volume behind it, as a run says it.

    Raises:
        Unsupported: only Tekton can run it.
    """
    return _Task(operation, bindings).operation()


def check_port(definition: Port | Output, holder: str) -> None:
    """Raises `Unsupported` where a parameter or a result is no text."""
    rest = {} if definition.native_extra is None else write_structure(definition.native_extra, spell)
    is_array = isinstance(definition, Port) and isinstance(definition.default, Native)
    if rest.get("type", "string") != "string" or is_array:
        what = f"{rest.get('type', 'array')}"
        raise refuse("Port.kind", holder, f"has {definition.name!r}, an {what}", "pass texts, one by one")


class _Task:
    def __init__(self, operation: Operation, bindings: Mapping[str, Any]) -> None:
        self._operation = operation
        self._name = operation.name
        self._rest = {} if operation.native_extra is None else write_structure(operation.native_extra, spell)
        self._steps = [item for item in operation.containers if item.role == "main"]
        self._mounts: list[dict[str, Any]] = []
        self._volumes: list[dict[str, Any]] = list(self._rest.get("volumes", []))
        self._workspaces = self._bound(bindings)

    def operation(self) -> Operation:
        operation = self._operation
        if unknown := sorted(self._rest.keys() - SAID - {"volumes", "workspaces", "metadata"}):
            raise refuse("Operation.native_extra", self._name, f"has {unknown[0]}")
        if operation.kind != "container" or not self._steps:
            raise refuse("Operation.kind", self._name, "is not a Task of steps")
        definitions: tuple[Port | Output, ...] = (*operation.inputs, *operation.outputs)
        for definition in definitions:
            check_port(definition, self._name)
        containers = [self._container(item, number) for number, item in enumerate(operation.containers)]
        self._share(containers)
        containers = [_mounting(item, self._mounts) for item in containers]
        kept = {key: self._rest[key] for key in ("metadata",) if key in self._rest}
        if self._volumes:
            kept["volumes"] = self._volumes
        return Operation(
            name=self._name,
            kind="container",
            inputs=tuple(Port(name=port.name, default=port.default) for port in operation.inputs),
            outputs=tuple(
                Output(name=output.name, path=Literal(value=self._path(output.name))) for output in operation.outputs
            ),
            containers=tuple(containers),
            native_extra=Native.of(kept) if kept else None,
        )

    def _bound(self, bindings: Mapping[str, Any]) -> dict[str, str]:
        """The paths of workspaces by name; each is mounted."""
        paths: dict[str, str] = {}
        for item in self._rest.get("workspaces", []):
            name = item["name"]
            if name not in bindings:
                hint = "bind it to an emptyDir, a Secret, a ConfigMap or a claim"
                raise refuse(
                    "Operation.native_extra", self._name, f"has the workspace {name!r}, which is not bound", hint
                )
            paths[name] = item.get("mountPath") or f"{WORKSPACE}/{name}"
            mount: dict[str, Any] = {"name": f"workspace-{name}".lower(), "mountPath": paths[name]}
            binding = dict(bindings[name])
            if "subPath" in binding:
                mount["subPath"] = binding.pop("subPath")
            if item.get("readOnly"):
                mount["readOnly"] = True
            self._volumes.append({"name": mount["name"], **binding})
            self._mounts.append(mount)
        return paths

    def _path(self, result: str) -> str:
        return f"{RESULTS}/{result}" if len(self._steps) > 1 else f"/tmp/tekton-result-{result}"  # noqa: S108

    def _share(self, containers: list[Container]) -> None:
        """Mounts what the steps of a task share: its results, and the folder that Tekton has for that."""
        whole = json.dumps([_words(item) for item in containers])
        if WORKSPACE in whole and not any(WORKSPACE in _mounted(item) for item in containers):
            self._volumes.append({"name": "workspace", "emptyDir": {}})
            self._mounts.insert(0, {"name": "workspace", "mountPath": WORKSPACE})
        if len(self._steps) > 1 and self._operation.outputs:
            self._volumes.append({"name": "results", "emptyDir": {}})
            self._mounts.append({"name": "results", "mountPath": RESULTS})
        if "/tekton/" in whole:
            raise refuse("Container.args", self._name, "names a path of Tekton's own", "use $(results.NAME.path)")

    def _container(self, item: Container, number: int) -> Container:
        rest = {} if item.native_extra is None else write_structure(item.native_extra, spell)
        if unknown := sorted(rest.keys() - CARRIED - SAID):
            raise refuse("Container.native_extra", self._name, f"has {unknown[0]} in a container")
        if item.image is None:
            hint = "put the StepAction into the Task"
            raise refuse("Container.image", self._name, "has a step without an image", hint)
        kept = {key: content for key, content in rest.items() if key in CARRIED}
        if kept != rest:
            item = replace(item, native_extra=Native.of(kept) if kept else None)
        filled = _plain(changed_texts(item, self._instead), self._name)
        if item.role == "sidecar":
            return filled
        if number == len(self._steps) - 1:
            return replace(filled, name="", role="main")
        return replace(filled, name=item.name or f"step-{number}", role="init")

    def _instead(self, reference: Reference) -> Reference | str:
        match reference:
            case Reference(to="input" | "parameter", path=()):
                return replace(reference, native="")
            case Reference(to="output", step="", path=("path",)):
                return self._path(reference.name)
            case Reference(to="workspace", path=("path",)) if reference.name in self._workspaces:
                return self._workspaces[reference.name]
            case Reference(to="workspace", path=("bound",)):
                return "true" if reference.name in self._workspaces else "false"
        raise refuse("Step.arguments", self._name, f"reads {spell(reference)}, which only Tekton knows")


def _mounted(container: Container) -> set[Any]:
    """The paths at which a container mounts volumes of its own."""
    rest = {} if container.native_extra is None else write_structure(container.native_extra, spell)
    return {mount.get("mountPath") for mount in rest.get("volumeMounts", ())}


def _words(container: Container) -> list[Any]:
    texts = [node.value for node in nodes(container) if isinstance(node, Literal)]
    parts = [part for node in nodes(container) if isinstance(node, (Template, Native)) for part in node.parts]
    return [item for item in (*texts, *parts) if isinstance(item, str)]


def _mounting(container: Container, mounts: list[dict[str, Any]]) -> Container:
    if not mounts:
        return container
    rest = {} if container.native_extra is None else write_structure(container.native_extra, spell)
    return replace(
        container, native_extra=Native.of({**rest, "volumeMounts": [*rest.get("volumeMounts", []), *mounts]})
    )


def _plain(container: Container, owner: str) -> Container:
    """The container with its script, if it has one, in its command."""
    for value in (*container.command, *container.args, *(item.value for item in container.env)):
        if not is_text(value) and not isinstance(value, Native):
            raise refuse("Container.args", owner, "takes the items of an array, or a part of an object", "pass texts")
    if container.script is None:
        return container
    first = container.script.parts[0] if isinstance(container.script, Template) else container.script.value  # type: ignore[union-attr]
    match = SHEBANG.match(first) if isinstance(first, str) else None
    if match is None and isinstance(first, str) and first.lstrip().startswith("#!"):
        raise refuse("Container.script", owner, "names its interpreter by a parameter, or holds nothing else")
    words = [word for word in match.groups() if word] if match else ["/bin/sh"]
    program = words[-1] if words[0].endswith("/env") else words[0].rsplit("/", 1)[-1]
    shell = bool(DASH_C.fullmatch(program))
    if not shell and not DASH_E.fullmatch(program):
        hint = "run it by sh, bash, python, perl or ruby"
        raise refuse("Container.script", owner, f"has a script for {' '.join(words)}", hint)
    text: Value = container.script if match else _behind(PREAMBLE, container.script)
    zeroth = ("script",) if program.endswith("sh") else ()
    start = tuple(Literal(value=word) for word in (*words, "-c" if shell else "-e"))
    end = tuple(Literal(value=word) for word in zeroth)
    return replace(container, command=(*start, text, *end), script=None)


def _behind(text: str, value: Value) -> Value:
    if isinstance(value, Template):
        return Template(parts=(text, *value.parts))
    return Template(parts=(text, value)) if isinstance(value, Reference) else Literal(value=f"{text}{value.value}")  # type: ignore[union-attr]
