"""What a wrapper looks at in a template, its deadlines, and why the command of a template cannot be wrapped.

A wrapper's own work counts towards deadlines.
Source: `workflow/controller/workflowpod.go`: `activeDeadlineSeconds` of a template becomes that of its pod, where the
kubelet counts from the pod's start, init containers and sidecars included; `timeout` counts from the moment when the
node of the step is made, and becomes the pod's deadline as well. Either fails the step. So both are moved by as much
as the wrapper may take, and that is no more than a part of them: a command that hangs is still ended, a little later.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from couler_argo.cache.material import repeats_inputs
from couler_argo.documents import rest_of
from couler_argo.references import native, value
from couler_argo.spelling import write
from couler_plugins.documents.mappings import entries, mapping_at
from couler_plugins.engine_kit.durations import go_seconds
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Container, Literal, Operation, Output, replace

VOLUME, FOLDER = "couler-cache", "/couler"
FETCH, RESTORE, SAVE = "couler-fetch", "couler-restore", "couler-save"
MOUNT = {"name": VOLUME, "mountPath": FOLDER}
KEY_VOLUME, KEY_FOLDER = "couler-cache-key", "/couler-key"
KEY_MOUNT = {"name": KEY_VOLUME, "mountPath": KEY_FOLDER}
OURS = frozenset({VOLUME, KEY_VOLUME, FETCH, RESTORE, SAVE})
SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr", FOLDER, KEY_FOLDER)
"""Where nothing of a step may be mounted in a container of ours, so that it starts."""
PRINTED = "-"
DEADLINE = "activeDeadlineSeconds"
PART = 10
"""The tenth part of a step's deadline is what the store may take before its command, and after it."""
LEAST = 30  # seconds
BESIDE = 60  # seconds that two containers may take to start, and to end
"""A duration as Go reads it: what is written several times is added."""
PATCHED = re.compile(r"\b(command|args|activeDeadlineSeconds|ephemeral-storage)\b")
"""What a patch around all templates must not say: it comes after the wrapper, and would go around it."""


def main_of(item: Operation) -> Container | None:
    """The one container of a template that its outputs come from; None where there is none or are several."""
    mains = [one for one in item.containers if one.role == "main"]
    return mains[0] if item.kind in ("container", "script") and len(mains) == 1 else None


def path_of(output: Output) -> str | None:
    """Where an output is, if that is the same in every run."""
    if output.kind == "artifact":
        return _plain(output.path.value if isinstance(output.path, Literal) else None)
    data = write(output.value) if output.value is not None else None
    return _plain(data.get("path") if isinstance(data, dict) else None)


def inputs_of(item: Operation, spec: Mapping[str, Any]) -> dict[str, str] | None:
    """Where the input artifacts of a template are, by name; None where a container of ours cannot have them, too.

    Argo mounts what its main container has in an init container that asks for it (`mirrorVolumeMounts`), the artifacts
    as well (`workflow/controller/workflowpod.go`, `addInitContainers`).

    Args:
        item: the template.
        spec: what the workflow says around its templates.
    """
    main, ports = main_of(item), [port for port in item.inputs if port.kind == "artifact"]
    paths = [_plain(port.path.value if isinstance(port.path, Literal) else None) for port in ports]
    if main is None or None in paths or any("restartPolicy" in rest_of(one) for one in item.containers):
        return None
    mounts = [_plain(one.get("mountPath")) for one in entries(rest_of(main), "volumeMounts")]
    added = ["volumeMounts" in json.dumps(mapping_at(spec, "templateDefaults"))]
    places = [*paths, *mounts]
    if any(added) or any(path is None or any(_is_at(path, folder) for folder in SYSTEM) for path in places):
        return None
    return {port.name: str(path) for port, path in zip(ports, paths, strict=True)}


def place_in_launcher(path: str, inputs: Iterable[str]) -> str:
    """Return the path of an output as the launcher takes it: with a sign if it is at an input artifact, or in one."""
    if path in inputs:
        return f"@{path}"
    return f"+{path}" if any(_is_at(path, other) for other in inputs) else path


def _plain(path: object) -> str | None:
    # Kubernetes would put a variable in the place of `$(…)` in an argument of ours.
    plain = isinstance(path, str) and path.startswith("/") and "{{" not in path and "$(" not in path
    return normal(str(path)) if plain else None


def normal(path: str) -> str | None:
    """A path without `//`, `.` and `..`; None for the root."""
    result = f"/{posixpath.normpath(path).lstrip('/')}"
    return result if result != "/" else None


def deadline_objection(item: Operation, defaults: dict[str, Any]) -> str:
    """Why the deadlines of a template cannot be moved; empty where they can.

    Args:
        item: the template.
        defaults: what the workflow's `templateDefaults` say.
    """
    for name, limit, seconds in (
        (DEADLINE, rest_of(item).get(DEADLINE), active_seconds(item)),
        ("timeout", item.timeout, timeout_seconds(item)),
    ):
        if limit is None and name in defaults:
            return f"templateDefaults set its {name}, which includes the time of the wrapper: set it in the template"
        if limit is not None and seconds is None:
            return f"its {name}, which includes the time of the wrapper, is not a constant time"
    return ""


def limit_of(item: Operation, timeout: int) -> int:
    """How many seconds the store may take before the command, and after it."""
    limits = [seconds for seconds in (active_seconds(item), timeout_seconds(item)) if seconds is not None]
    return min(timeout, max(LEAST, int(min(limits)) // PART)) if limits else timeout


def later_by(item: Operation, limit: int) -> int:
    """How many seconds the deadlines of a template are moved by; 0 where it has none."""
    return 2 * limit + BESIDE if rest_of(item).get(DEADLINE) is not None or item.timeout is not None else 0


def later(item: Operation, limit: int) -> Operation:
    """The template with its deadlines moved by what a wrapper may take; `deadline_objection` has none against it."""
    rest, more = rest_of(item), later_by(item, limit)
    if (seconds := active_seconds(item)) is not None:
        rest[DEADLINE] = type(rest[DEADLINE])(seconds + more)
        item = replace(item, native_extra=native(rest))
    if isinstance(item.timeout, Literal):
        item = replace(item, timeout=value(f"{item.timeout.value}{more}s"))
    return item


def sooner(item: Operation, limit: int) -> Operation:
    """The template with its deadlines as they were before `later`, as far as that is what moved them."""
    rest, more = rest_of(item), later_by(item, limit)
    if (seconds := active_seconds(item)) is not None and seconds > more:
        rest[DEADLINE] = type(rest[DEADLINE])(seconds - more)
        item = replace(item, native_extra=native(rest))
    if isinstance(item.timeout, Literal) and str(item.timeout.value).endswith(f"{more}s"):
        item = replace(item, timeout=value(str(item.timeout.value).removesuffix(f"{more}s")))
    return item


def active_seconds(item: Operation) -> int | None:
    """Return the deadline of a template's pods, in seconds; None where it has none that is known beforehand."""
    seconds = rest_of(item).get(DEADLINE)
    plain = isinstance(seconds, int) and not isinstance(seconds, bool)
    text = str(seconds) if plain or isinstance(seconds, str) else ""
    return int(text) if re.fullmatch(r"[1-9]\d{0,8}", text) else None


def timeout_seconds(item: Operation) -> float | None:
    """Return the timeout of a template, in seconds; None where it has none that is known beforehand."""
    text = item.timeout.value if isinstance(item.timeout, Literal) else None
    seconds = go_seconds(text) if isinstance(text, str) else None
    return None if seconds is None or seconds < 0 else seconds


def wrapper_objection(item: Operation, spec: Mapping[str, Any]) -> Objection | None:
    """Why the command of a template cannot be wrapped; None where it can.

    Args:
        item: the template.
        spec: what the workflow says around its templates.
    """
    main = main_of(item)
    if main is None or any(one.role == "sidecar" for one in item.containers):
        reason = "it has other containers beside its main one"
    else:
        reason = _of_template(item, main) or _crossing(item, main, inputs_of(item, spec)) or _around(item, spec)
    return Objection("not-wrapped", f"its command cannot be wrapped either: {reason}", "storage") if reason else None


def places_objection(item: Operation, spec: Mapping[str, Any]) -> Objection | None:
    """Why containers of ours cannot look at the places of a template as its command does; see `wrapper_objection`."""
    main, around = main_of(item), [mapping_at(spec, "templateDefaults"), spec.get("podSpecPatch")]
    around.append(rest_of(item).get("podSpecPatch"))
    variables, unread = (
        ("", {}) if main is None else (json.dumps([write(one.value) for one in main.env]), rest_of(main))
    )
    rules = (
        ("its mounts are in the way of our containers", inputs_of(item, spec) is None),
        ("its variables refer to one another, or are no list", "$(" in variables or "env" in unread),
        ("templateDefaults or a podSpecPatch say something of its variables", re.search(r"\benv", json.dumps(around))),
    )
    reason = next((reason for reason, holds in rules if holds), "")
    return Objection("place", f"nobody can look at its places: {reason}", "storage") if reason else None


def runs_as_root(item: Operation, spec: Mapping[str, Any]) -> bool:
    """Whether all containers of the pod are told to run as root, ours as well."""
    for holder in (rest_of(item), mapping_at(spec, "templateDefaults"), spec):
        context = holder.get("securityContext")
        if isinstance(context, dict) and "runAsUser" in context:
            return bool(context["runAsUser"] == 0)
    return False


def _of_template(item: Operation, main: Container) -> str:
    computed = [output for output in item.outputs if not repeats_inputs(output)]
    unplaced = [output.name for output in computed if path_of(output) is None]
    rules = (
        ("it is written at its call site", item.inline),
        ("it does not say which command its image runs: set it", not main.command),
        ("its podSpecPatch may change what it runs", "podSpecPatch" in rest_of(item)),
        ("its volumes or containers are no lists with something in them", not _is_plain(item, main)),
        (f"its output {next(iter(unplaced), '')!r} is not at a path that is known beforehand", unplaced),
    )
    return next((reason for reason, holds in rules if holds), "")


def _around(item: Operation, spec: Mapping[str, Any]) -> str:
    defaults = mapping_at(spec, "templateDefaults")
    patches = [patch for holder in (defaults, spec) if isinstance(patch := holder.get("podSpecPatch"), str)]
    patched = [match[0] for patch in patches if (match := PATCHED.search(patch))]
    scheduling = [_scheduling(holder) for holder in (rest_of(item), defaults, spec)]
    limits = [*(kind for one in item.containers for kind, _ in one.limits), json.dumps(defaults)]
    rules = (
        ("it has a volume or a container with a name that couler reserves", OURS & set(_names(item, spec))),
        (f"a podSpecPatch says something of its {''.join(patched[:1])}", patched),
        ("it is for Windows", "windows" in json.dumps(scheduling).lower()),
        (
            "its containers limit their ephemeral storage, which would include a copy of its outputs",
            any("ephemeral-storage" in text for text in limits),
        ),
    )
    return next((reason for reason, holds in rules if holds), "") or deadline_objection(item, defaults)


def _scheduling(holder: Mapping[str, Any]) -> list[Any]:
    return [holder.get(key) for key in ("nodeSelector", "affinity", "tolerations")]


def _crossing(item: Operation, main: Container, covered: Mapping[str, str] | None) -> str:
    """How an output is in the way of something else that is at its place; empty where none is.

    Args:
        item: the template.
        main: its main container.
        covered: where its input artifacts are whose contents its key covers: an output may be at one, or in one.
    """
    outputs = [path for output in item.outputs if (path := path_of(output)) is not None]
    files = {path_of(output) for output in item.outputs if output.kind == "parameter"}  # cannot be put in place
    for number, path in enumerate(outputs):
        if any(_is_at(path, other) for other in (*outputs[:number], *outputs[number + 1 :])):
            return f"its output at {path} is inside of another"
    paths = [port.path.value for port in item.inputs if port.kind == "artifact" and isinstance(port.path, Literal)]
    inputs = [path for text in paths if (path := normal(str(text))) is not None]
    mounts = list(_mounts(main))
    for path in outputs:
        in_place = {path} if covered and path not in files else {}
        at = [other for other in inputs if _is_at(other, path) and other not in in_place]
        if at or any(_is_at(other, path) for other in mounts):
            return f"something is mounted at its output {path}, or in it"
        if not covered and any(_is_at(path, other) for other in inputs):
            return f"something is mounted at its output {path}, or in it"
    # Init containers may mount what the main one mounts.
    others = [path for one in item.containers if one is not main for path in _mounts(one)]
    places = (*outputs, *inputs, *mounts, *others)
    clashes = [path for path in places if _is_at(path, FOLDER) or _is_at(path, KEY_FOLDER)]
    return f"{clashes[0]} is where the launcher is" if clashes else ""


def _mounts(container: Container) -> Iterator[str]:
    paths = (normal(str(one.get("mountPath", ""))) for one in entries(rest_of(container), "volumeMounts"))
    return (path for path in paths if path is not None)


def _is_at(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _is_plain(item: Operation, main: Container) -> bool:
    """Whether all that we add to is a list with mappings in it, or not there: so it can be as it was again."""
    rest = rest_of(item)
    unread = {"initContainers", "sidecars"} & rest.keys()
    return not unread and all(
        key not in holder or entries(holder, key) == holder[key] != []
        for holder, key in ((rest, "volumes"), (rest_of(main), "volumeMounts"))
    )


def _names(item: Operation, spec: Mapping[str, Any]) -> Iterator[str]:
    yield from (one.name for one in item.containers)
    for holder, key in ((rest_of(item), "volumes"), (spec, "volumes")):
        yield from (str(one.get("name")) for one in entries(holder, key))
    yield from (str(mapping_at(one, "metadata").get("name", "")) for one in entries(spec, "volumeClaimTemplates"))
