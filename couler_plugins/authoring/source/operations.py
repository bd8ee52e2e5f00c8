"""What runs, as a call of `run_container`, `run_script` or `run_job`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from couler_plugins.authoring.source.artifacts import declared
from couler_plugins.authoring.source.texts import Reading, Written, constant, expression, refused, written
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.ir import (
    Container,
    Literal,
    Native,
    Operation,
    Reference,
    Retry,
    Step,
    Template,
    Value,
    references,
)

CONTAINER_REST = {"imagePullPolicy": "image_pull_policy", "workingDir": "working_dir", "envFrom": "env_from"}
JOB = {"successCondition": "success_condition", "failureCondition": "failure_condition", "action": "action"}


def function_called(operation: Operation) -> str:
    """Which function of the interface writes an operation.

    Raises:
        Unsupported: none does.
    """
    functions = {"container": "run_container", "script": "run_script", "python": "run_script", "resource": "run_job"}
    if operation.kind not in functions:
        raise refused(operation.name, f"is a {operation.kind}")
    for name in ("memoized", "locks", "metrics", "directives"):
        if getattr(operation, name):
            raise refused(operation.name, f"has {name}")
    return functions[operation.kind]


def arguments_of(
    step: Step, operation: Operation, read: Reading, functions: Mapping[str, str]
) -> dict[str, str | Written]:
    """The arguments of that call.

    Args:
        step: the call in the IR.
        operation: what it calls.
        read: what references in the step's arguments stand for.
        functions: the names under which functions are defined, by operation.

    Raises:
        Unsupported: there is something that the interface has no words for.
    """
    passed = {argument.name: argument.value for argument in step.arguments}

    def inside(reference: Reference) -> Value:
        """What an input of the operation holds in this call."""
        if reference.to != "input":
            return reference
        port = next(item for item in operation.inputs if item.name == reference.name)
        value = passed.get(reference.name, port.value if port.value is not None else port.default)
        if value is None:
            raise refused(step.name, f"passes nothing for {reference.name!r}")
        return value

    arguments: dict[str, str | Written] = dict(_body(step, operation, inside, read, passed, functions))
    retry, timeout = step.retry or operation.retry, step.timeout or operation.timeout
    if retry is not None:
        arguments["retry"] = _attempts(retry, step.name)
    if timeout is not None:
        if not isinstance(timeout, Literal) or not isinstance(timeout.value, int):
            raise refused(step.name, "has a timeout that is no number of seconds")
        arguments["timeout"] = repr(timeout.value)
    return arguments


def run_of(value: Value, inside: Any) -> Value:
    """A value of an operation with what its inputs hold."""
    if isinstance(value, Reference):
        resolved: Value = inside(value)
        return resolved
    if not isinstance(value, Template):
        return value
    parts: list[Any] = []
    for part in value.parts:
        piece = run_of(part, inside) if isinstance(part, Reference) else part
        parts += piece.parts if isinstance(piece, Template) else [piece]
    texts = [str(part.value) if isinstance(part, Literal) else part for part in parts]
    if all(isinstance(text, str) for text in texts):
        return Literal(value="".join(texts))
    return Template(parts=tuple(texts))


def _body(
    step: Step,
    operation: Operation,
    inside: Any,
    read: Reading,
    passed: Mapping[str, Value],
    functions: Mapping[str, str],
) -> Iterator[tuple[str, str | Written]]:
    def shown(value: Value) -> str:
        return expression(run_of(value, inside), read, step.name)

    if operation.kind == "resource":
        yield from _job(operation, shown)
        return
    if len(operation.containers) != 1 or operation.containers[0].role != "main":
        raise refused(operation.name, "has more than one container")
    (container,) = operation.containers
    if container.image is not None:
        yield "image", shown(container.image)
    if operation.name in functions:
        function = function_of(operation)
        assert function is not None
        yield "source", functions[operation.name]
        if function.packages:
            yield "packages", constant(list(function.packages))
        if passed:
            yield "args", _mapped((name, expression(value, read, step.name)) for name, value in passed.items())
    else:
        if container.command:
            yield "command", _listed(shown(item) for item in container.command)
        if container.script is not None:
            yield "source", shown(container.script)
        if container.args:
            yield "args", _listed(shown(item) for item in container.args)
        yield from _ports(step, operation, read, passed)
    yield from _surroundings(operation, container, shown)


def _listed(items: Iterable[str | Written]) -> Written:
    return written("[", list(items), "]")


def _mapped(items: Iterable[tuple[str, str]]) -> Written:
    return written("{", [f"{constant(name)}: {value}" for name, value in items], "}")


def _ports(
    step: Step, operation: Operation, read: Reading, passed: Mapping[str, Value]
) -> Iterator[tuple[str, str | Written]]:
    outputs = [declared(output, operation.name) for output in operation.outputs]
    if outputs:
        yield "output", outputs[0] if len(outputs) == 1 else _listed(outputs)
    declarations: list[str] = []
    for port in operation.inputs:
        if port.kind == "artifact":
            value = passed.get(port.name)
            declarations.append(declared(port, operation.name) if value is None else expression(value, read, step.name))
    if declarations:
        yield "input", _listed(declarations)


def _surroundings(operation: Operation, container: Container, shown: Any) -> Iterator[tuple[str, str | Written]]:
    plain = [(item.name, shown(item.value)) for item in container.env if not isinstance(item.value, Native)]
    if plain:
        yield "env", _mapped(plain)
    secrets: dict[str, dict[str, str]] = {}
    for item in container.env:
        if isinstance(item.value, Native):
            source = _data(item.value, operation.name).get("valueFrom", {}).get("secretKeyRef")
            if source is None or source.keys() != {"name", "key"}:
                raise refused(operation.name, f"takes {item.name!r} from elsewhere than a Secret")
            secrets.setdefault(source["name"], {})[item.name] = source["key"]
    if secrets:
        yield (
            "secret",
            _listed(f"couler.obtain_secret({constant(name)}, {constant(keys)})" for name, keys in secrets.items()),
        )
    parts = {"requests": dict(container.requests), "limits": dict(container.limits)}
    texts = {key: {name: _plain(value) for name, value in part.items()} for key, part in parts.items() if part}
    if texts:
        same = texts.get("requests") == texts.get("limits")
        yield "resources", constant(texts["requests"] if same else texts)
    rest = _data(container.native_extra, operation.name)
    if "volumeMounts" in rest:
        yield "volume_mounts", _listed(_mount(item, operation.name) for item in rest.pop("volumeMounts"))
    for key, name in CONTAINER_REST.items():
        if key in rest:
            yield name, constant(rest.pop(key))
    pod = {} if operation.kind == "python" else _data(operation.native_extra, operation.name)
    if "nodeSelector" in pod:
        yield "node_selector", constant(pod.pop("nodeSelector"))
    if rest or pod:
        raise refused(operation.name, f"has {min([*rest, *pod])}")
    if operation.daemon:
        yield "daemon", "True"


def _job(operation: Operation, shown: Any) -> Iterator[tuple[str, str | Written]]:
    """The manifest, with what stands for references in it, and when it has succeeded."""
    assert operation.native_extra is not None
    read = list(dict.fromkeys(references(operation.native_extra)))
    marks = {reference: f"\ue000{number}\ue000" for number, reference in enumerate(read)}
    text = "".join(marks[part] if isinstance(part, Reference) else str(part) for part in operation.native_extra.parts)
    data = json.loads(text)["resource"]
    pieces: list[Any] = [
        read[int(piece)] if number % 2 else piece for number, piece in enumerate(data.pop("manifest").split("\ue000"))
    ]
    value = Literal(value=pieces[0]) if len(pieces) == 1 else Template(parts=tuple(piece for piece in pieces if piece))
    yield "manifest", shown(value)
    owned = data.pop("setOwnerReference", False)
    if data.get("action") == "create" and not owned:
        yield "set_owner_reference", "False"
    for key, name in JOB.items():
        if key in data and (key, data[key]) != ("action", "create"):
            yield name, constant(data[key])
        data.pop(key, None)
    if data:
        raise refused(operation.name, f"has {min(data)}")


def _attempts(retry: Retry, step: str) -> str:
    limit = retry.limit.value if isinstance(retry.limit, Literal) else None
    if retry != Retry(limit=retry.limit) or not isinstance(limit, int):
        raise refused(step, "is retried on conditions, after a while, or without a limit")
    return repr(limit)


def _plain(value: Value) -> Any:
    return value.value if isinstance(value, Literal) else None


def _mount(mount: Mapping[str, Any], subject: str) -> str:
    if mount.keys() - {"name", "mountPath", "readOnly"}:
        raise refused(subject, "mounts a part of a volume")
    read_only = ", read_only=True" if mount.get("readOnly") else ""
    return f"couler.VolumeMount({constant(mount['name'])}, {constant(mount['mountPath'])}{read_only})"


def _data(native: Native | None, subject: str) -> dict[str, Any]:
    if native is None:
        return {}
    if any(references(native)):
        raise refused(subject, "has a structure that is only known at run time")
    return dict(native.data)
