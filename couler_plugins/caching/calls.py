"""The calls of a workflow as caching changes them: what they are asked for, what they hand over, what they call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_plugins.caching.keys import LINEAGE, lineage_names
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.ir import (
    Argument,
    Call,
    Directive,
    Step,
    Workflow,
    map_steps,
    replace,
    replace_callables,
    with_directive,
)

Place = tuple[str, str]
"""A call: its graph's name (empty for the entry) and its step's."""


def directive_of(verdict: Verdict) -> Directive:
    """The request for the engine: what to cache, for how long, and how many parameters carry the lineage."""
    assert verdict.facts is not None
    options: dict[str, Any] = {"max-age": "" if verdict.max_age is None else f"{verdict.max_age}s"}
    options["spec"] = verdict.facts.spec
    if verdict.lineages:
        options["lineage"] = len(verdict.lineages)
    options.update(verdict.wrapper)
    return Directive(kind="cache", options=tuple(sorted(options.items())))


def is_cache(directive: Directive) -> bool:
    """Whether it is one of ours."""
    return directive.kind == "cache"


def is_private(directive: Directive) -> bool:
    """Whether only calls that hand over a lineage can use what the directive is on."""
    return is_cache(directive) and bool(dict(directive.options).get("lineage"))


def stripped(workflow: Workflow) -> Workflow:
    """Return the workflow without anything that caching adds."""
    cached = {item.name for item in workflow.operations if any(map(is_cache, item.directives))}

    def bare_step(step: Step) -> Step:
        has_directive = any(map(is_cache, step.directives))
        if not has_directive and not (isinstance(step.call, Call) and step.call.name in cached):
            return step  # an owner may have a parameter of that name
        arguments = tuple(argument for argument in step.arguments if not _is_ours(argument))
        directives = tuple(item for item in step.directives if not is_cache(item))
        same = len(arguments) == len(step.arguments) and len(directives) == len(step.directives)
        return step if same else replace(step, arguments=arguments, directives=directives)

    changed = {
        operation.name: replace(
            operation, directives=tuple(item for item in operation.directives if not is_cache(item))
        )
        for operation in workflow.operations
        if operation.name in cached
    }
    bare = map_steps(workflow, bare_step)
    return replace_callables(bare, changed) if changed else bare


def _is_ours(argument: Argument) -> bool:
    return argument.kind == "parameter" and (argument.name == LINEAGE or argument.name.startswith(f"{LINEAGE}-"))


def steps_of(workflow: Workflow) -> dict[Place, Step]:
    """Return the steps of all graphs."""
    return {(graph.name, step.name): step for graph in workflow.graphs for step in graph.steps}


def calls_of(workflow: Workflow) -> dict[Place, Step]:
    """Return the steps of all graphs, and the entry."""
    entry = workflow.entry
    return steps_of(workflow) if entry is None else {**steps_of(workflow), ("", entry.name): entry}


def with_calls(
    workflow: Workflow,
    verdicts: Mapping[Place, Verdict],
    directives: Mapping[Place, Directive],
    calls: Mapping[Place, str],
) -> Workflow:
    """The workflow with the cached calls handing over their lineages.

    Args:
        workflow: the workflow, stripped.
        verdicts: what was found about each call.
        directives: the requests, by call; only calls in `calls` and in here change.
        calls: what some of them are to call instead, whose own directives then hold.
    """

    def changed(place: Place, step: Step) -> Step:
        if place not in directives:
            return step
        values = verdicts[place].lineages
        if values:
            names = lineage_names(len(values))
            added = [Argument(name=name, value=value) for name, value in zip(names, values, strict=True)]
            parameters = [argument for argument in step.arguments if argument.kind == "parameter"]
            artifacts = [argument for argument in step.arguments if argument.kind == "artifact"]
            step = replace(step, arguments=(*parameters, *added, *artifacts))
        if place in calls:
            same = isinstance(step.call, Call) and step.call.name == calls[place]
            return step if same else replace(step, call=Call(name=calls[place]))
        return with_directive(step, directives[place])

    graphs = []
    for graph in workflow.graphs:
        steps = tuple(changed((graph.name, step.name), step) for step in graph.steps)
        same = all(new is old for new, old in zip(steps, graph.steps, strict=True))
        graphs.append(graph if same else replace(graph, steps=steps))
    entry = workflow.entry and changed(("", workflow.entry.name), workflow.entry)
    return replace(workflow, graphs=tuple(graphs), entry=entry)
