"""Parts of Tekton's documents, and texts with variables in them, as the judge reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from adapters.argo.caching.values import digest
from benchmarks.mutations.judging import CannotRun, Key, Value

__all__ = [
    "Scope",
    "actions",
    "body",
    "filled",
    "in_order",
    "key",
    "mounts",
    "named",
    "objects",
    "plain",
    "runs_copies",
    "text_of",
    "unseen",
    "variables",
    "with_actions",
    "workspaces_of",
]

Mapped = Mapping[str, Any]
Scope = dict[str, Value]

NO_MATTER = frozenset({"metadata", "annotations", "called", "description", "displayName", "params", "results"})
SIZES = frozenset({"computeResources", "resources", "timeout", "description"})
VARIABLE = re.compile(r"\$\(([^()\s]*)\)")
NAMES = re.compile(r"""\.?([^.\[\]"']+)|\[["']([^"']+)["']\]""")
WHOLE = re.compile(r"\$\(([^()\s]*)\)\Z")


def objects(document: Any) -> Iterator[Mapped]:
    """Return the objects of Tekton in a document, or in a list."""
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from objects(item)
    elif isinstance(document, dict) and str(document.get("apiVersion", "")).startswith("tekton.dev/"):
        yield document


def named(items: Any) -> list[Mapped]:
    """Return the items of a list that have names."""
    return [item for item in items or () if isinstance(item, dict) and "name" in item]


def text_of(value: Any) -> str:
    """Return a value as it stands in a text."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), sort_keys=True)


def variables(text: str) -> list[str]:
    """Return what a text may read: with dots, and the shorter names that may hold it."""
    found = set()
    for variable in VARIABLE.findall(text.replace('\\"', '"')):
        words = [plain_name or quoted for plain_name, quoted in NAMES.findall(variable)]
        found |= {".".join(words[:count]) for count in range(2, len(words) + 1)}
    return sorted(found)


def filled(content: Any, scope: Scope) -> Value:
    """Return a value with its variables replaced: a text, a list or a mapping."""
    by: set[tuple[str, ...]] = set()

    def one(variable: str) -> Any:
        words = [plain_name or quoted for plain_name, quoted in NAMES.findall(variable)]
        for count in range(len(words), 1, -1):
            value = scope.get(".".join(words[:count]))
            if value is not None:
                by.update(value.by)
                return _picked(value.text, words[count:])
        return None

    def replaced(match: re.Match[str]) -> str:
        value = one(match[1])
        return match[0] if value is None else text_of(value)

    def inside(part: Any) -> Any:
        if isinstance(part, list):
            return [item for one_part in part for item in _spread(inside(one_part), one_part)]
        if isinstance(part, dict):
            return {name: inside(item) for name, item in part.items()}
        if isinstance(part, str):
            whole = WHOLE.match(part)
            value = one(whole[1]) if whole else None
            return VARIABLE.sub(replaced, part) if value is None else value
        return part

    found: Any = inside(content)
    return Value(found, frozenset(by))


def _spread(value: Any, written: Any) -> list[Any]:
    star = isinstance(written, str) and written.endswith("[*])")
    return value if star and isinstance(value, list) else [value]


def _picked(value: Any, words: Sequence[str]) -> Any:
    for word in words:
        if word == "*":
            continue
        if isinstance(value, list) and word.isdigit() and int(word) < len(value):
            value = value[int(word)]
        elif isinstance(value, dict) and word in value:
            value = value[word]
        else:
            value = digest([value, word])[:8]
    return value


def body(task: Mapped) -> Mapped:
    """Return what a task is, without what no result depends on."""
    ports = {
        key: sorted([item["name"], item.get("type", "")] for item in named(task.get(key)))
        for key in ("params", "results")
    }
    return {**plain({name: part for name, part in task.items() if name not in NO_MATTER}), **ports}


def plain(part: Any) -> Any:
    """Return a part without sizes and times."""
    if isinstance(part, list):
        return [plain(item) for item in part]
    return {name: plain(item) for name, item in part.items() if name not in SIZES} if isinstance(part, dict) else part


PINS = {
    "bundles": re.compile(r'"value": "[^"]*@sha256:[0-9a-f]{64}"'),
    "git": re.compile(r'"name": "revision", "value": "[0-9a-f]{40}"'),
    "http": re.compile(r'"name": "digest", "value": "sha[0-9]+:[0-9a-f]+"'),
}


def with_actions(task: Mapped, find: Callable[[str], Mapped | None]) -> Mapped:
    """Return a task whose steps hold the StepActions that they refer to; an unknown one makes it an unknown task."""
    steps: list[Mapped] = []
    unknown: Mapped = {}
    for step in task.get("steps") or ():
        reference = step.get("ref") or {}
        action = find(reference["name"]) if "name" in reference else None
        if action is None:
            unknown = {"unknown": True} if "name" in reference else unknown
            steps.append(step)
            continue
        text = json.dumps({key: part for key, part in action.items() if key not in ("annotations", "called")})
        content = json.loads(text.replace("$(params", "$(given"))  # which are not those of the task
        steps.append({**step, "ref": content, "copy": "couler.io/cached-from" in action["annotations"]})
    return {**task, "steps": steps, **unknown} if steps else task


def actions(task: Mapped) -> str:
    """Return what the StepActions of a task are, in order."""
    return digest([plain(step["ref"]) for step in task.get("steps") or () if "ref" in step])


def runs_copies(task: Mapped) -> bool:
    """Return whether all StepActions of a task that are here are copies, which nobody changes."""
    return all(step.get("copy", True) for step in task.get("steps") or ())


def unseen(task: Mapped) -> list[str]:
    """Return the words that would waive what a StepAction may read that comes through a resolver."""
    references = [step["ref"] for step in task.get("steps") or () if "resolver" in (step.get("ref") or {})]
    loose = [one for one in references if not _is_pinned(one)]
    return ["secret", "configured", *(["resolver"] if loose else [])] if references else []


def _is_pinned(reference: Mapped) -> bool:
    pin = PINS.get(str(reference["resolver"]))
    return pin is not None and pin.search(json.dumps(reference.get("params"))) is not None


def mounts(task: Mapped) -> bool:
    """Return whether a task mounts something that is not empty at first."""
    empty = {item["name"]: "emptyDir" in item for item in named(task.get("volumes"))}
    steps = [{**step, **(step.get("ref") or {})} for step in task.get("steps") or ()]
    holders = [*steps, *(task.get("sidecars") or ()), task.get("stepTemplate") or {}]
    return any(not empty.get(mount.get("name")) for one in holders for mount in one.get("volumeMounts") or ())


def workspaces_of(call: Mapped) -> dict[str, str]:
    """Return what the workspaces of a task are bound to."""
    return {
        item["name"]: f"{item.get('workspace', item['name'])}/{item.get('subPath', '')}"
        for item in named(call.get("workspaces"))
    }


def in_order(tasks: Sequence[Mapped]) -> Iterator[tuple[Mapped, list[str]]]:
    """Return the tasks in an order in which they may run, each with those that it waits for."""
    waiting = {task["name"]: task for task in tasks}
    every, done = set(waiting), set[str]()
    while waiting:
        ready = []
        for task in waiting.values():
            texts = json.dumps([_arguments(task), _read_around(task.get("taskSpec") or {})])
            read = {word.split(".")[1] for word in variables(texts) if word.startswith("tasks.")}
            needs = {*(task.get("runAfter") or ()), *read} & every
            if done >= needs:
                ready.append((task, sorted(needs)))
        if not ready:
            raise CannotRun("its tasks wait for each other")
        yield from ready
        for task, _ in ready:
            done.add(task["name"])
            del waiting[task["name"]]


def _arguments(task: Mapped) -> Any:
    return [task.get(name) for name in ("params", "matrix", "when")]


def _read_around(task: Mapped) -> Any:
    """Return what of an embedded task Tekton looks through for results that it has to wait for."""
    words = ("name", "image", "script", "workingDir", "command", "args", "env")
    return [[step.get(word) for word in words] for key in ("steps", "sidecars") for step in task.get(key) or ()]


def value_for(result: Mapped, shown: str) -> Any:
    """Return a value for a result, of its type."""
    one = digest([shown, result["name"]])
    if result.get("type") == "array":
        return [one[:4], one[4:8]]
    keys = result.get("properties")
    if result.get("type") == "object" or keys:
        return {name: digest([one, name])[:4] for name in keys or ()}
    return one[:6]


def key(task: Mapped, scope: Scope, files: Mapping[str, str]) -> Key | None:
    """Return where the first step of a cached task looks its result up; None for one without."""
    first: Mapped = next(iter(task.get("steps") or ()), {})
    if first.get("name") != "couler-restore" or first.get("command") != ["couler", "cache", "task-restore"]:
        return None
    words = first["args"]
    end = words.index("--")
    said = [
        word
        for word in words[:end]
        if not word.startswith(("--output=", "--timeout=", "--hit=", "--key=", "--max-age="))
    ]
    values = filled(words[end + 1 :], scope).text
    contents = []
    for word in [word for word in said if word.startswith("--file=")]:
        name = word.removeprefix("--file=").partition("=")[0].rstrip("/")
        if name not in files:
            raise CannotRun(f"the file {name} is none that its owner declares")
        contents.append(f"{name}={files[name]}")
    which = [word for word in said if not word.startswith("--file=")]
    return ("wrapper", *which, *contents, "--", *map(text_of, values))


def is_part(one: str, other: str) -> bool:
    """Whether one of two files is the other, or in it."""
    return not one or one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
