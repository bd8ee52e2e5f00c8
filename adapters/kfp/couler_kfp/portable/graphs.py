"""Graphs, tasks, conditions and exit handlers over texts and files, without what only KFP's backend does with them."""

from __future__ import annotations

import json
import re
from typing import Any

from couler_kfp.portable.components import portable_port
from couler_kfp.portable.legality import FACTS, argument_named, runs_last
from couler_kfp.portable.types import Types, constant_of, text_of
from couler_kfp.tasks import SUCCEEDED
from couler_plugins.ir import (
    Argument,
    Axis,
    Expression,
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
    all_of,
    conjuncts,
    map_references,
    needed,
    references,
    replace,
)

# Conditions over values that are text: what CEL compares with numbers and truth values is converted first.
#
# Sources: KFP's compiler (`pipeline_spec_builder.py`: what conditions it writes), `backend/src/v2/driver` (they are
# evaluated over typed values).

TRUTH = re.compile(r"\s*(==|!=)\s*(true|false)\b")
TRUE = "['1', 't', 'T', 'true', 'TRUE', 'True']"
CAST = re.compile(r"(?:int|double)\(\Z")


def _condition(step: Step, types: Types) -> Expression | None:
    """Return the condition of a step over texts, in CEL."""
    if not isinstance(step.condition, Expression):
        return None
    pending = list(step.condition.parts)
    pieces: list[Any] = []
    while pending:
        part = pending.pop(0)
        kind = types.of(part) if isinstance(part, Reference) else ""
        if isinstance(part, Reference) and part.to == "unknown":
            constant = constant_of(argument_named(part, step))
            is_scalar = isinstance(constant, (str, bool, int, float))
            pieces.append(json.dumps(constant if is_scalar else text_of(constant)))
        elif kind == "BOOLEAN":
            behind = pending[0] if pending and isinstance(pending[0], str) else ""
            compared = TRUTH.match(behind)
            if compared:
                pending[0] = behind[compared.end() :]
            wanted = not compared or (compared[1] == "==") is (compared[2] == "true")
            pieces += ["(" if wanted else "!(", part, f" in {TRUE})"]
        elif kind not in ("", "STRING") and not CAST.search("".join(map(str, pieces[-1:]))):
            pieces += ["double(", part, ")"]
        else:
            pieces.append(part)
    return Expression(language="cel", parts=tuple(pieces))


EXIT = "exit"


def portable_graph(graph: Graph, callees: dict[str, Graph | Operation]) -> Graph:
    """Return a graph over texts and files; it breaks no rule.

    Args:
        graph: the graph, as it was lifted.
        callees: what its tasks call, by name.
    """
    types = Types(graph, callees)
    changed = replace(
        graph,
        inputs=tuple(portable_port(port, graph.name) for port in graph.inputs),
        steps=tuple(_step(step, types) for step in graph.steps),
        outputs=tuple(Output(name=output.name, kind=output.kind, value=output.value) for output in graph.outputs),
    )
    return _with_handlers(changed)


def _with_handlers(graph: Graph) -> Graph:
    """Return a graph with tasks that run whatever became of another one as handlers of that one.

    Its failure then still fails the pipeline.
    """
    last = {need.step: step for step in graph.steps if runs_last(step) for need in needed(step.needs)}
    handlers = {
        name: (Handler(step=replace(step, name=EXIT, needs=None), event="exit"),) for name, step in last.items()
    }
    kept = (step for step in graph.steps if not runs_last(step))
    return replace(graph, steps=tuple(replace(step, handlers=handlers.get(step.name, ())) for step in kept))


def _step(step: Step, types: Types) -> Step:
    return replace(
        step,
        arguments=tuple(map(_argument, step.arguments)),
        condition=_condition(step, types),
        loop=None if step.loop is None else Loop(axes=tuple(map(_axis, step.loop.axes)), limit=step.loop.limit),
        needs=_needs(step),
        retry=None if step.retry is None else _retry(step.retry),
        native_extra=None,
    )


def _retry(retry: Retry) -> Retry:
    """How often a task is tried; without a delay there is nothing that could grow."""
    waits = retry.delay not in (None, Literal(value=0))
    factor = None if retry.factor == Literal(value=0) else retry.factor  # KFP's backend takes it for 1
    return Retry(limit=retry.limit, delay=retry.delay, factor=factor) if waits else Retry(limit=retry.limit)


def _needs(step: Step) -> Needs | None:
    """What a task waits for; KFP's own compiler adds the tasks that it reads of (`argocompiler/dag.go`)."""
    listed = list(needed(step.needs))
    outcomes = listed[0].outcomes if listed else SUCCEEDED
    names = {need.step for need in listed}
    read = sorted({item.step for item in references(step.arguments) if item.to == "output" and item.step} - names)
    return all_of([*conjuncts(step.needs), *(Need(step=name, outcomes=outcomes) for name in read)])


def _argument(argument: Argument) -> Argument:
    value = argument.value
    if isinstance(value, Reference) and value.to == "status":
        return replace(argument, value=replace(value, name="status", native=""))
    if isinstance(value, (Reference, Template)):
        return replace(argument, value=map_references(value, _fact))
    if isinstance(value, Native) and any(references(value)):
        return replace(argument, value=_text_with(value))
    return replace(argument, value=Literal(value=text_of(constant_of(value))))


def _fact(reference: Reference) -> Reference:
    """A fact of the run, in words that other engines know."""
    if reference.to != "run" or reference.name not in FACTS:
        return reference
    return Reference(to="run", name="workflow", path=(FACTS[reference.name],))


def _text_with(value: Native) -> Template:
    """Return data, with references in its texts, as one text of JSON."""
    first, *others, last = value.parts
    inner = (*others, str(last).removesuffix("}")) if others else ()
    return Template(parts=tuple(part for part in (str(first).removeprefix('{"constant":'), *inner) if part))


def _axis(axis: Axis) -> Axis:
    values = axis.values
    if isinstance(values, Native):
        values = Native.of([item if isinstance(item, (str, dict)) else text_of(item) for item in values.data])
    return Axis(name="item", values=values)
