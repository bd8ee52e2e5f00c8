"""Fields of Tekton in whose place something else of the same files counts, so that no engine reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.losses_mutations import Field, Path, value_at

REFERENCES = {"Pipeline": "pipelineRef", "StepAction": "ref", "Task": "taskRef"}
INLINE = ("pipelineSpec", "taskSpec")


def is_overridden(field: Field, documents: Sequence[Any]) -> bool:
    """Return whether something else counts in place of a field.

    This is what a caller gives in place of a default, what each step says in place of its stepTemplate, and how long a
    run lets a task take in place of what its Pipeline says. Nothing reads a part of an object that nobody names.
    """
    data, path = documents[field.document], field.path
    if "stepTemplate" in path:
        place = path.index("stepTemplate")
        return all(_has(step, path[place + 1 :]) for step in value_at(data, path[:place])["steps"])
    if "default" in path and path[path.index("default") - 2] == "params":
        return _is_given(path, data, documents)
    if field.schema_path.endswith("tasks.*.timeout"):
        task = value_at(data, path[:-1])["name"]
        runs = [item["spec"] for item in documents if isinstance(item, dict) and item.get("kind") == "PipelineRun"]
        specs = [{item["pipelineTaskName"]: item for item in run.get("taskRunSpecs", ())} for run in runs]
        return bool(specs) and all("timeout" in items.get(task, ()) for items in specs)
    return False


def _has(data: Any, path: Path) -> bool:
    """Return whether something is at a path of names alone."""
    for key in path:
        if not isinstance(key, str) or not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return True


def _is_given(path: Path, data: Any, documents: Sequence[Any]) -> bool:
    place = path.index("default")
    name, keys, holder = value_at(data, path[:place])["name"], path[place + 1 :], path[: place - 2]
    whole = f"params.{name}"
    if keys and isinstance(keys[0], str) and not any(text in str(data) for text in (f"{whole}.{keys[0]}", f"{whole}[")):
        return True
    if holder[-1] in INLINE:
        return _gives(value_at(data, holder[:-1]), name, keys, data)
    reference = REFERENCES.get(data.get("kind"), "") if holder == ("spec",) else ""
    pairs = [(caller, item) for item in documents for caller in _mappings(item)]
    own = [
        pair
        for pair in pairs
        if isinstance(pair[0].get(reference), dict) and pair[0][reference].get("name") == data["metadata"].get("name")
    ]
    return bool(own) and all(_gives(caller, name, keys, item) for caller, item in own)


def _gives(caller: Mapping[str, Any], name: str, keys: Path, data: Any) -> bool:
    """Return whether a caller gives a parameter, or a part of it: keys of an object, or a number in a list."""
    passed = {item["name"]: item.get("value") for item in caller.get("params", ())}
    value = passed.get(name)
    if isinstance(value, str) and keys and value.startswith("$(params."):  # what the run gives, as it is
        outer = value.removeprefix("$(params.").removesuffix("[*])")
        return isinstance(keys[0], int) or _gives(data["spec"], outer, keys, data)
    return name in passed and (not isinstance(value, dict) or not keys or keys[0] in value)


def _mappings(data: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(data, dict):
        yield data
    for item in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _mappings(item)
