"""What Argo manifests consist of, found in raw data: no adapter code here, so that the judges can use it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

__all__ = [
    "KINDS",
    "ROOTS",
    "Scope",
    "Tag",
    "called",
    "chain_spans",
    "chains",
    "objects",
    "referred",
    "scopes",
    "spec_of",
    "strings",
    "tags",
    "tasks_of",
]

Mapping = dict[str, Any]
ROOTS = ("tasks", "steps", "inputs", "outputs", "workflow", "item")
"""What the names of the variables that concern us begin with."""

KINDS = {"Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"}


def objects(data: Any) -> Iterator[Mapping]:
    """The Argo workflows of a document, also those in a `kind: List`."""
    if not isinstance(data, dict):
        return
    if data.get("kind") == "List":
        for item in data.get("items") or []:
            yield from objects(item)
    elif data.get("kind") in KINDS and str(data.get("apiVersion", "")).startswith("argoproj.io/"):
        yield data


def spec_of(item: Mapping) -> Mapping:
    """The workflow's spec of an object."""
    spec: Mapping = item["spec"]["workflowSpec"] if item["kind"] == "CronWorkflow" else item["spec"]
    return spec


class Scope(NamedTuple):
    """One template.

    Attributes:
        template: its mapping.
        path: of names, from the workflow down; inline templates have the path of their step.
        outer: the template whose step it is written in, for an inline one.
    """

    template: Mapping
    path: tuple[str, ...]
    outer: Scope | None = None


def scopes(spec: Mapping) -> Iterator[Scope]:
    """Every template of a workflow, inline ones behind the one that they are in."""
    pending = [Scope(template, (str(template.get("name")),)) for template in spec.get("templates") or []]
    while pending:
        scope = pending.pop(0)
        yield scope
        inner = [
            Scope(task["inline"], (*scope.path, task["name"]), scope)
            for task in tasks_of(scope.template)
            if isinstance(task.get("inline"), dict)
        ]
        pending[:0] = inner


def tasks_of(template: Mapping) -> list[Mapping]:
    """The call sites of a dag or of steps, in order."""
    if isinstance(template.get("dag"), dict):
        return list(template["dag"].get("tasks") or [])
    return [step for group in template.get("steps") or [] for step in group]


def called(site: Mapping, spec: Mapping, others: Sequence[Mapping] = ()) -> Mapping | None:
    """The template that a call site calls; None where it lies outside of what is given (or nowhere).

    Args:
        site: a task, step or hook.
        spec: the workflow that it belongs to.
        others: all objects of the bundle.
    """
    if isinstance(site.get("inline"), dict):
        inline: Mapping = site["inline"]
        return inline
    reference = site.get("templateRef")
    if isinstance(reference, dict):
        other = referred(site, others)
        return _named(spec_of(other), reference.get("template")) if other else None
    return _named(spec, site.get("template"))


def referred(site: Mapping, others: Sequence[Mapping]) -> Mapping | None:
    """The object that the `templateRef` of a call site names; None where it has none, or that is not given."""
    reference = site.get("templateRef") or {}
    kind = "ClusterWorkflowTemplate" if reference.get("clusterScope") else "WorkflowTemplate"
    named = (item for item in others if (item["kind"], item["metadata"].get("name")) == (kind, reference.get("name")))
    return next(named, None) if reference else None


def _named(spec: Mapping, name: Any) -> Mapping | None:
    found = [template for template in spec.get("templates") or [] if template.get("name") == name]
    return found[0] if found else None


def strings(data: Any) -> Iterator[str]:
    """All strings in JSON-like data, keys included."""
    pending = [data]
    while pending:
        current = pending.pop()
        if isinstance(current, str):
            yield current
        elif isinstance(current, dict):
            pending.extend(current.values())
            pending.extend(current.keys())
        elif isinstance(current, list):
            pending.extend(current)


class Tag(NamedTuple):
    """A variable that a string reads: its dotted name taken apart, and whether it stands in an expression."""

    segments: tuple[str, ...]
    in_expression: bool


def tags(text: str, roots: Collection[str] = ROOTS) -> Iterator[Tag]:
    """The variables in the `{{…}}` of a string."""
    for inner in re.findall(r"\{\{(.*?)\}\}", text, re.DOTALL):
        if inner.startswith("="):
            yield from (Tag(chain, True) for chain in chains(inner[1:], roots))
        else:
            yield Tag(tuple(inner.strip().split(".")), False)


def chains(expression: str, roots: Collection[str] = ROOTS) -> Iterator[tuple[str, ...]]:
    """The variables that an expression reads, each as its segments."""
    return (segments for segments, _, _ in chain_spans(expression, roots))


def chain_spans(expression: str, roots: Collection[str] = ROOTS) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """As `chains`, each with where it begins and ends; written as a loop over characters on purpose."""
    at, size = 0, len(expression)
    while at < size:
        start, character = at, expression[at]
        if character in "'\"`":
            at = _string_end(expression, at)
        elif character.isalpha() or character in "_$":
            at = _word_end(expression, at)
            word = expression[start:at]
            if expression[:start].rstrip().endswith(".") or word not in roots:
                continue
            segments = [word]
            while (member := _member(expression, at)) is not None:
                segments.append(member[0])
                at = member[1]
            yield tuple(segments), start, at
        elif character.isdigit():
            at = _word_end(expression, at)
        else:
            at += 1


def _word_end(text: str, at: int) -> int:
    while at < len(text) and (text[at].isalnum() or text[at] in "_$"):
        at += 1
    return at


def _string_end(text: str, at: int) -> int:
    quote, at = text[at], at + 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" and quote != "`" else 1
    return at + 1


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _member(text: str, at: int) -> tuple[str, int] | None:
    """The member access at a place (`.name`, `?.name`, `['name']`), and where it ends."""
    at = _skip(text, at)
    dotted = text.startswith((".", "?."), at)
    if dotted:
        at = _skip(text, at + (1 if text[at] == "." else 2))
        end = _word_end(text, at)
        if end > at and not text[at].isdigit():
            return text[at:end], end
    if not text.startswith("[", at):
        return None
    at = _skip(text, at + 1)
    if at >= len(text) or text[at] not in "'\"":
        return None
    end = _string_end(text, at)
    close = _skip(text, end)
    if not text.startswith("]", close):
        return None
    literal = text[at:end]
    return (str(json.loads(literal)) if literal[0] == '"' else literal[1:-1]), close + 1
