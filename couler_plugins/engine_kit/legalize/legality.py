"""Legality: a table of what an engine cannot say of a workflow, checked before anything is written for it.

The table has rules by the type of the node that they are about. All nodes that a run reaches are looked at, and one
error tells all reasons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import msgspec

from couler_plugins.errors import Unsupported
from couler_plugins.ir import Call, Graph, Node, Operation, Workflow, callables, recursive

SHOWN = 20
"""Reasons that an error shows."""
FIELD = re.compile(r"[\w./-]+")
"""The name of a field, with those of what it is in before it."""


@dataclass(frozen=True)
class Site:
    """A node that a run reaches.

    Attributes:
        node: the node.
        subject: what is named where it is refused: its step, graph or operation.
        workflow: the workflow.
        callee: what is called there, or what it is in; None where that is not in the workflow.
        is_entry: whether the run itself calls it.
        into_recursion: whether it is a call, from outside, of a graph that calls itself.
    """

    node: Any
    subject: str
    workflow: Workflow
    callee: Graph | Operation | None = None
    is_entry: bool = False
    into_recursion: bool = False


def sites(workflow: Workflow) -> Iterator[Site]:
    """Yield the nodes that a run reaches: calls with what they pass, then what they call, each callable once."""
    by_name, circular, seen = callables(workflow), recursive(workflow), set[str]()
    yield Site(workflow, "", workflow)
    calls = [(handler.step, "") for handler in reversed(workflow.handlers)]
    calls += [(workflow.entry, "")] if workflow.entry is not None else []
    while calls:
        step, caller = calls.pop()
        callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
        recursion = callee is not None and callee.name in circular and caller not in circular
        call = Site(step, step.name or "exit", workflow, callee, step is workflow.entry, recursion)
        yield from (replace(call, node=node) for node in (step, *filter(None, [step.loop]), *step.arguments))
        if callee is None or callee.name in seen:
            continue
        seen.add(callee.name)
        yield from (replace(call, node=port) for port in callee.inputs)
        own = Site(callee, callee.name, workflow, callee, call.is_entry)
        containers = callee.containers if isinstance(callee, Operation) else ()
        yield from (replace(own, node=node) for node in (callee, *callee.outputs, *containers))
        if isinstance(callee, Graph):
            calls += [(inner, callee.name) for inner in reversed(callee.steps)]


class Rule(NamedTuple):
    """One thing that an engine cannot say.

    Attributes:
        feature: the IR's name for it.
        reason: what about it, as the rest of a sentence about the subject; `{}` stands for the fault, and
            `{site.node.name}` for a field of the node.
        fault: what is wrong at a site, false where nothing is; unless given, the field of that name where it is set.
        hint: the way out; the usual one for the feature unless given.
    """

    feature: str
    reason: str
    fault: Callable[[Any], object] | None = None
    hint: str = ""


@dataclass(frozen=True)
class Legality:
    """What an engine can say of workflows.

    Attributes:
        engine: the engine.
        rules: what it cannot say, by the type of the node.
        hints: the usual way out, by feature.
        usual: the way out for all other features.
    """

    engine: str
    rules: Mapping[type[Node], Sequence[Rule]]
    hints: Mapping[str, str]
    usual: str

    def refusal(self, feature: str, subject: str, reason: str, hint: str = "", fault: object = None) -> Unsupported:
        """Return the error for something that the engine cannot say.

        Args:
            feature: the IR's name for it.
            subject: the step, graph or operation that has it; empty for the workflow.
            reason: what about it, as the rest of a sentence about the subject.
            hint: the way out; the usual one for the feature unless given.
            fault: what is wrong; of a structure of the engine's own, the names of the fields, with commas between.
        """
        message = f"{subject!r} {reason}" if subject else f"it {reason}"
        hint = hint or self.hints.get(feature, self.usual)
        names = fault.split(", ") if isinstance(fault, str) and feature.endswith("native_extra") else []
        fields = tuple(names) if all(map(FIELD.fullmatch, names)) else ()
        return Unsupported(message, engine=self.engine, step=subject or None, feature=feature, hint=hint, fields=fields)

    def refusals(self, workflow: Workflow) -> Iterator[Unsupported]:
        """Yield an error for each thing in a workflow that the table has a rule about."""
        for site in sites(workflow):
            yield from self.judge(site, self.rules.get(type(site.node), ()), site.subject)

    def judge(self, site: Any, rules: Iterable[Rule], subject: str) -> Iterator[Unsupported]:
        """Yield an error for each of these rules that a site breaks; it may be an object of an engine's own."""
        for rule in rules:
            fault = rule.fault(site) if rule.fault is not None else differs(site.node, rule.feature)
            if fault:
                yield self.refusal(rule.feature, subject, rule.reason.format(fault, site=site), rule.hint, fault)


def differs(node: Node, feature: str) -> bool:
    """Return whether a field, named by its feature (`Step.role`), is not what it is by default."""
    name = feature.partition(".")[2]
    return bool(getattr(node, name) != _defaults(type(node))[name])


@cache
def _defaults(node_type: type[Node]) -> Mapping[str, Any]:
    return {field.name: field.default for field in msgspec.structs.fields(node_type)}


def merge(refusals: Iterable[Unsupported]) -> Unsupported:
    """Return one error that tells all of these, about the first one's feature; each way out is told once."""
    lines: list[str] = []
    hints: set[str | None] = set()
    parts = (part for error in refusals for part in error.parts or (error,))
    unique = list({error.message: error for error in parts}.values())
    if len(unique) == 1:
        return unique[0]
    for number, error in enumerate(unique):
        lines.append(error.message if not number or error.hint in hints else f"{error.message} ({error.hint})")
        hints.add(error.hint)
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    first = unique[0]
    place = {name: getattr(first, name) for name in ("file", "line", "path", "engine", "step", "feature", "hint")}
    return Unsupported("\n  ".join([*lines[:SHOWN], *more]), fields=first.fields, parts=tuple(unique), **place)


def raise_all(refusals: Iterable[Unsupported]) -> None:
    """Raise one error that tells all of these; nothing where there are none."""
    if errors := list(refusals):
        raise merge(errors)
