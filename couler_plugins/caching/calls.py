"""The calls of a workflow as caching changes them: what they are asked for, what they hand over, what they call.

A salt is what a step is given so that an engine's own fingerprint covers what it leaves out.
Each cached step takes a text that it never reads: a hash of what its operation is, of what runs before it without its
arguments telling of that, and of the period of time that its result is good for. Where a part of that is only known
at run time, it takes these values as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from couler_plugins.caching.keys import LINEAGE, SALT, digest, lineage_names
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.ir import (
    Argument,
    Call,
    Directive,
    Literal,
    Operation,
    Port,
    Reference,
    Step,
    Value,
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


T = TypeVar("T", Argument, Port)


def salt_of(verdict: Verdict, period: int | None) -> tuple[Value, ...]:
    """The salt of a step, and the run-time values beside it.

    Args:
        verdict: what was found about it.
        period: the number of the period that its result is good for; None where that is for ever.
    """
    assert verdict.facts is not None
    lineages = [value.value if isinstance(value, Literal) else "" for value in verdict.lineages[:1]]
    return (Literal(value=digest(["salt", verdict.facts.spec, lineages, period])), *verdict.lineages[1:])


def passable(verdict: Verdict) -> bool:
    """Whether all run-time values of a salt can be handed over as texts."""
    return all(isinstance(value, Reference) and value.kind != "artifact" for value in verdict.lineages[1:])


def result_key(graph: str, step: Step, verdict: Verdict, keys: Mapping[Place, str]) -> str | None:
    """Return the key of what a step makes; None where only a run knows it, or where it may run not once."""
    if step.loop is not None or step.condition is not None or verdict.objection is not None or verdict.lineage is None:
        return None
    values = []
    for leaf in verdict.lineage.leaves:
        key = keys.get((graph, leaf.step)) if leaf.to == "output" else None
        if key is None:
            return None
        values.append([leaf.kind, leaf.name, *leaf.path, key])
    return digest(["result", verdict.lineage.digest, values])


def salts_of(step: Step) -> dict[str, Value]:
    """What carries the salt of a step now, by input."""
    return {item.name: item.value for item in step.arguments if _is_salt(item)}


def salted(
    workflow: Workflow, salts: Mapping[Place, tuple[Value, ...]], input_for_salt: Callable[[str], Port]
) -> Workflow:
    """The workflow with steps given their salts, and with inputs for these.

    Args:
        workflow: the workflow, without any salt.
        salts: those of the steps that get one.
        input_for_salt: makes the input of that name.
    """
    needed: dict[str, int] = {}
    graphs = []
    for graph in workflow.graphs:
        steps = []
        for step in graph.steps:
            values = salts.get((graph.name, step.name))
            if values is None:
                steps.append(step)
                continue
            assert isinstance(step.call, Call)
            needed[step.call.name] = max(needed.get(step.call.name, 0), len(values))
            added = (Argument(name=name, value=value) for name, value in zip(_names(len(values)), values, strict=True))
            steps.append(replace(step, arguments=_parameters_first((*step.arguments, *added))))
        graphs.append(replace(graph, steps=tuple(steps)))
    operations = {item.name: item for item in workflow.operations}
    changed: dict[str, Operation] = {}
    for name, count in needed.items():
        inputs = (*operations[name].inputs, *map(input_for_salt, _names(count)))
        changed[name] = replace(operations[name], inputs=_parameters_first(inputs))
    return replace_callables(replace(workflow, graphs=tuple(graphs)), changed)


def unsalted(workflow: Workflow) -> Workflow:
    """The workflow without any salt; the same object where there is none."""

    def bare(step: Step) -> Step:
        kept = tuple(item for item in step.arguments if not _is_salt(item))
        return step if len(kept) == len(step.arguments) else replace(step, arguments=kept)

    changed = {
        item.name: replace(item, inputs=tuple(port for port in item.inputs if not _is_salt(port)))
        for item in workflow.operations
        if any(map(_is_salt, item.inputs))
    }
    workflow = map_steps(workflow, bare)
    return replace_callables(workflow, changed) if changed else workflow


def _names(count: int) -> list[str]:
    return [SALT if number == 0 else f"{SALT}-{number}" for number in range(count)]


def _is_salt(item: Argument | Port) -> bool:
    return item.kind == "parameter" and (item.name == SALT or item.name.startswith(f"{SALT}-"))


def _parameters_first(items: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(sorted(items, key=lambda item: item.kind == "artifact"))
