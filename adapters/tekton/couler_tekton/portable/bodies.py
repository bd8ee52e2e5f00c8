"""What tasks run, in containers that any engine can start.

The steps of a task run one after another in one pod, and share `/workspace`: all but the last become init containers.
Results are files; their paths are fixed here. Sources: `pkg/pod/script.go`, `docs/tasks.md`, `docs/workspaces.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from couler_plugins.engine_kit.legalize.placeholders import is_placeholder
from couler_plugins.engine_kit.legalize.rules import texts
from couler_plugins.engine_kit.legalize.shell import SCRIPT, around, as_argument
from couler_plugins.engine_kit.legalize.values import fields, structured, substituted, together, words
from couler_plugins.ir import Container, Literal, Operation, Output, Reference, Value, replace
from couler_tekton.portable.bindings import WORKSPACE
from couler_tekton.portable.programs import AWK, IGNORE, SPREAD, TAKE
from couler_tekton.portable.steps import STEPS, is_spread
from couler_tekton.portable.values import first_text, interpreter, refuse, said

CARRIED = frozenset(
    str.split("envFrom imagePullPolicy lifecycle ports securityContext volumeDevices volumeMounts workingDir")
)
"""Fields of a container that are those of Kubernetes."""
PROGRAM = re.compile(r"(?:ba|da|a|z)?sh|python[\d.]*|perl|ruby")
"""What runs the text of a script that it is given as an argument."""
RESULTS = "/tmp/tekton-results"  # noqa: S108  # in a pod of its own
HOME = "/tekton/home"
SHARED = {"workspace": WORKSPACE, "results": RESULTS, "steps": STEPS, "home": HOME}
"""Directories that the steps of a task share, by what their volumes are called."""
PREAMBLE = "set -e\n"


def file_of(reference: Reference, step: str, steps: Collection[str]) -> str | None:
    """Return the file for a result of a step, or for its exit code; None where something else is read.

    Args:
        reference: what is read.
        step: the step that reads it.
        steps: the names of all steps of the task.
    """
    match reference.name.split(".") if reference.to == "unknown" else []:
        case ["step", "results", name, "path"]:
            return f"{STEPS}/{step}.{name}"
        case ["steps", other, "results", name, "path"] if other in steps:
            return f"{STEPS}/{other}.{name}"
        case ["steps", other, "exitCode", "path"] if other.removeprefix("step-") in steps:
            return exit_code(other.removeprefix("step-"))
    return None


def exit_code(step: str) -> str:
    """Return the file that holds how a step has ended."""
    return f"{STEPS}/{step}.code"


def portable_operation(operation: Operation, bound: Mapping[str, Any], more: Iterable[Any] = ()) -> Operation:
    """Return a task in terms of paths and texts.

    Args:
        operation: the task, with all that is known filled in; it breaks no rule.
        bound: by the name of each of its workspaces, the volume behind it.
        more: volumes that its run gives all pods.

    Raises:
        Unsupported: one of its workspaces is not bound.
    """
    if is_placeholder(operation):
        return operation
    last = sum(item.role == "main" for item in operation.containers) - 1
    names = {item.name for item in operation.containers}
    declared = {item.get("name", ""): item for item in said(operation).get("workspaces", [])}
    for name, item in declared.items():
        if name not in bound and not item.get("optional"):
            hint = "bind it to an emptyDir, a Secret, a ConfigMap or a claim"
            reason = f"has the workspace {name!r}, which is not bound"
            raise refuse("Operation.native_extra", operation.name, reason, hint)
    mounted = {name: _bound(name, declared.get(name, {}), volume) for name, volume in bound.items()}
    path = f"{RESULTS}/{{}}" if last else "/tmp/tekton-result-{}"  # noqa: S108  # in a pod of its own

    def instead(reference: Reference, step: str) -> Reference | str:
        match reference:
            case Reference(to="output"):
                return path.format(reference.name)
            case Reference(to="workspace", path=(part,)):
                return _part(part, *mounted.get(reference.name, ({}, {})))
            case Reference(to="unknown"):
                return file_of(reference, step, names) or reference
        return replace(reference, native="")

    containers = [
        _container(item, number, last, lambda reference, item=item: instead(reference, item.name))  # type: ignore[misc]
        for number, item in enumerate(operation.containers)
    ]
    outputs = [item for item in operation.outputs if "part" not in said(item)]
    files = {item.name: getattr(item.path, "value", None) or path.format(item.name) for item in outputs}
    parts = {item.name: said(item)["part"] for item in operation.outputs if "part" in said(item)}
    files |= {name: path.format(name) for name in parts}
    if parts:
        rows = [text for name, (of, key) in parts.items() for text in (files[of], key, files[name])]
        containers[last] = around(containers[last], TAKE, *words(AWK, *rows, "--"))
    volumes = [volume for _, volume in mounted.values()]
    own = [{one["name"]: _own_path(one) for one in said(item).get("workspaces", ())} for item in operation.containers]
    alone = {name for paths in own for name in paths}
    mounts = [mount for name, (mount, _) in mounted.items() if name not in alone]
    containers = [
        _mounting(item, [{**mounted[name][0], **path} for name, path in paths.items() if name in mounted])
        for item, paths in zip(containers, own, strict=True)
    ]
    inside = [*texts(tuple(containers)), *files.values()]
    for name, directory in SHARED.items():
        is_own = any(mount.get("mountPath") == directory for item in containers for mount in _mounts(item))
        if any(directory in text for text in inside) and not is_own:
            volumes.append({"name": name, "emptyDir": {}})
            mounts.insert(0 if name == "workspace" else len(mounts), {"name": name, "mountPath": directory})
    used = {mount.get("name") for item in containers for mount in _mounts(item)}
    rest = fields(operation.native_extra)
    kept = {
        "metadata": rest.get("metadata"),
        "volumes": [*rest.get("volumes", []), *volumes, *(item for item in more if item.get("name") in used)],
    }
    kept = {key: content for key, content in kept.items() if content or (key == "metadata" and key in rest)}
    return Operation(
        name=operation.name,
        kind="container",
        inputs=operation.inputs,
        outputs=tuple(Output(name=name, path=Literal(value=file)) for name, file in files.items()),
        containers=tuple(_mounting(item, mounts) for item in containers),
        native_extra=structured(kept),
        source=operation.source,
    )


def _bound(name: str, item: dict[str, Any], binding: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how a workspace is mounted, and the volume behind it."""
    mount = {"name": f"workspace-{name}".lower(), "mountPath": item.get("mountPath") or f"{WORKSPACE}/{name}"}
    rest = dict(binding)
    sub = {"subPath": rest.pop("subPath")} if "subPath" in rest else {}
    return {**mount, **sub, **({"readOnly": True} if item.get("readOnly") else {})}, {"name": mount["name"], **rest}


def _own_path(item: Mapping[str, Any]) -> dict[str, str]:
    """Return where a step alone mounts a workspace; Tekton reads the key in any case."""
    paths = [path for key, path in item.items() if key.lower() == "mountpath" and path]
    return {"mountPath": paths[0]} if paths else {}


def _part(part: str, mount: Mapping[str, Any], volume: Mapping[str, Any]) -> str:
    """Return what a variable says of a workspace."""
    claim = volume.get("persistentVolumeClaim", {})
    said_of = {
        "path": mount.get("mountPath", ""),
        "volume": volume.get("name", ""),
        "claim": claim.get("claimName", ""),
    }
    return str(said_of.get(part, "true" if mount else "false"))


def _container(item: Container, number: int, last: int, instead: Callable[[Reference], Reference | str]) -> Container:
    """Return one of the containers of a task: all steps but the last run before it."""
    rest = fields(item.native_extra)
    kept = structured({key: content for key, content in rest.items() if key in CARRIED})
    filled = _spread(_plain(substituted(replace(item, native_extra=kept), instead)))
    if rest.get("onError") == "continue":
        filled = around(filled, IGNORE, *words(exit_code(item.name) if item.name else ""))
    if item.role == "sidecar":
        return filled
    if number == last:
        return replace(filled, name="", role="main")
    return replace(filled, name=item.name or f"step-{number}", role="init")


def _spread(container: Container) -> Container:
    """Return a container that puts the texts of lists into its command when it runs."""
    texts_of = (*container.command, *container.args)
    if not any(map(is_spread, texts_of)):
        return container
    marked = (together(("+", replace(word, path=())) if is_spread(word) else ("=", word)) for word in texts_of)
    return around(replace(container, command=tuple(marked), args=()), SPREAD, *words(AWK))


def _mounts(container: Container) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = fields(container.native_extra).get("volumeMounts", [])
    return mounts


def _mounting(container: Container, mounts: list[dict[str, Any]]) -> Container:
    rest = fields(container.native_extra)
    mounted = {**rest, "volumeMounts": [*rest.get("volumeMounts", []), *mounts]}
    return replace(container, native_extra=structured(mounted)) if mounts else container


def _plain(container: Container) -> Container:
    """Return a container with its script, if it has one, in its command."""
    if container.script is None:
        return container
    command, program = interpreter(container.script)
    has_shebang = first_text(container.script).lstrip().startswith("#!")
    text: Value = as_argument(container.script if has_shebang else together((PREAMBLE, container.script)))
    start = words(*command)
    if not PROGRAM.fullmatch(program):
        return replace(container, command=(*words("sh", "-c", SCRIPT, "sh"), text, *start), script=None)
    flag, end = words("-e" if program in ("perl", "ruby") else "-c"), words(*["script"] * program.endswith("sh"))
    return replace(container, command=(*start, *flag, text, *end), script=None)
