"""Fields of native documents, each changed to another valid value of its type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Path = tuple[str | int, ...]

MAPPINGS = frozenset(
    str.split(
        """
        annotations artifacts binaryData components data executors labels limits matchLabels nodeSelector
        parameters properties requests stringData tasks
        """
    )
)
"""Keys below which others are names: what is called so in one document is not another field."""
IDENTITY = ("apiVersion", "kind")
"""Fields that say of what engine a document is, and not what is in it."""
CHOICES: tuple[tuple[str, ...], ...] = (
    ("Always", "IfNotPresent", "Never"),
    ("Always", "OnFailure", "OnError", "OnTransientError"),
    ("Allow", "Forbid", "Replace"),
    ("OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess"),
    ("OnWorkflowCompletion", "OnWorkflowDeletion", "Never"),
    ("NoSchedule", "PreferNoSchedule", "NoExecute"),
    ("Exists", "Equal"),
    ("In", "NotIn"),
    ("in", "notin"),
    ("http", "https"),
    ("HTTP", "HTTPS"),
    ("TCP", "UDP"),
    ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"),
    ("continue", "stopAndFail"),
    ("NUMBER_INTEGER", "NUMBER_DOUBLE", "STRING", "BOOLEAN", "LIST", "STRUCT"),
    ("get", "create", "apply", "delete", "patch", "replace"),
    ("string", "array", "object"),
    ("ClusterFirst", "Default", "None"),
)
"""Values that are one of a few, by the CRDs' schemas, Kubernetes' and KFP's protos; the next one takes their place."""
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?=[a-zA-Z]{0,2}$|[a-z]\d)")
REFERENCE = re.compile(r"\{\{.*?\}\}|\$\(.*?\)|\{\$.*?\}\}?", re.DOTALL)
"""What an engine puts a value in place of."""
CALLED = ("StepAction", "Task")
"""Objects of Tekton that others call by their names."""
READ = re.compile(r"\$\((?:params|workspaces)\.([\w-]+)|'workspace': '([\w-]+)'")


class Field(NamedTuple):
    """A scalar of a document.

    Attributes:
        document: the number of the document in its file.
        path: where it stands.
        schema_path: the same, a star in place of each index and of each name that the owner chose.
    """

    document: int
    path: Path
    schema_path: str


def fields(document: int, data: Any) -> Iterator[Field]:
    """Yield every scalar of a document that says something."""
    for path in _scalars(data, ()):
        if path[-1] not in IDENTITY or len(path) > 1:
            yield Field(document, path, schema_path(path))


def _scalars(data: Any, path: Path) -> Iterator[Path]:
    match data:
        case dict():
            for key, value in data.items():
                yield from _scalars(value, (*path, key))
        case list():
            for index, value in enumerate(data):
                yield from _scalars(value, (*path, index))
        case None:
            pass
        case _:
            yield path


def schema_path(path: Path) -> str:
    """Return a path with a star in place of each index and of each name that the owner chose."""
    parts: list[str] = []
    for key in path:
        parent = parts[-1] if parts else ""
        parts.append("*" if isinstance(key, int) or parent in MAPPINGS else str(key))
    return ".".join(parts)


def other(value: Any, key: str | int) -> Any:
    """Return another valid value of the same type and shape.

    Args:
        value: a scalar.
        key: its field.
    """
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
    text = str(value)
    if text in ("true", "false"):
        return "false" if text == "true" else "true"
    for choices in CHOICES:
        if (
            text in choices
            and key != "name"
            and (choices[0] != "Always" or (key == "retryPolicy") is ("OnError" in choices))
        ):
            return choices[(choices.index(text) + 1) % len(choices)]
    if found := NUMBER.match(text):
        digits = found[0]
        return (f"{float(digits) + 1}" if "." in digits else f"{int(digits) + 1}") + text[found.end() :]
    return _letter_changed(text)


def _letter_changed(text: str) -> str:
    """Return a text with its last letter or digit changed for the next one, outside of references."""
    inside = {place for found in REFERENCE.finditer(text) for place in range(*found.span())}
    for place in range(len(text) - 1, -1, -1):
        if place not in inside and text[place].isascii() and text[place].isalnum():
            return text[:place] + _next(text[place]) + text[place + 1 :]
    return f"{text}x"


def _next(letter: str) -> str:
    if letter in "9zZ":
        return {"9": "8", "z": "y", "Z": "Y"}[letter]
    return chr(ord(letter) + 1)


def value_at(data: Any, path: Path) -> Any:
    """Return what stands at a path."""
    for key in path:
        data = data[key]
    return data


def names_around(data: Any, path: Path) -> list[str]:
    """Return the names of all that a field is in: templates, tasks, containers; a Task or StepAction of Tekton."""
    names = [data["metadata"].get("name", "")] if data.get("kind") in CALLED else []
    for depth, key in enumerate(path):
        if isinstance(data, Mapping) and isinstance(data.get("name"), str):
            names.append(data["name"])
            names.append(f"{data['name']}-*")  # of several items, or of a prefix
        if depth and path[depth - 1] in ("components", "executors", "tasks") and isinstance(key, str):
            names.append(key)
        data = data[key]
    return names


def port_around(data: Any, path: Path) -> str:
    """Return the name of the input, output or parameter that a field belongs to; empty where it belongs to none."""
    around = [path[: depth + 2] for depth, key in enumerate(path[:-1]) if key in ("parameters", "artifacts")]
    port = value_at(data, around[-1]) if around else None
    return str(port.get("name", "")) if isinstance(port, dict) else ""


def callers(pairs: Sequence[tuple[str, str]], names: set[str]) -> set[str]:
    """Return the names with those of all that calls them."""
    while more := {caller for caller, callee in pairs if callee in names} - names:
        names = names | more
    return names


def calls(data: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield who calls whom, by name: tasks their templates, components their executors and tasks.

    A task of Tekton calls the workspaces and parameters of its Pipeline, too: what only it reads goes with it.
    """
    if isinstance(data, list):
        for item in data:
            yield from calls(item, name)
    if not isinstance(data, Mapping):
        return
    own = data["name"] if isinstance(data.get("name"), str) else name
    for key, value in data.items():
        if key in ("template", "executorLabel", "entrypoint", "onExit") and isinstance(value, str):
            yield "exit" if key == "onExit" else own, value
        elif key in ("taskRef", "pipelineRef", "componentRef", "ref") and isinstance(value, Mapping):
            yield own, str(value.get("name", ""))
        elif key in ("tasks", "components", "executors", "hooks") and isinstance(value, Mapping):
            for inner, content in value.items():
                if key == "tasks" and own:
                    yield own, str(inner)
                yield from calls(content, str(inner))
        elif key in ("tasks", "finally", "steps") and isinstance(value, list):
            yield from _of_tasks(own, value)
            yield from calls(value, own)
        elif key in ("taskSpec", "pipelineSpec", "dag", "steps", "tasks", "finally", "spec"):
            yield from calls(value, own)
        else:
            yield from calls(value, name if key in ("inputs", "outputs", "arguments") else own)


def _of_tasks(own: str, tasks: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield what calls tasks, and what they and the Tasks that they refer to read."""
    for task in (task for group in tasks for task in (group if isinstance(group, list) else [group])):
        name = str(task.get("name", ""))
        if own:
            yield own, name
        readers = (name, str((task.get("taskRef") or {}).get("name", "")))
        for found in READ.finditer(str(task)):
            yield from ((reader, found[1] or found[2]) for reader in readers)
