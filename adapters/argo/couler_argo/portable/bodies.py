"""Templates of Argo's own kinds as containers, where a container does the same.

Sources: docs/container-set-template.md, docs/http-template.md; `http.go` and `suspend` in `workflow/`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import pairwise
from operator import attrgetter
from typing import Any

from couler_argo.codec import Context
from couler_argo.documents import rest_of
from couler_argo.references import native, value
from couler_argo.templates import CONTAINER
from couler_plugins.engine_kit.durations import as_seconds
from couler_plugins.ir import Container, Literal, Operation, Port, fresh_name, references, replace

Note = Callable[..., None]
"""Notes a detail that is left out: of which operation, what is done, and why."""
MAIN = "main"
IMAGE = Literal(value="busybox")
"""Has `wget` and `sleep`."""
kind_of = attrgetter("kind")
HTTP = frozenset({"url", "method", "headers", "timeoutSeconds", "insecureSkipVerify", "body"})
FETCHED = "/couler-fetched"
PACKED = (".tgz", ".tar", ".gz", ".zip")
"""Endings of files that Argo unpacks."""
PEERS = frozenset({"ports", "readinessProbe", "livenessProbe", "startupProbe"})
"""What a container says of itself that others talk to while it runs."""


def with_container(operation: Operation, note: Note, passed: Collection[str] = ()) -> Operation:
    """Return an operation that runs in containers, as far as these do the same.

    Args:
        operation: the operation.
        note: is told what is not quite the same.
        passed: the artifacts that its calls pass.
    """
    rest = rest_of(operation)
    match operation.kind:
        case "containerSet":
            return _in_order(operation, rest, note)
        case "http":
            return _requested(operation, rest)
        case "suspend":
            return _slept(operation, rest)
    return _mirrored(_fetched(operation, rest, note, passed))


def _of(operation: Operation, rest: Mapping[str, Any], *containers: Container) -> Operation:
    fields = {key: content for key, content in rest.items() if key != operation.kind}
    return replace(operation, kind="container", containers=containers, native_extra=native(fields) if fields else None)


def _in_order(operation: Operation, rest: Mapping[str, Any], note: Note) -> Operation:
    """Return an operation with the containers of a set one after the other."""
    body = rest["containerSet"]
    items = body.get("containers") if isinstance(body, dict) else None
    if not isinstance(items, list) or not items or body.keys() - {"containers", "volumeMounts"}:
        return operation
    if operation.containers or any(not isinstance(item, dict) or item.keys() & PEERS for item in items):
        return operation
    after = {item.get("name"): set(item.get("dependencies") or ()) for item in items}
    order: list[str] = []
    while ready := [name for name in after if name not in order and after[name] <= set(order)]:
        order.append(next((name for name in ready if name != MAIN), ready[0]))
    by_name = {item.get("name"): item for item in items}
    last = order[-1] if order else None
    if len(order) != len(items) or (last != MAIN if MAIN in by_name else operation.outputs):
        return operation
    if not all(after[name] >= {before} for before, name in pairwise(order)):
        reason = "its containers run one after the other; Argo may start some side by side"
        note(operation.name, "runs a set of containers in order", reason, "detail")
    mounts = body.get("volumeMounts") or []
    containers = []
    for name in order:
        fields = {key: content for key, content in by_name[name].items() if key != "dependencies"}
        if mounts:
            fields["volumeMounts"] = [*mounts, *(fields.get("volumeMounts") or [])]
        role = "main" if name == last else "init"
        containers.append(Container(role=role, **CONTAINER.lift(fields, Context())))  # type: ignore[arg-type]
    return _of(operation, rest, *containers)


def _requested(operation: Operation, rest: Mapping[str, Any]) -> Operation:
    """Return an operation that sends a request by `wget`, which prints what comes back, and fails where that does."""
    body = rest["http"]
    if not isinstance(body, dict) or not isinstance(body.get("url"), str) or body.keys() - HTTP or operation.outputs:
        return operation
    method, headers = body.get("method") or "GET", body.get("headers") or []
    plain = all(isinstance(item, dict) and isinstance(item.get("value"), str) for item in headers)
    if not plain or method not in ("GET", "POST") or (method == "POST") is not bool(body.get("body")):
        return operation
    words = ["-q", "-O", "-"]
    words += ["-T", str(body["timeoutSeconds"])] if body.get("timeoutSeconds") else []
    words += ["--no-check-certificate"] if body.get("insecureSkipVerify") else []
    words += [word for item in headers for word in ("--header", f"{item.get('name')}: {item['value']}")]
    words += ["--post-data", body["body"]] if method == "POST" else []
    args = tuple(map(value, [*words, body["url"]]))
    return _of(operation, rest, Container(image=IMAGE, command=(Literal(value="wget"),), args=args))


def _slept(operation: Operation, rest: Mapping[str, Any]) -> Operation:
    """Return an operation that sleeps for so long as one is suspended; one without an end waits for somebody."""
    duration = rest["suspend"].get("duration") if isinstance(rest["suspend"], dict) else None
    seconds = as_seconds(str(duration)) if duration is not None and "{{" not in str(duration) else None
    if seconds is None or operation.outputs:
        return operation
    sleep = Container(image=IMAGE, command=(Literal(value="sleep"),), args=(Literal(value=str(seconds.value)),))
    return _of(operation, rest, sleep)


def _fetched(operation: Operation, rest: dict[str, Any], note: Note, passed: Collection[str]) -> Operation:
    """Return an operation that fetches those artifacts first that are files at an address, and nothing else."""
    containers, inputs, volumes = list(operation.containers), [], list(rest.get("volumes") or [])
    read = {item.name for item in references(operation) if item.kind == "artifact"}.union(passed)
    for port in operation.inputs:
        source = _address(port) if port.name not in read else None
        if source is None or not containers or [item.role for item in containers].count("main") != 1:
            inputs.append(port)
            continue
        path, url, mode = source
        note(operation.name, f"fetch {port.name} first", "Argo unpacks what it fetches if it is an archive")
        volume, file = (
            fresh_name(f"fetched-{len(volumes)}", [item["name"] for item in volumes]),
            path.rsplit("/", 1)[-1],
        )
        volumes.append({"name": volume, "emptyDir": {}})
        script = f'wget -q -O "$0" "$1" && chmod {mode} "$0"'
        words = (Literal(value=word) for word in ("sh", "-c", script, f"{FETCHED}/{file}"))
        mounted = native({"volumeMounts": [{"name": volume, "mountPath": FETCHED}]})
        first = Container(
            name=volume, role="init", image=IMAGE, command=tuple(words), args=(value(url),), native_extra=mounted
        )
        mount = {"name": volume, "mountPath": path, "subPath": file}
        containers = [first, *(_with_mount(item, mount) if item.role == "main" else item for item in containers)]
    if len(inputs) == len(operation.inputs):
        return operation
    return replace(
        operation, containers=tuple(containers), inputs=tuple(inputs), native_extra=native({**rest, "volumes": volumes})
    )


def _address(port: Port) -> tuple[str, str, str] | None:
    """Return where an artifact is to be, its address, and its mode; None where it is more than a file at an address."""
    origin = port.origin.data if port.origin is not None and not any(references(port.origin)) else {}
    said = rest_of(port)
    is_file = port.kind == "artifact" and isinstance(port.path, Literal) and origin.keys() == {"http"}
    mode, archive = said.pop("mode", 0o644), said.pop("archive", None)
    if not is_file or said or archive not in (None, {"none": {}}) or origin["http"].keys() != {"url"}:
        return None
    url = str(origin["http"]["url"])
    is_packed = archive is None and url.endswith(PACKED)
    return None if is_packed else (str(port.path.value), url, f"{mode:o}")  # type: ignore[union-attr]


def _with_mount(container: Container, mount: dict[str, str]) -> Container:
    rest = rest_of(container)
    return replace(container, native_extra=native({**rest, "volumeMounts": [*(rest.get("volumeMounts") or []), mount]}))


def _mirrored(operation: Operation) -> Operation:
    """Return an operation whose containers mount what the main one does, in their own words."""
    artifacts = [*map(kind_of, operation.inputs), *map(kind_of, operation.outputs)].count("artifact")
    fields = [rest_of(container) for container in operation.containers]
    mains = [rest for rest, item in zip(fields, operation.containers, strict=True) if item.role == "main"]
    if len(mains) != 1 or not any("mirrorVolumeMounts" in rest for rest in fields) or artifacts:
        return operation
    containers = []
    for container, rest in zip(operation.containers, fields, strict=True):
        if rest.pop("mirrorVolumeMounts", False) is True:
            own = rest.get("volumeMounts") or []
            paths = {item.get("mountPath") for item in own}
            mounts = [*own, *(item for item in mains[0].get("volumeMounts") or [] if item["mountPath"] not in paths)]
            rest.update({"volumeMounts": mounts} if mounts else {})
        containers.append(replace(container, native_extra=native(rest) if rest else None))
    return replace(operation, containers=tuple(containers))
