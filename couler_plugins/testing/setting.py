"""One field of a workflow set to another value: what has to follow it, and what follows it in any case."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from couler_plugins.ir import (
    Call,
    Callable,
    Graph,
    Needs,
    Node,
    Step,
    Workflow,
    call_sites,
    callables,
    map_needs,
    rebuild,
    remove_callables,
    rename_callable,
    rename_steps,
    replace,
    verify,
)

__all__ = ["set_field", "without_derived"]

OTHERS = frozenset({"engine", "entry", "graphs", "kind", "library", "operations"})
"""Fields of a workflow that hold what is only whole together with the rest of it."""


def set_field(workflow: Workflow, node: Node, name: str, value: Any) -> Workflow | None:
    """Return a workflow with one field of a node set; None where that alone would not be whole.

    Args:
        workflow: the workflow.
        node: a node of it.
        name: the name of the field.
        value: the new value, perhaps of another workflow. Of the steps of a graph it only says which to leave out.

    Raises:
        Unsupported: something reads an old name in a way that cannot be rewritten.
    """
    edited = _set(workflow, node, name, value)
    if edited is None:
        return None
    problems_before = {(problem.subject, problem.message) for problem in verify(workflow)}
    whole = all((problem.subject, problem.message) in problems_before for problem in verify(edited))
    return edited if whole else None


def _set(workflow: Workflow, node: Node, name: str, value: Any) -> Workflow | None:
    match node, name:
        case Workflow(), _ if name in OTHERS:
            return None
        case Callable(), "name" | "inline":
            return None if node.inline or name == "inline" else rename_callable(workflow, node.name, value)
        case Step(), "name":
            graph = next((graph for graph in workflow.graphs if any(step is node for step in graph.steps)), None)
            if graph is None or any(step.name == value for step in graph.steps):
                return None
            return rename_steps(workflow, graph.name, {node.name: value})
        case Step(), "needs" if value is not None:
            return _with_needs(workflow, node, value)
        case Step(), "call" if isinstance(value, Call) and getattr(callables(workflow).get(value.name), "inline", True):
            return None  # it is not there, or written at its own call site
        case Graph(), "steps":
            steps = node.steps[::-1] if len(value) % 2 else node.steps[:-1]
            return _without_uncalled(_replaced(workflow, node, replace(node, steps=steps)), workflow)
    return _without_uncalled(_replaced(workflow, node, replace(node, **{name: value})), workflow)


def _with_needs(workflow: Workflow, step: Step, needs: Needs) -> Workflow | None:
    """Return a workflow in which a step needs others so; they are those before it in its own graph, by turns."""
    graph = next((graph for graph in workflow.graphs if any(item is step for item in graph.steps)), None)
    steps = graph.steps if graph is not None else ()
    before = [item.name for item in steps[: next((at for at, item in enumerate(steps) if item is step), 0)]]
    if not before:
        return None
    turns = itertools.cycle(before)
    renamed: dict[str, str] = {}
    there = map_needs(needs, lambda need: replace(need, step=renamed.setdefault(need.step, next(turns))))
    return _replaced(workflow, step, replace(step, needs=there))


def _replaced(workflow: Workflow, node: Node, new: Node) -> Workflow:
    return rebuild(workflow, lambda item: new if item is node else item)


def _without_uncalled(edited: Workflow, before: Workflow) -> Workflow:
    """Return the edited workflow without what was written inline at a call that is gone."""
    called = [
        {site.step.call.name for site in call_sites(workflow) if isinstance(site.step.call, Call)}
        for workflow in (before, edited)
    ]
    inline = {name for name, item in callables(edited).items() if item.inline}
    return remove_callables(edited, (called[0] - called[1]) & inline)


def without_derived(workflow: Workflow, support: Mapping[str, str]) -> Workflow:
    """Return a workflow without the fields that the table of an adapter calls derived.

    What is written inline is named by its call site: its own name says no more than that.
    """
    by_name = callables(workflow)
    calls = [(site.step.call, site.label) for site in call_sites(workflow)]
    names = {call.name: label for call, label in calls if isinstance(call, Call) and by_name[call.name].inline}

    @cache
    def derived(node_type: type[Node]) -> dict[str, Any]:
        fields = [field for field in msgspec.structs.fields(node_type) if field.name != "name"]
        chosen = [field for field in fields if support.get(f"{node_type.__name__}.{field.name}") == "derived"]
        return {field.name: "" if field.required else field.default for field in chosen}

    def close(node: Node) -> Node:
        new = replace(node, **derived(type(node)))
        if isinstance(new, (Call, Callable)) and new.name in names:
            new = replace(new, name=names[new.name])
        return new

    closed = rebuild(workflow, close)
    ordered = {name: tuple(sorted(getattr(closed, name), key=_name)) for name in ("graphs", "operations")}
    return replace(closed, **ordered)


def _name(item: Callable) -> str:
    return item.name
