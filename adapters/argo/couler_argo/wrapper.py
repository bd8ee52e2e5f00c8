"""The `cache` directive as a wrapper around a template's command, for results that Argo's own memoization cannot keep.

An init container restores the result, a small launcher stands before the command and skips it where there was one, and
a sidecar keeps what the command has made. Only these two know the store and what gives access to it; the launcher needs
nothing of the image that it runs in. It is how Argo's own `argoexec emissary` and Tekton's `entrypoint` come into
foreign images: copied into an `emptyDir` by a container that runs before.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from couler_argo.references import native, value
from couler_argo.spelling import write, write_native
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Container, Literal, Operation, Output, replace

__all__ = ["OPTIONS", "unwrapped", "with_wrapper", "wrapper_objection"]

VOLUME, FOLDER = "couler-cache", "/couler"
RESTORE, SAVE = "couler-restore", "couler-save"
MOUNT = {"name": VOLUME, "mountPath": FOLDER}
LAUNCHER = (f"{FOLDER}/busybox", "sh", f"{FOLDER}/launch")
END = "--"
OPTIONS = ("image", "max-age", "namespace", "secret", "store", "timeout")
"""What a wrapper can be told: see `couler_plugins.caching.wrapping.Wrapper`."""

OURS = frozenset({VOLUME, RESTORE, SAVE})


def wrapper_objection(item: Operation, *, result: bool) -> Objection | None:
    """Why the command of a template cannot be wrapped; None where it can.

    Args:
        item: the template.
        result: whether somebody reads what it prints.
    """
    main = _main(item)
    reason = ""
    if item.inline:
        reason = "it is written at its call site"
    elif result:
        reason = "what it prints is read"
    elif main is None or len(item.containers) > sum(1 for one in item.containers if one.role != "sidecar"):
        reason = "it has other containers beside its main one"
    elif not main.command:
        reason = "it does not say which command its image runs: set it"
    elif "podSpecPatch" in _rest(item):
        reason = "its podSpecPatch may change what it runs"
    elif not _is_plain(item, main):
        reason = "its volumes or containers are not lists of mappings"
    elif OURS & set(_names(item)):
        reason = "it has a volume or a container of a name of ours"
    elif (unplaced := [output.name for output in item.outputs if _path(output) is None]) != []:
        reason = f"its output {unplaced[0]!r} is not at a path that is known beforehand"
    elif crossing := _crossing(item, main):
        reason = crossing
    return Objection("not-wrapped", f"its command cannot be wrapped either: {reason}", "storage") if reason else None


def with_wrapper(item: Operation, key: str, family: str, options: Mapping[str, Any]) -> Operation:
    """The template with its command wrapped; `wrapper_objection` has none against it.

    Args:
        item: the template.
        key: the key of its result, as Argo completes it.
        family: what results of this workflow and of its later versions have in common.
        options: those in `OPTIONS`.
    """
    main = _main(item)
    assert main is not None
    names = [f"{output.kind}-{output.name}" for output in item.outputs]
    outputs = [f"{name}={_path(output)}" for name, output in zip(names, item.outputs, strict=True)]
    command = [*LAUNCHER, str(options["timeout"]), *outputs, END]
    wrapped = replace(main, command=(*map(value, command), *main.command), rest=_with_mount(main))
    containers = tuple(wrapped if one is main else one for one in item.containers)
    rest = _rest(item)
    rest["volumes"] = [*_list(rest, "volumes"), {"name": VOLUME, "emptyDir": {}}]
    restoring = {"max-age": options["max-age"]}
    saving = {"family": family, "step": item.name, "run": "{{workflow.name}}"}
    ours = (
        _container(RESTORE, "init", {**restoring, "key": key}, names, options),
        _container(SAVE, "sidecar", {**saving, "key": key}, names, options),
    )
    return replace(item, containers=(*containers, *ours), rest=native(rest))


def unwrapped(item: Operation) -> tuple[Operation, str, str, dict[str, str]] | None:
    """The template without its wrapper, the key, the family, and the options; None where it has no wrapper of ours."""
    main = _main(item)
    ours = [one for one in item.containers if one.name in (RESTORE, SAVE)]
    if main is None or [one.name for one in ours] != [RESTORE, SAVE]:
        return None
    said = _said(ours[0])
    texts = [one.value if isinstance(one, Literal) else None for one in main.command]
    if tuple(texts[: len(LAUNCHER)]) != LAUNCHER or END not in texts or "key" not in said:
        return None
    rest = _rest(item)
    rest["volumes"] = [one for one in _list(rest, "volumes") if one.get("name") != VOLUME]
    bare_main = replace(main, command=main.command[texts.index(END) + 1 :], rest=_without_mount(main))
    containers = tuple(bare_main if one is main else one for one in item.containers if one not in ours)
    bare = replace(item, containers=containers, rest=_native(_without_empty(rest, "volumes")))
    key, family = said["key"], _said(ours[1]).get("family", "")
    said["timeout"] = str(texts[len(LAUNCHER)])
    said.update({"image": str(write(ours[0].image)) if ours[0].image is not None else "", "secret": _secret(ours[0])})
    options = {name: said.get(name, "") for name in OPTIONS}
    # What somebody has changed by hand is theirs.
    if wrapper_objection(bare, result=False) is not None or with_wrapper(bare, key, family, options) != item:
        return None
    return bare, key, family, options


def _container(name: str, role: Any, own: Mapping[str, Any], names: list[str], options: Mapping[str, Any]) -> Container:
    what = "pod-restore" if name == RESTORE else "pod-save"
    said = {**{option: options[option] for option in ("store", "namespace", "timeout")}, **own}
    arguments = [f"--{option}={text}" for option, text in said.items() if text]
    rest: dict[str, Any] = {"volumeMounts": [MOUNT]}
    if options["secret"]:
        rest["envFrom"] = [{"secretRef": {"name": options["secret"]}}]
    return Container(
        name=name,
        role=role,
        image=value(options["image"]),
        command=tuple(map(value, ("couler", "cache", what, FOLDER))),
        args=tuple(map(value, (*arguments, END, *names))),
        rest=native(rest),
    )


def _said(container: Container) -> dict[str, str]:
    """What the options of a container of ours say."""
    texts = [str(write(one)) for one in container.args]
    pairs = (text.removeprefix("--").partition("=") for text in texts if text.startswith("--") and text != END)
    return {name: text for name, _, text in pairs}


def _secret(container: Container) -> str:
    match write_native(container.rest) if container.rest is not None else {}:
        case {"envFrom": [{"secretRef": {"name": str(name)}}]}:
            return name
    return ""


def _main(item: Operation) -> Container | None:
    mains = [one for one in item.containers if one.role == "main"]
    return mains[0] if item.kind in ("container", "script") and len(mains) == 1 else None


def _path(output: Output) -> str | None:
    """Where an output is, if that is the same in every run."""
    if output.kind == "artifact":
        path = output.path.value if isinstance(output.path, Literal) else None
    else:
        found = write(output.value) if output.value is not None else None
        path = found.get("path") if isinstance(found, dict) else None
    plain = isinstance(path, str) and path.startswith("/") and "{{" not in path
    return _normal(str(path)) if plain else None


def _normal(path: str) -> str | None:
    """A path without `//`, `.` and `..`; None for the root."""
    normal = f"/{posixpath.normpath(path).lstrip('/')}"
    return normal if normal != "/" else None


def _crossing(item: Operation, main: Container) -> str:
    """How an output is in the way of something else that is at its place; empty where none is."""
    outputs = [path for output in item.outputs if (path := _path(output)) is not None]
    for number, path in enumerate(outputs):
        if any(_is_at(path, other) for other in (*outputs[:number], *outputs[number + 1 :])):
            return f"its output at {path} is inside of another"
    given = [port.path.value for port in item.inputs if port.kind == "artifact" and isinstance(port.path, Literal)]
    inputs = [path for text in given if (path := _normal(str(text))) is not None]
    mounts = [path for one in _list(_rest(main), "volumeMounts") if (path := _normal(str(one.get("mountPath", ""))))]
    for path in outputs:
        if any(_is_at(other, path) for other in (*inputs, *mounts)) or any(_is_at(path, other) for other in inputs):
            return f"something is mounted at its output {path}, or in it"
    taken = [path for path in (*outputs, *inputs, *mounts) if _is_at(path, FOLDER)]
    return f"{taken[0]} is where the launcher is" if taken else ""


def _is_at(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _is_plain(item: Operation, main: Container) -> bool:
    """Whether all that we add to is a list of mappings, or not there."""
    rest = _rest(item)
    unread = {"initContainers", "sidecars"} & rest.keys()
    return not unread and all(
        len(_list(holder, key)) == len(holder.get(key, ()))
        for holder, key in ((rest, "volumes"), (_rest(main), "volumeMounts"))
    )


def _names(item: Operation) -> Iterator[str]:
    yield from (one.name for one in item.containers)
    yield from (str(one.get("name")) for one in _list(_rest(item), "volumes"))


def _rest(node: Operation | Container) -> dict[str, Any]:
    data = write_native(node.rest) if node.rest is not None else {}
    return dict(data) if isinstance(data, dict) else {}


def _list(rest: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    content = rest.get(key)
    return [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []


def _with_mount(main: Container) -> Any:
    rest = _rest(main)
    return native({**rest, "volumeMounts": [*_list(rest, "volumeMounts"), MOUNT]})


def _without_mount(main: Container) -> Any:
    rest = _rest(main)
    rest["volumeMounts"] = [one for one in _list(rest, "volumeMounts") if one != MOUNT]
    return _native(_without_empty(rest, "volumeMounts"))


def _without_empty(rest: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: content for name, content in rest.items() if name != key or content}


def _native(rest: dict[str, Any]) -> Any:
    return native(rest) if rest else None
