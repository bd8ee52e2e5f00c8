"""Why the command of a template cannot be wrapped: what would then fail, or be something else than it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from couler_argo.wrapper.deadlines import deadline_objection
from couler_argo.wrapper.parts import FOLDER, OURS, main_of, mappings, normal, path_of, rest_of
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Container, Literal, Operation

__all__ = ["runs_as_root", "wrapper_objection"]

PATCHED = re.compile(r"\b(command|args|activeDeadlineSeconds|ephemeral-storage)\b")
"""What a patch around all templates must not say: it comes after the wrapper, and would go around it."""


def wrapper_objection(item: Operation, spec: Mapping[str, Any], *, result: bool) -> Objection | None:
    """Why the command of a template cannot be wrapped; None where it can.

    Args:
        item: the template.
        spec: what the workflow says around its templates.
        result: whether somebody reads what it prints.
    """
    main = main_of(item)
    if main is None or any(one.role == "sidecar" for one in item.containers):
        reason = "it has other containers beside its main one"
    else:
        reason = _of_template(item, main, result=result) or _around(item, spec)
    return Objection("not-wrapped", f"its command cannot be wrapped either: {reason}", "storage") if reason else None


def runs_as_root(item: Operation, spec: Mapping[str, Any]) -> bool:
    """Whether all containers of the pod are told to run as root, ours as well."""
    for holder in (rest_of(item), _defaults(spec), spec):
        context = holder.get("securityContext")
        if isinstance(context, dict) and "runAsUser" in context:
            return bool(context["runAsUser"] == 0)
    return False


def _of_template(item: Operation, main: Container, *, result: bool) -> str:
    if item.inline:
        return "it is written at its call site"
    if result:
        return "what it prints is read"
    if not main.command:
        return "it does not say which command its image runs: set it"
    if "podSpecPatch" in rest_of(item):
        return "its podSpecPatch may change what it runs"
    if not _is_plain(item, main):
        return "its volumes or containers are no lists with something in them"
    unplaced = [output.name for output in item.outputs if path_of(output) is None]
    if unplaced:
        return f"its output {unplaced[0]!r} is not at a path that is known beforehand"
    return _crossing(item, main)


def _around(item: Operation, spec: Mapping[str, Any]) -> str:
    defaults = _defaults(spec)
    if OURS & set(_names(item, spec)):
        return "it has a volume or a container with a name that couler reserves"
    for holder in (defaults, spec):
        if isinstance(patch := holder.get("podSpecPatch"), str) and (match := PATCHED.search(patch)):
            return f"a podSpecPatch says something of its {match[0]}"
    if any("windows" in json.dumps(_scheduling(holder)).lower() for holder in (rest_of(item), defaults, spec)):
        return "it is for Windows"
    limits = [kind for one in item.containers for kind, _ in one.limits]
    if "ephemeral-storage" in limits or "ephemeral-storage" in json.dumps(defaults):
        return "its containers limit their ephemeral storage, which would include a copy of its outputs"
    return deadline_objection(item, defaults)


def _defaults(spec: Mapping[str, Any]) -> dict[str, Any]:
    found = spec.get("templateDefaults")
    return found if isinstance(found, dict) else {}


def _scheduling(holder: Mapping[str, Any]) -> list[Any]:
    return [holder.get(key) for key in ("nodeSelector", "affinity", "tolerations")]


def _crossing(item: Operation, main: Container) -> str:
    """How an output is in the way of something else that is at its place; empty where none is."""
    outputs = [path for output in item.outputs if (path := path_of(output)) is not None]
    for number, path in enumerate(outputs):
        if any(_is_at(path, other) for other in (*outputs[:number], *outputs[number + 1 :])):
            return f"its output at {path} is inside of another"
    paths = [port.path.value for port in item.inputs if port.kind == "artifact" and isinstance(port.path, Literal)]
    inputs = [path for text in paths if (path := normal(str(text))) is not None]
    mounts = list(_mounts(main))
    for path in outputs:
        if any(_is_at(other, path) for other in (*inputs, *mounts)) or any(_is_at(path, other) for other in inputs):
            return f"something is mounted at its output {path}, or in it"
    # Init containers may mount what the main one mounts.
    others = [path for one in item.containers if one is not main for path in _mounts(one)]
    clashes = [path for path in (*outputs, *inputs, *mounts, *others) if _is_at(path, FOLDER)]
    return f"{clashes[0]} is where the launcher is" if clashes else ""


def _mounts(container: Container) -> Iterator[str]:
    for one in mappings(rest_of(container), "volumeMounts"):
        if (path := normal(str(one.get("mountPath", "")))) is not None:
            yield path


def _is_at(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _is_plain(item: Operation, main: Container) -> bool:
    """Whether all that we add to is a list with mappings in it, or not there: so it can be as it was again."""
    rest = rest_of(item)
    unread = {"initContainers", "sidecars"} & rest.keys()
    return not unread and all(
        key not in holder or mappings(holder, key) == holder[key] != []
        for holder, key in ((rest, "volumes"), (rest_of(main), "volumeMounts"))
    )


def _names(item: Operation, spec: Mapping[str, Any]) -> Iterator[str]:
    yield from (one.name for one in item.containers)
    for holder, key in ((rest_of(item), "volumes"), (spec, "volumes")):
        yield from (str(one.get("name")) for one in mappings(holder, key))
    for one in mappings(spec, "volumeClaimTemplates"):
        metadata = one.get("metadata")
        yield str(metadata.get("name") if isinstance(metadata, dict) else "")
