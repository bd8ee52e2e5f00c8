"""Parts of KFP's documents, and constants with placeholders in them, as the judge reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.argo.caching.values import digest
from benchmarks.mutations.judging import CannotRun, Path, Value

__all__ = ["RUN", "content_key", "filled", "in_order", "list_of", "value_of"]

Mapped = Mapping[str, Any]

RUN = re.compile(r"\{\{\$\.(?:pipeline_|pipeline\.|workflow)[\w.]*\}\}|\{\{workflow\.[\w.]+\}\}")
INPUT = re.compile(r"\{\{\$\.inputs\.parameters\[['\"](.*?)['\"]\]\}\}")


def filled(constant: Any, scope: Mapping[str, Value], run: str) -> Value:
    """Return a constant with its placeholders replaced."""
    if not isinstance(constant, str):
        return Value(constant)
    by: set[Path] = set()

    def replaced(match: re.Match[str]) -> str:
        value = scope.get(match[1], Value(""))
        by.update(value.by)
        return str(value.text)

    text = INPUT.sub(replaced, constant)
    return Value(RUN.sub(lambda match: f"{match[0]} {run}", text), frozenset(by))


def in_order(tasks: Mapped) -> Iterator[tuple[str, Mapped, list[str]]]:
    """Yield the tasks in an order in which they may run, each with those that it waits for."""
    waiting, done = dict(tasks), set[str]()
    while waiting:
        ready = []
        for name, task in waiting.items():
            read = set(re.findall(r'"producerTask": "(.*?)"', json.dumps(task.get("inputs", {}))))
            needs = {*task.get("dependentTasks", ()), *read} & tasks.keys()
            if done >= needs:
                ready.append((name, task, sorted(needs)))
        if not ready:
            raise CannotRun("its tasks wait for each other")
        yield from ready
        for name, *_ in ready:
            done.add(name)
            del waiting[name]


def list_of(value: Any) -> list[Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    return value if isinstance(value, list) else [digest([value, number])[:6] for number in range(2)]


def value_of(port: Mapped, shown: str) -> Any:
    """A value of the type that a port declares."""
    one = digest([shown])
    match port.get("parameterType"):
        case "LIST":
            return [one[:4], one[4:8]]
        case "STRUCT":
            return {"a": one[:4]}
        case "NUMBER_INTEGER" | "NUMBER_DOUBLE":
            return int(one[:6], 16)
        case "BOOLEAN":
            return one[0] in "01234567"
    return one[:6]


def content_key(
    component: Mapping[str, Any],
    executor: Mapping[str, Any],
    given: Mapping[str, Any],
    passed: Mapping[str, Sequence[Sequence[str]]],
) -> tuple[str, ...] | None:
    """Return the key that a wrapper makes in the pod; None where there is none around the command.

    Args:
        component: the component.
        executor: its executor.
        given: the values of all its parameters.
        passed: the content and the address of each of its artifacts.
    """
    container = executor.get("container", {})
    words = [str(word) for word in (*container.get("command", ()), *container.get("args", ()))]
    if not any(word.startswith("# couler cache component-run") for word in words):
        return None
    end = words.index("--")
    which = slice(2) if "--identity" in words[:end] else slice(1)
    said = {
        "spec": [word for word in words[:end] if word.startswith("--spec=")],
        "words": words[end + 1 :],
        "parameters": given,
        "artifacts": {name: [part[which] for part in one] for name, one in passed.items()},
        "outputs": sorted(component.get("outputDefinitions", {}).get("artifacts", {})),
    }
    return ("couler", json.dumps(said, sort_keys=True))
