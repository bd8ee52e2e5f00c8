"""Graphs, tasks, conditions and exit handlers over texts and files, without what only KFP's backend does with them."""

from __future__ import annotations

import json
import re
from typing import Any

from couler_kfp.converting.components import is_python, portable_port
from couler_kfp.converting.types import Types, constant_of, refuse, said_of, text_of
from couler_kfp.structures import write_structure
from couler_kfp.tasks import COMPLETED, SUCCEEDED
from couler_kfp.texts import VALUE
from couler_plugins.engine_kit.legalize.tables import Refusals
from couler_plugins.ir import (
    Argument,
    Axis,
    Expression,
    FirstOf,
    Graph,
    Handler,
    Literal,
    Loop,
    Native,
    Need,
    Needs,
    Operation,
    Output,
    Reference,
    Retry,
    Step,
    Template,
    Value,
    all_of,
    conjuncts,
    needed,
    references,
    replace,
)

__all__ = ["portable_condition", "portable_graph", "with_handlers"]


# Conditions over values that are text: what CEL compares with numbers and truth values is converted first.
#
# Sources: KFP's compiler (`pipeline_spec_builder.py`: what conditions it writes), `backend/src/v2/driver` (they are
# evaluated over typed values).

STRING = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
PLAIN = re.compile(rf"(?:\s|[()!<>=]|&&|\|\||-?\d+(?:\.\d+)?|\b(?:int|double|true|false)\b|{STRING})*\Z")
TRUTH = re.compile(r"\s*(==|!=)\s*(true|false)\b")
TRUE = "['1', 't', 'T', 'true', 'TRUE', 'True']"
CAST = re.compile(r"(?:int|double)\(\Z")


def portable_condition(step: Step, types: Types) -> Expression | None:
    """The condition of a step over texts, in CEL.

    Raises:
        Unsupported: it is more than comparisons of parameters and constants.
    """
    if step.condition is None:
        return None
    assert isinstance(step.condition, Expression)
    pending = list(step.condition.parts)
    pieces: list[str | Reference] = []
    while pending:
        part = pending.pop(0)
        if isinstance(part, str) and PLAIN.match(part):
            pieces.append(part)
        elif not isinstance(part, Reference):
            raise refuse("Step.condition", step.name, "has a condition that is more than comparisons of parameters")
        elif part.to == "unknown":
            pieces.append(_constant(part, step))
        elif (kind := types.of(part) or "STRING") in ("LIST", "STRUCT"):
            raise refuse("Step.condition", step.name, f"compares a {kind}")
        elif kind == "BOOLEAN":
            behind = pending[0] if pending and isinstance(pending[0], str) else ""
            compared = TRUTH.match(behind)
            if compared:
                pending[0] = behind[compared.end() :]
            wanted = not compared or (compared[1] == "==") is (compared[2] == "true")
            pieces += ["(" if wanted else "!(", part, f" in {TRUE})"]
        elif kind != "STRING" and not CAST.search("".join(map(str, pieces[-1:]))):
            pieces += ["double(", part, ")"]
        else:
            pieces.append(part)
    return Expression(language="cel", parts=tuple(pieces))


def _constant(reference: Reference, step: Step) -> str:
    """A constant that a condition reads by the name of the task's input."""
    named = VALUE.match(reference.native or reference.name)
    argument = next((item.value for item in step.arguments if named and item.name == named[2]), None)
    if not isinstance(argument, (Literal, Native)):
        raise refuse("Step.condition", step.name, f"has a condition on {reference.name}, which it is not given")
    constant = constant_of(argument)
    return json.dumps(constant) if isinstance(constant, (str, bool, int, float)) else json.dumps(text_of(constant))


# Tasks that run whatever became of another one, as handlers of that one: its failure then still fails the pipeline.
#
# KFP's own compiler makes exit hooks of them (`argocompiler/dag.go`), so nothing can wait for them there either.

EXIT = "exit"


def with_handlers(graph: Graph) -> Graph:
    """The graph with such tasks as handlers.

    Raises:
        Unsupported: one waits for several tasks, or another one needs it, or it is more than a call.
    """
    last = {step.name: step for step in graph.steps if any(need.outcomes == COMPLETED for need in needed(step.needs))}
    if not last:
        return graph
    _check(graph, last)
    by_upstream: dict[str, Step] = {}
    for step in last.values():
        (need,) = needed(step.needs)
        if need.step in by_upstream:
            raise _refusal(step, f"is the second that runs at the end of {need.step!r}")
        by_upstream[need.step] = step
    kept = tuple(
        replace(step, handlers=(_handler(by_upstream[step.name]),)) if step.name in by_upstream else step
        for step in graph.steps
        if step.name not in last
    )
    return replace(graph, steps=kept)


def _check(graph: Graph, last: dict[str, Step]) -> None:
    looped = {step.name for step in graph.steps if step.loop is not None}
    for step in last.values():
        if any(need.step in looped for need in needed(step.needs)):
            raise _refusal(step, "runs at the end of a loop, and elsewhere it would do so for each item")
        if not isinstance(step.needs, Need) or step.needs.step in last:
            raise _refusal(step, "waits for the end of several tasks")
        if step.condition is not None or step.loop is not None or step.retry is not None:
            raise _refusal(step, "runs at the end of another, and has a condition, a loop or further attempts")
        if any(item.step for item in references(step.arguments)):
            raise _refusal(step, "runs at the end of another, and reads what tasks give")
    for step in graph.steps:
        read = {need.step for need in needed(step.needs)} | {item.step for item in references(step)}
        if common := sorted(read & last.keys()):
            raise _refusal(last[common[0]], f"runs at the end of another, and {step.name!r} needs it")
    if common := sorted({item.step for item in references(graph.outputs)} & last.keys()):
        raise _refusal(last[common[0]], "runs at the end of another, and gives an output")


def _handler(step: Step) -> Handler:
    return Handler(step=replace(step, name=EXIT, needs=None), event="exit")


def _refusal(step: Step, reason: str) -> Exception:
    return refuse("Step.needs", step.name, reason, "let it need the success of the task before it")


DROPPED = frozenset({"cachingOptions", "taskInfo"})
"""What a task says that is about KFP's own pages and cache."""


def portable_graph(graph: Graph, callees: dict[str, Graph | Operation], refusals: Refusals) -> Graph:
    """A graph over texts and files, as far as it can be one.

    Args:
        graph: the graph, as it was lifted.
        callees: what its tasks call, by name.
        refusals: is told what else of it is refused.

    Raises:
        Unsupported: it has something that only KFP does.
    """
    types = Types(graph, callees)
    if graph.native_extra is not None:
        raise refuse("Graph.native_extra", graph.name, f"has {min(write_structure(graph.native_extra))}")
    if not graph.steps:
        raise refuse("Graph.steps", graph.name, "has no tasks, which no other engine takes", "give it one")
    changed = replace(
        graph,
        inputs=refusals.each(lambda port: portable_port(port, graph.name), graph.inputs),
        steps=refusals.each(lambda step: _step(step, types), graph.steps),
        outputs=refusals.each(lambda output: _output(output, graph.name, types), graph.outputs),
    )
    return with_handlers(changed)


def _output(output: Output, holder: str, types: Types) -> Output:
    if said_of(output).get("isArtifactList"):
        raise refuse("Output.kind", holder, f"gives a list of artifacts ({output.name})")
    if output.value is None:
        raise refuse("Output.value", holder, f"declares the output {output.name!r}, and does not give it")
    chosen = output.value.values if isinstance(output.value, FirstOf) else (output.value,)
    for value in chosen:
        if not isinstance(value, Reference):
            raise refuse("Output.value", holder, f"gives {output.name!r} in a way that only KFP knows")
        _check_alone(value, holder, types)
    return Output(name=output.name, kind=output.kind, value=output.value)


def _step(step: Step, types: Types) -> Step:
    if unknown := sorted(said_of(step).keys() - DROPPED):
        raise refuse("Step.native_extra", step.name, f"has {unknown[0]}")
    callee = types.callee(step)
    plain = isinstance(callee, Operation) and not is_python(callee)
    return replace(
        step,
        arguments=tuple(_argument(argument, step.name, types, plain) for argument in step.arguments),
        condition=portable_condition(step, types),
        loop=None if step.loop is None else _loop(step, types),
        needs=_needs(step),
        retry=None if step.retry is None else Retry(limit=step.retry.limit),
        native_extra=None,
    )


def _needs(step: Step) -> Needs | None:
    """What a task waits for; KFP's own compiler adds the tasks that it reads of (`argocompiler/dag.go`)."""
    listed = list(needed(step.needs))
    outcomes = listed[0].outcomes if listed else SUCCEEDED
    names = {need.step for need in listed}
    read = sorted({item.step for item in references(step.arguments) if item.to == "output" and item.step} - names)
    return all_of([*conjuncts(step.needs), *(Need(step=name, outcomes=outcomes) for name in read)])


def _argument(argument: Argument, step: str, types: Types, plain: bool) -> Argument:
    value = argument.value
    if plain and types.absent(value):
        reason = f"passes {argument.name!r} on to a container, which cannot tell that it was not given"
        raise refuse("Step.arguments", step, reason, "give the input of the pipeline a default")
    match value:
        case Reference(to="status"):
            raise refuse("Step.arguments", step, "takes the final status of a task, which only KFP makes")
        case Reference():
            _check_alone(value, step, types)
            return argument
        case Template():
            for reference in references(value):
                _check_alone(reference, step, types)
            return argument
    if any(references(value)):
        raise refuse("Step.arguments", step, f"has references in the structure that it passes as {argument.name!r}")
    try:
        return replace(argument, value=Literal(value=text_of(constant_of(value))))
    except ValueError:
        raise refuse("Step.arguments", step, f"passes {argument.name!r} in a way that only KFP knows") from None


def _check_alone(reference: Reference, step: str, types: Types) -> None:
    """Raises `Unsupported` where what is referred to is known to KFP only, or is collected from a loop."""
    if reference.to in ("unknown", "run"):
        raise refuse("Step.arguments", step, f"reads {reference.native or reference.name}, which only KFP knows")
    if reference.to == "output" and reference.step and types.step(reference.step).loop is not None:
        reason = f"collects what each run of {reference.step!r} gives"
        raise refuse("Step.arguments", step, reason, "let the loop write it somewhere, and read it there")


def _loop(step: Step, types: Types) -> Loop:
    assert step.loop is not None
    (axis,) = step.loop.axes
    values: Value = axis.values
    if any(item.kind == "artifact" for item in references(values)):
        raise refuse("Loop.axes", step.name, "loops over artifacts")
    match values:
        case Reference():
            _check_alone(values, step.name, types)
        case Native() if not any(references(values)):
            for item in values.data:
                _check_item(item, step.name)
            values = Native.of([item if isinstance(item, (str, dict)) else text_of(item) for item in values.data])
        case _:
            raise refuse("Loop.axes", step.name, "loops over a list with references in it")
    return Loop(axes=(Axis(name="item", values=values),), limit=step.loop.limit)


def _check_item(item: Any, step: str) -> None:
    """Raises `Unsupported` where other engines pass a text on with escapes (see `couler_argo.legalize`)."""
    if "\\" in json.dumps(item, ensure_ascii=False):
        hint = "leave quotes, backslashes and newlines out of the items"
        raise refuse("Loop.axes", step, "loops over texts with quotes, backslashes or newlines", hint)
