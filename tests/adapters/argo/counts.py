"""What an Argo document holds, counted without the adapter, and documents without what generating may spell anew."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Iterator
from typing import Any

from adapters.argo.objects import ROOTS, chains, objects, scopes, spec_of, strings, tags, tasks_of

__all__ = ["counted", "normal"]

ALL_ROOTS = (*ROOTS, "pod", "node", "retries", "lastRetry", "duration", "status", "exitCode", "cronworkflow")


def counted(data: Any) -> tuple[int, int, int]:
    """The numbers of templates, of call sites and of references in a document."""
    templates = sites = references = 0
    for item in objects(data):
        spec = spec_of(item)
        sites += bool(spec.get("entrypoint") or spec.get("workflowTemplateRef"))
        sites += len(spec.get("hooks") or {}) + bool(spec.get("onExit"))
        for scope in scopes(spec):
            templates += 1
            for task in tasks_of(scope.template):
                sites += 1 + len(task.get("hooks") or {}) + bool(task.get("onExit"))
        references += sum(1 for text in strings(item) for _ in tags(text, ALL_ROOTS))
        references += sum(1 for text in _raw_expressions(item) for _ in chains(text, ALL_ROOTS))
    return templates, sites, references


def _raw_expressions(data: Any, above: str = "") -> Iterator[str]:
    """The expressions without braces of hooks, outputs and retries."""
    if isinstance(data, dict):
        for key, content in data.items():
            if key == "fromExpression" or (key == "expression" and above in ("hooks", "valueFrom", "retryStrategy")):
                yield re.sub(r"\{\{.*?\}\}", "", content)  # tags are counted as such
            yield from _raw_expressions(content, above if above == "hooks" and key != "arguments" else key)
    elif isinstance(data, list):
        for content in data:
            yield from _raw_expressions(content, above)


NO_PRESENCE = ("arguments", "continueOn", "dag", "inputs", "metadata", "outputs", "resources", "spec", "valueFrom")
"""Mappings that say nothing by being there."""


def normal(data: Any) -> Any:
    """A document with templates sorted, variables in one spelling, and what a task waits for as a truth table."""
    match data:
        case dict():
            result = {key: normal(content) for key, content in data.items() if key not in ("depends", "dependencies")}
            result = {
                key: content for key, content in result.items() if key not in NO_PRESENCE or content not in ({}, None)
            }
            if isinstance(data.get("backoff"), dict):
                result["backoff"] = {key: _number(content) for key, content in data["backoff"].items()}
            if isinstance(data.get("templates"), list):
                result["templates"] = sorted(result["templates"], key=lambda template: str(template["name"]))
            if isinstance(data.get("tasks"), list):
                tolerant = {task["name"]: task.get("continueOn") or {} for task in data["tasks"]}
                for task, old in zip(result["tasks"], data["tasks"], strict=True):
                    task["waits"] = _truth(old, tolerant)
            return result
        case list():
            return [normal(content) for content in data]
        case str():
            return _one_spelling(data)
    return data


def _number(content: Any) -> Any:
    """What a backoff says, in seconds where it has a unit; as it is where it is no number."""
    match = re.fullmatch(r"(\d+)(ms|s|m|h)?", str(content))
    return content if match is None else int(match[1]) * {"ms": 0.001, "m": 60, "h": 3600}.get(match[2], 1)


def _truth(task: Any, tolerant: dict[str, Any]) -> list[Any]:
    """What a task waits for: the outcomes that it looks at, and each combination of them that lets it start."""
    text = task.get("depends") or " && ".join(task.get("dependencies") or [])
    atoms: dict[str, None] = {}

    def term(match: re.Match[str]) -> str:
        name, _, outcome = match[0].partition(".")
        tolerates = [word for key, word in (("failed", "Failed"), ("error", "Errored")) if tolerant[name].get(key)]
        names = [f"{name}.{o}" for o in ([outcome] if outcome else ["Succeeded", "Skipped", "Daemoned", *tolerates])]
        atoms.update(dict.fromkeys(names))
        return "(" + " or ".join(f"holds[{item!r}]" for item in names) + ")"

    rule = re.sub(r"[A-Za-z0-9_][-\w]*(\.[A-Za-z]+)?", term, text)
    rule = rule.replace("&&", " and ").replace("||", " or ").replace("!", " not ").strip() or "True"
    holds = compile(rule, text, "eval")
    names = sorted(atoms)
    rng = random.Random(0)
    rows: Iterable[tuple[bool, ...]] = itertools.product((False, True), repeat=len(names))
    if len(names) > 10:  # a sample of them, the same for the same names
        rows = [tuple(rng.choice((False, True)) for _ in names) for _ in range(1000)]
    return [names, [row for row in rows if eval(holds, {"holds": dict(zip(names, row, strict=True))})]]


def _one_spelling(text: str) -> str:
    text = re.sub(r"\{\{\s*([^=\s].*?)\s*\}\}", r"{{\1}}", text, flags=re.DOTALL)
    return re.sub(r"\[\s*(['\"])([\w-]+)\1\s*\]", r".\2", text)
