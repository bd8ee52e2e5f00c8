"""Parts of Argo's documents, and texts with tags in them, as the judge reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.argo.caching import values as substitution
from adapters.argo.caching.values import config_map_of, digest, key_of
from benchmarks.mutations.judging import CannotRun, Key, Value
from benchmarks.mutations.places import At, places_in

__all__ = [
    "body",
    "chains",
    "filled",
    "in_order",
    "items_of",
    "key",
    "merged",
    "objects",
    "ports",
    "spec_of",
    "text_of",
]

Mapped = Mapping[str, Any]
Scope = dict[str, Value]

NO_MATTER = frozenset(
    {
        *("name", "metadata", "metrics", "memoize", "synchronization", "parallelism", "failFast", "retryStrategy"),
        *("timeout", "activeDeadlineSeconds", "daemon", "nodeSelector", "affinity", "tolerations", "schedulerName"),
        *("priority", "priorityClassName", "volumes"),
    }
)
"""Of a template: what no result depends on; volumes count where they are mounted."""
OF_PODS = (
    *("podSpecPatch", "artifactRepositoryRef", "securityContext", "hostNetwork", "hostAliases", "dnsPolicy"),
    *("dnsConfig", "automountServiceAccountToken"),
)
"""Of a workflow's spec: what reaches its pods."""
NOT_OF_PORTS = ("value", "default", "artifactGC", "description", "enum")
TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
CHAIN = re.compile(r"\b(?:inputs|workflow|tasks|steps|item|outputs)(?:\.[\w-]+|\[['\"][^'\"]+['\"]\])*")
LINEAGE = re.compile(r"couler-lineage(-\d+)?")
ITEMS = 2
"""How many items a loop has whose list cannot be read."""


def objects(document: Any) -> Iterator[Mapped]:
    """Return the objects of Argo in a document, or in a list."""
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from objects(item)
    elif isinstance(document, dict) and str(document.get("apiVersion", "")).startswith("argoproj.io/"):
        yield document


def spec_of(document: Mapped) -> dict[str, Any]:
    """Return what a document says of a workflow."""
    spec = document.get("spec") or {}
    return dict(spec.get("workflowSpec") or spec)


def ports(holder: Mapped, key: str, kind: str) -> Sequence[Mapped]:
    """Return the parameters or artifacts of inputs, outputs or arguments."""
    return (holder.get(key) or {}).get(kind) or ()


def text_of(value: Any) -> str:
    """Return a value as Argo substitutes it."""
    return value if isinstance(value, str) else json.dumps(value)


def filled(text: str, scope: Scope) -> Value:
    """Return a text with its tags replaced; an expression becomes itself and all that it reads."""
    by: set[tuple[str, ...]] = set()

    def replaced(tag: re.Match[str]) -> str:
        inner = tag[1].strip()
        names = chains(inner) if inner.startswith("=") else [spelled(inner)]
        known = [name for name in names if name in scope]
        for name in known:
            by.update(scope[name].by)
        if inner.startswith("="):
            return "=" + digest([inner, [(name, scope[name].text) for name in known]])[:16]
        return scope[known[0]].text if known else (digest([inner])[:8] if inner.startswith("item.") else tag[0])

    return Value(TAG.sub(replaced, text), frozenset(by))


def spelled(chain: str) -> str:
    """Return a reference with dots in place of brackets."""
    return re.sub(r"\[['\"]([^'\"]+)['\"]\]", r".\1", chain)


def chains(text: str) -> list[str]:
    """Return all that a text may refer to."""
    return sorted({spelled(found) for found in CHAIN.findall(text.replace('\\"', '"'))})


def body(spec: Mapped, template: Mapped) -> Mapped:
    """Return what a template is, and what of the workflow reaches its pod."""
    own = merged(spec.get("templateDefaults") or {}, template)
    inside = {key: _without_resources(part) for key, part in own.items() if key not in NO_MATTER}
    for key in ("inputs", "outputs"):
        inside[key] = {
            kind: sorted(
                ({name: part for name, part in port.items() if name not in NOT_OF_PORTS} for port in list_),
                key=lambda port: str(port.get("name")),
            )
            for kind, list_ in (own.get(key) or {}).items()
            if isinstance(list_, list)
        }
    return {"template": inside, "around": {key: spec[key] for key in OF_PODS if key in spec}}


def merged(defaults: Mapped, own: Mapped) -> dict[str, Any]:
    """Return a mapping over its defaults."""
    both = {key: merged(defaults[key], own[key]) for key in own if _mappings(defaults.get(key), own[key])}
    return {**defaults, **own, **both}


def _mappings(*parts: Any) -> bool:
    return all(isinstance(part, dict) for part in parts)


def _without_resources(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_resources(item) for item in part]
    return {key: item for key, item in part.items() if key != "resources"} if isinstance(part, dict) else part


def in_order(template: Mapped) -> Iterator[tuple[Mapped, list[str]]]:
    """Return the steps of a graph in an order in which they may run, each with those that it waits for."""
    if "steps" in template:
        before: list[str] = []
        for one in template["steps"]:
            stage = [one] if isinstance(one, dict) else one
            for step in stage:
                yield step, before
            before = [step["name"] for step in stage] or before
        return
    waiting = {task["name"]: task for task in template["dag"]["tasks"]}
    every, done = set(waiting), set[str]()
    while waiting:
        ready = []
        for name, task in waiting.items():
            words = re.findall(r"[\w-]+(?:\.\w+)?", str(task.get("depends", "")))
            needs = [*(word.partition(".")[0] for word in words), *(task.get("dependencies") or ())]
            if not every.issuperset(needs):
                raise CannotRun(f"{name} waits for nothing that there is")
            if done.issuperset(needs):
                ready.append((task, list(dict.fromkeys(needs))))
        if not ready:
            raise CannotRun("its tasks wait for each other")
        yield from ready
        for task, _ in ready:
            done.add(task["name"])
            del waiting[task["name"]]


def items_of(step: Mapped, scope: Scope) -> list[Any] | None:
    """Return the items that a step loops over; None where it does not loop."""
    if "withItems" in step:
        return [json.loads(filled(json.dumps(item), scope).text) for item in step["withItems"]]
    for key in ("withParam", "withSequence"):
        if key in step:
            text = filled(text_of(step[key]), scope).text
            try:
                found = json.loads(text)
            except ValueError:
                found = None
            if isinstance(found, list):
                return found
            return [digest([text, number])[:6] for number in range(ITEMS)]
    return None


def places(template: Mapped, values: Scope) -> list[At]:
    """Return the places that a wrapper looks at."""
    first = [one for one in template.get("initContainers") or () if one.get("name") == "couler-restore"]
    texts = {name: value.text for name, value in values.items()}
    return [at for container in first for at in places_in(container["args"], texts)]


def key(template: Mapped, values: Scope, scope: Scope, contents: Mapping[str, str]) -> Key | None:
    """Return where a controller, or a wrapper in the pod, looks a result up; None where neither does."""
    texts = {name: value.text for name, value in values.items()}
    whole = {name: substitution.Value(value.text) for name, value in scope.items()}
    try:
        if "memoize" in template and (made := key_of(template, texts, whole)) is not None:
            name = template["memoize"]["cache"]["configMap"]["name"]
            shared = "{{" in name
            return ("memo", config_map_of(template, texts, whole) if shared else name, made)
        for container in template.get("initContainers") or ():
            if container.get("name") == "couler-restore":
                said = dict(
                    word[2:].split("=", 1) for word in container["args"] if word.startswith("--") and "=" in word
                )
                memo = {"key": said["key"], "cache": {"configMap": {"name": "couler-cache"}}}
                made = key_of({"memoize": memo}, texts, whole)
                read = [word[2:].split("=", 2)[1] for word in container["args"] if word.startswith("--input=")]
                covered = [f"{name}: {contents[name]}" for name in read if "key-folder" in said]
                return ("wrapper", said["store"], said["namespace"], str(made), *covered)
    except (KeyError, AssertionError) as error:
        raise CannotRun(f"the key cannot be read: {error}") from error
    return None
