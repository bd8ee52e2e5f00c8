"""Changes of one thing in a workflow, in its settings, or in what its run has around it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from benchmarks.mutations.judging import Situation
from benchmarks.mutations.places import TAMPERED, named_in

__all__ = ["NEUTRAL", "Case", "Change", "changes_of"]
Rows = tuple[Mapping[str, Any], ...]
NEUTRAL = frozenset(
    {
        *("a label", "an annotation", "resources", "a retry", "a timeout", "a node selector", "the order of keys"),
        *("a renamed step", "a renamed template", "another run", "a description"),
    }
)
"""Kinds of changes after which every result is the same."""


@dataclass(frozen=True)
class Case:
    """What is optimized and run: documents, the rows of the settings, and the situation of the run."""

    documents: Sequence[Any]
    rows: Rows
    situation: Situation = field(default_factory=Situation)


@dataclass(frozen=True)
class Change:
    """A change: of which kind, and the case after it."""

    kind: str
    make: Callable[[], Case]


def changes_of(case: Case, engine: str) -> list[Change]:
    """Return everything that may be changed, in the order of the documents."""
    return [*_in_documents(case, engine), *_in_settings(case), *_in_situation(case)]


def _in_situation(case: Case) -> Iterator[Change]:
    situation = case.situation
    others = {
        "the namespace": replace(situation, namespace="other"),
        "the service account": replace(situation, account="other"),
        "the world": replace(situation, world="1"),
        "undeclared values": replace(situation, chance="1"),
        "another run": situation,
    }
    for name, text in product(_parameters(case.documents), ("submitted", '["a", "b", "c"]')):
        others[f"a submitted parameter/{name}/{text}"] = replace(situation, parameters={name: text})
    others |= {kind: replace(situation, places=kind) for kind in TAMPERED if named_in(case.documents, case.rows)}
    for kind, other in others.items():
        yield Change(kind.partition("/")[0], lambda other=other: replace(case, situation=other))  # type: ignore[misc]


def _parameters(documents: Sequence[Any]) -> list[str]:
    names = []
    for document in documents:
        spec = (document or {}).get("spec") or {}
        arguments = (spec.get("workflowSpec") or spec).get("arguments") or {}
        names += [item["name"] for item in arguments.get("parameters") or ()]
        names += [item["name"] for item in spec.get("params") or () if isinstance(item, dict)]
        names += list((document or {}).get("root", {}).get("inputDefinitions", {}).get("parameters", {}))
    return list(dict.fromkeys(names))


def _in_settings(case: Case) -> Iterator[Change]:
    for number, row in enumerate(case.rows):

        def other(said: dict[str, Any], number: int = number, row: Mapping[str, Any] = row) -> Case:
            return replace(case, rows=(*case.rows[:number], {**row, **said}, *case.rows[number + 1 :]))

        if row.get("pure"):
            yield Change("a declared version", lambda other=other: other({"version": "another"}))  # type: ignore[misc]
        for word in row.get("allow", ()):
            less = [one for one in row["allow"] if one != word]
            yield Change("a waived word", lambda other=other, less=less: other({"allow": less}))  # type: ignore[misc]
        for name in row.get("datasets", {}):
            sets = {**row["datasets"], name: "another"}
            yield Change("a version of data", lambda other=other, sets=sets: other({"datasets": sets}))  # type: ignore[misc]
        if "max-output-bytes" in row:
            yield Change("a bound", lambda other=other: other({"max-output-bytes": 32}))  # type: ignore[misc]


Place = tuple[Any, ...]


def _walk(content: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    yield place, content
    items: Any = (
        content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    )
    for key, part in items:
        yield from _walk(part, (*place, key))


def _put(documents: Sequence[Any], place: Place, content: Any) -> list[Any]:
    changed = copy.deepcopy(list(documents))
    holder: Any = changed
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = content
    return changed


TEXTS = {
    "image": "an image",
    "imageUri": "an image",
    "source": "a line of a program",
    "script": "a line of a program",
    "workingDir": "a folder",
    "data": "data in the manifest",
    "podSpecPatch": "a patch of pods",
    "mountPath": "a mount",
    "constant": "a constant",
    "artifactUri": "a place",
    "default": "a default",
    "defaultValue": "a default",
    "schemaTitle": "a type",
    "secretName": "a name of a secret",
}
"""Texts that are changed, by their key."""
LISTS = {"command": "a command word", "args": "an argument of a command"}
PORTS = {"path": "a path", "mode": "a mode", "subPath": "a path"}
AROUND: tuple[tuple[str, frozenset[str], dict[str, Any]], ...] = (
    ("a patch of pods", frozenset({"templates"}), {"podSpecPatch": '{"terminationGracePeriodSeconds": 1}'}),
    ("a repository of artifacts", frozenset({"templates"}), {"artifactRepositoryRef": {"key": "other"}}),
    ("an alias of a host", frozenset({"templates"}), {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}]}),
    ("defaults of templates", frozenset({"templates"}), {"templateDefaults": {"container": {"workingDir": "/other"}}}),
    ("a step template", frozenset({"results"}), {"stepTemplate": {"env": [{"name": "MORE", "value": "1"}]}}),
    ("a pod template", frozenset({"pipelineSpec"}), {"taskRunTemplate": {"podTemplate": {"hostNetwork": True}}}),
)
"""What is said around steps, and in what."""
PLACES = {"s3": "key", "gcs": "key", "http": "url", "git": "revision", "hdfs": "path"}


def _in_documents(case: Case, engine: str) -> Iterator[Change]:
    documents = case.documents

    def put(kind: str, place: Place, content: Any) -> Change:
        return Change(kind, lambda: replace(case, documents=_put(documents, place, content)))

    for place, content in _walk(list(documents)):
        key = place[-1] if place else None
        if isinstance(content, dict) and place:
            yield from _in_mapping(put, place, content)
        if isinstance(content, (str, int, float)) and not isinstance(content, bool):
            if key in TEXTS and "metadata" not in place:
                yield put(TEXTS[str(key)], place, _other(content, str(key)))
            elif key in PORTS and {"artifacts", "results"} & set(place):
                yield put(PORTS[str(key)], place, 448 if key == "mode" else f"{content}-x")
            elif key == "value" and len(place) > 2 and place[-3] in ("env", "parameters", "params"):
                kind = {"env": "a variable", "parameters": "a value", "params": "a value"}[str(place[-3])]
                yield put(kind, place, _other(content, "value"))
        if isinstance(content, list) and key in LISTS and all(isinstance(word, str) for word in content):
            for number, word in enumerate(content):
                yield put(LISTS[str(key)], (*place, number), f"{word} x")
            yield put(LISTS[str(key)], place, [*content, "more"])
        if isinstance(content, list) and content and key in ("value", "withItems"):
            yield put("a list", place, [*content, content[0]])
            if len(content) > 1 and all(isinstance(item, str) for item in content):
                yield put("a list", place, [f"{content[0]} {content[1]}", *content[2:]])
                yield put("a list", place, [content[1], content[0], *content[2:]])
        if isinstance(content, dict) and key in ("secretKeyRef", "configMapKeyRef") and "key" in content:
            yield put("a name of a secret", (*place, "key"), f"{content['key']}-x")
    yield from _orders(case, put)
    yield from _names(case, engine)
    turned = [_turned(document) for document in documents]
    yield Change("the order of keys", lambda: replace(case, documents=turned))


def _steps(graph: Any) -> list[str]:
    """Return the names of the steps of a graph of Argo or Tekton."""
    if not isinstance(graph, dict):
        return []
    tasks, stages = graph.get("tasks"), graph.get("steps")
    items = [*(tasks if isinstance(tasks, list) else ())]
    items += [step for stage in stages or () if isinstance(stage, list) for step in stage]
    return [item["name"] for item in items if isinstance(item, dict) and "name" in item]


def _with_step(graph: Mapping[str, Any], number: int, name: str) -> Any:
    """Return a graph with another name of one of its steps, and in all that refers to it."""
    other, word = f"{name}-other", re.escape(name)
    text = re.sub(rf"\b(tasks|steps)\.{word}(?![\w-])", rf"\1.{other}", json.dumps(graph))
    renamed = json.loads(re.sub(rf"\b(tasks|steps)\['{word}'\]", rf"\1['{other}']", text))
    stages = renamed.get("steps") or ()
    items = [*(renamed.get("tasks") or ()), *(step for stage in stages if isinstance(stage, list) for step in stage)]
    items[number]["name"] = other
    for item in items:
        if "depends" in item:
            item["depends"] = re.sub(rf"(?<![\w-]){word}(?![\w-])", other, item["depends"])
        for key in {"dependencies", "runAfter"} & item.keys():
            item[key] = [other if one == name else one for one in item[key]]
    return renamed


def _other(content: Any, key: str) -> Any:
    if isinstance(content, str):
        return content + ("\n# more\n" if key in ("source", "script") else "-x")
    return content + 1


def _in_mapping(put: Callable[[str, Place, Any], Change], place: Place, content: Mapping[str, Any]) -> Iterator[Change]:
    if "image" in content and isinstance(content.get("image"), str):
        env = [*(content.get("env") or ()), {"name": "MORE", "value": "1"}]
        yield put("one more variable", place, {**content, "env": env})
        key = "resources" if {"templates", "executors"} & set(place) else "computeResources"
        sizes: Any = {"memoryLimit": 1.0} if "executors" in place else {"limits": {"memory": "1Gi"}}
        yield put("resources", place, {**content, key: sizes})
        if len(content.get("env") or ()) > 1:
            yield put("a variable", (*place, "env"), list(content["env"][1:]))
    for kind, name in PLACES.items():
        if isinstance(content.get(kind), dict) and name in content[kind]:
            yield put("a place", (*place, kind, name), f"{content[kind][name]}-x")
    match content:
        case {"apiVersion": str(), "metadata": dict(metadata)}:
            labels = {**(metadata.get("labels") or {}), "team": "a"}
            yield put("a label", (*place, "metadata"), {**metadata, "labels": labels})
            notes = {**(metadata.get("annotations") or {}), "note": "a"}
            yield put("an annotation", (*place, "metadata"), {**metadata, "annotations": notes})
        case {"name": str(), "container": dict()} | {"name": str(), "script": dict()}:
            yield put("a retry", place, {**content, "retryStrategy": {"limit": 3}})
            yield put("a timeout", place, {**content, "activeDeadlineSeconds": 1000})
            yield put("a node selector", place, {**content, "nodeSelector": {"disk": "fast"}})
        case {"name": str(), "taskSpec": dict()} | {"name": str(), "taskRef": dict()}:
            yield put("a retry", place, {**content, "retries": 2})
            yield put("a timeout", place, {**content, "timeout": "10m"})
        case {"componentRef": dict(), "taskInfo": dict()}:
            yield put("a retry", place, {**content, "retryPolicy": {"maxRetryCount": 2}})
            yield put("a renamed step", (*place, "taskInfo"), {"name": "shown otherwise"})
    for kind, inside, more in AROUND:
        if inside & content.keys() and not more.keys() & content.keys():
            yield put(kind, place, {**content, **more})
    for key in ("parameters", "params"):
        items = content.get(key)
        if isinstance(items, list) and len(items) > 1 and all("value" in item for item in items[:2]):
            one, two, *rest = items
            swapped = [{**one, "value": two["value"]}, {**two, "value": one["value"]}, *rest]
            if one["value"] != two["value"]:
                yield put("swapped values", (*place, key), swapped)


def _orders(case: Case, put: Callable[[str, Place, Any], Change]) -> Iterator[Change]:
    """Changes of what waits for what, and of the names of steps."""
    for place, content in _walk(list(case.documents)):
        if not isinstance(content, dict):
            continue
        for number, name in enumerate(_steps(content)):
            yield put("a renamed step", place, _with_step(content, number, name))
        for key in ("depends", "dependencies", "runAfter", "dependentTasks"):
            if key in content and len(place) > 1:
                yield put("the order of steps", place, {name: part for name, part in content.items() if name != key})
        tasks = content.get("tasks")
        if isinstance(tasks, list) and len(tasks) > 1 and all("name" in task for task in tasks):
            for number, task in enumerate(tasks[1:], 1):
                key = "runAfter" if {"taskSpec", "taskRef"} & task.keys() else "dependencies"
                if "depends" not in task and tasks[0]["name"] not in (task.get(key) or ()):
                    more = [*(task.get(key) or ()), tasks[0]["name"]]
                    yield put("the order of steps", (*place, "tasks", number), {**task, key: more})
        steps = content.get("steps")
        if isinstance(steps, list) and len(steps) > 1 and all(isinstance(stage, list) for stage in steps):
            yield put("the order of steps", (*place, "steps"), [*steps[:-2], steps[-1], steps[-2]])


def _names(case: Case, engine: str) -> Iterator[Change]:
    """Names that mean nothing, changed wherever they are."""
    text = json.dumps(list(case.documents))
    if engine != "argo":
        return
    for document in case.documents:
        spec = (document or {}).get("spec") or {}
        for template in (spec.get("workflowSpec") or spec).get("templates") or ():
            name = template["name"]
            if f'"template": "{name}"' in text and not any(f".{name}" in str(key) for key in _annotations(document)):
                renamed = text
                for key in ("template", "entrypoint", "onExit", "name"):
                    renamed = renamed.replace(f'"{key}": "{name}"', f'"{key}": "{name}-other"')
                if renamed.count(f'"name": "{name}-other"') == 1:
                    yield Change("a renamed template", lambda text=renamed: replace(case, documents=json.loads(text)))  # type: ignore[misc]


def _annotations(document: Any) -> Mapping[str, str]:
    found: Mapping[str, str] = ((document or {}).get("metadata") or {}).get("annotations") or {}
    return found


def _turned(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _turned(part) for key, part in reversed(content.items())}
    return [_turned(item) for item in content] if isinstance(content, list) else content
