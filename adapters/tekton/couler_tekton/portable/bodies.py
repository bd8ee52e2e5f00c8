"""What tasks run, in containers that any engine can start.

The steps of a task run one after another in one pod, and share `/workspace`: all but the last become init containers.
Results are files; their paths are fixed here. Sources: `pkg/pod/script.go`, `docs/tasks.md`, `docs/workspaces.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from couler_plugins.engine_kit.legalize.rules import texts
from couler_plugins.engine_kit.legalize.values import substituted
from couler_plugins.ir import Container, Literal, Native, Operation, Output, Port, Reference, Template, Value, replace
from couler_tekton.portable.legality import CARRIED
from couler_tekton.portable.values import first_text, interpreter, refuse, said

WORKSPACE, RESULTS = "/workspace", "/tmp/tekton-results"  # noqa: S108  # in a pod of its own
PREAMBLE = "set -e\n"


def portable_operation(operation: Operation, bindings: Mapping[str, Any]) -> Operation:
    """Return a task in terms of paths and texts.

    Args:
        operation: the task, as it was lifted; it breaks no rule.
        bindings: by the name of each of its workspaces, the volume behind it, as a run says it.

    Raises:
        Unsupported: one of its workspaces is not bound.
    """
    rest = said(operation)
    last = sum(item.role == "main" for item in operation.containers) - 1
    bound = {item.get("name", ""): _bound(item, operation.name, bindings) for item in rest.get("workspaces", [])}
    mounts, volumes = [mount for mount, _ in bound.values()], [volume for _, volume in bound.values()]
    path = f"{RESULTS}/{{}}" if last else "/tmp/tekton-result-{}"  # noqa: S108  # in a pod of its own

    def instead(reference: Reference) -> Reference | str:
        match reference:
            case Reference(to="output"):
                return path.format(reference.name)
            case Reference(to="workspace", path=("path",)):
                return str(bound[reference.name][0]["mountPath"])
            case Reference(to="workspace"):
                return "true" if reference.name in bound else "false"
        return replace(reference, native="")

    containers = [_container(item, number, last, instead) for number, item in enumerate(operation.containers)]
    if any(WORKSPACE in text for text in texts(tuple(containers))) and not any(map(_mounts_workspace, containers)):
        volumes.append({"name": "workspace", "emptyDir": {}})
        mounts.insert(0, {"name": "workspace", "mountPath": WORKSPACE})
    if last and operation.outputs:
        volumes.append({"name": "results", "emptyDir": {}})
        mounts.append({"name": "results", "mountPath": RESULTS})
    kept = {"metadata": rest.get("metadata"), "volumes": [*rest.get("volumes", []), *volumes]}
    kept = {key: content for key, content in kept.items() if content or (key == "metadata" and key in rest)}
    return Operation(
        name=operation.name,
        kind="container",
        inputs=tuple(Port(name=port.name, default=port.default) for port in operation.inputs),
        outputs=tuple(
            Output(name=output.name, path=Literal(value=path.format(output.name))) for output in operation.outputs
        ),
        containers=tuple(_mounting(item, mounts) for item in containers),
        native_extra=Native.of(kept) if kept else None,
    )


def _bound(item: dict[str, Any], owner: str, bindings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how a workspace is mounted, and the volume behind it."""
    name = item.get("name", "")
    if name not in bindings:
        hint = "bind it to an emptyDir, a Secret, a ConfigMap or a claim"
        raise refuse("Operation.native_extra", owner, f"has the workspace {name!r}, which is not bound", hint)
    mount = {"name": f"workspace-{name}".lower(), "mountPath": item.get("mountPath") or f"{WORKSPACE}/{name}"}
    binding = dict(bindings[name])
    sub = {"subPath": binding.pop("subPath")} if "subPath" in binding else {}
    return {**mount, **sub, **({"readOnly": True} if item.get("readOnly") else {})}, {"name": mount["name"], **binding}


def _container(item: Container, number: int, last: int, instead: Callable[[Reference], Reference | str]) -> Container:
    """Return one of the containers of a task: all steps but the last run before it."""
    rest = said(item)
    kept = {key: content for key, content in rest.items() if key in CARRIED}
    if kept != rest:
        item = replace(item, native_extra=Native.of(kept) if kept else None)
    filled = _plain(substituted(item, instead))
    if item.role == "sidecar":
        return filled
    if number == last:
        return replace(filled, name="", role="main")
    return replace(filled, name=item.name or f"step-{number}", role="init")


def _mounts_workspace(container: Container) -> bool:
    return any(mount.get("mountPath") == WORKSPACE for mount in said(container).get("volumeMounts", ()))


def _mounting(container: Container, mounts: list[dict[str, Any]]) -> Container:
    rest = said(container)
    mounted = {**rest, "volumeMounts": [*rest.get("volumeMounts", []), *mounts]}
    return replace(container, native_extra=Native.of(mounted)) if mounts else container


def _plain(container: Container) -> Container:
    """Return a container with its script, if it has one, in its command."""
    if container.script is None:
        return container
    words, program = interpreter(container.script)
    has_shebang = first_text(container.script).lstrip().startswith("#!")
    text: Value = container.script if has_shebang else _behind(PREAMBLE, container.script)
    flag = "-e" if program in ("perl", "ruby") else "-c"
    start = tuple(Literal(value=word) for word in (*words, flag))
    end = (Literal(value="script"),) if program.endswith("sh") else ()
    return replace(container, command=(*start, text, *end), script=None)


def _behind(text: str, value: Value) -> Value:
    if isinstance(value, Template):
        return Template(parts=(text, *value.parts))
    return Template(parts=(text, value)) if isinstance(value, Reference) else Literal(value=f"{text}{value.value}")  # type: ignore[union-attr]
