"""Trials as Tekton runs them: a matrix over a copy of the task, and a task that picks the best of them.

What a matrix hands on is sorted by the names of its TaskRuns, and leaves out those that left nothing; where the very
first of them left nothing, the run fails (`createResultsCacheMatrixedTaskRuns`, `CheckMissingResultReferences` in
`pkg/reconciler/pipelinerun/resources`). So the copy has two steps more: the first leaves the number of the setting,
and the last one adds the metric. What a step has left is there although a later one fails (`docs/pipelines.md`,
`onError`). Parameters of the run are filled in in `include` (`ApplyParameters` in `apply.go` there).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.tuning import FanOut, Trials
from couler_plugins.hpo.files import ANNOTATION
from couler_plugins.hpo.workflows.programs import environment, selecting
from couler_plugins.hpo.workflows.values import with_arguments
from couler_plugins.ir import (
    Argument,
    Call,
    Container,
    EnvVar,
    Literal,
    Loop,
    Native,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Value,
    replace,
)
from couler_tekton.cache.declared import entries, mapping_at, rest_of
from couler_tekton.lint.matrices import MOST
from couler_tekton.mappings import without
from couler_tekton.variables import Scope

__all__ = ["fanned_out"]

GIVEN = "given-{}"
"""What the picker calls what a run was given for a hyperparameter."""
NUMBER, TRIAL = "couler-number", "couler-trial"
MOST_BYTES = 3_000
"""Of the results of a task, which share 4,096 bytes with what Tekton writes there itself (`docs/tasks.md`)."""
OURS = "couler.io/"
BEGIN = '#!/bin/sh\nprintf \'%s \' "$1" > "$2"\n'
END = """#!/usr/bin/env python3
import sys
from pathlib import Path

number, trial, metric = sys.argv[1], *map(Path, sys.argv[2:])
lines = metric.read_bytes().splitlines() if metric.exists() else []
last = next((line for line in reversed(lines) if line.strip()), b"")
trial.write_bytes(number.encode() + b" " + last[:500])
"""
READING = '[tuple(given.split(" ", 1)) for given in sys.argv[1:]]'


def fanned_out(trials: Trials, annotations: Mapping[str, str]) -> FanOut:
    """The trials of a task.

    Args:
        trials: what is asked for.
        annotations: those of what the task runs.

    Raises:
        Unsupported: Tekton would not run each of them by itself, or what comes after the task would notice.
    """
    for reason, hint in _objections(trials):
        raise Unsupported(reason, feature="tune{trials}", hint=hint)
    step = trials.step
    copy, best = _copy(trials, annotations), _best(trials)
    chosen = {name: Reference(to="output", kind="parameter", step=trials.best, name=name) for name in trials.names}
    measured = Reference(to="output", kind="parameter", step=trials.trials, name=TRIAL, path=("*",))
    arguments = (
        Argument(name="trials", value=measured),
        *(Argument(name=GIVEN.format(name), value=item) for name, item in trials.parameters.items()),
    )
    return FanOut(
        trials=Step(
            name=trials.trials,
            call=Call(name=copy.name),
            arguments=_item_arguments(trials),
            needs=step.needs,
            loop=Loop(combine="product", includes=tuple(_includes(trials))),
            tolerates=("failed",),
            timeout=step.timeout,
            native_extra=Scope().rest(without(rest_of(step), "taskRef")),
        ),
        best=Step(name=trials.best, call=Call(name=best.name), arguments=arguments),
        step=with_arguments(step, chosen),
        added=(copy, best),
        note=_note(trials),
    )


def _objections(trials: Trials) -> Iterator[tuple[str, str]]:
    if trials.step.condition is not None:
        hint = "put the condition into the program, or tune without trials"
        yield "it has a `when`, and what comes after it would be left out with it where that does not hold", hint
    if trials.parallel:
        yield "Tekton starts all runs of a matrix at once", "leave parallel out; a ResourceQuota may bound the pods"
    if len(trials.settings) > MOST:
        yield f"{len(trials.settings)} trials are more than the {MOST} that a matrix may have", "ask for fewer"
    longest = max(sum(len(name) + len(str(literal.value).encode()) for name, literal in one) for one in trials.settings)
    if longest > MOST_BYTES:
        yield f"a setting takes {longest:,} bytes, and a task hands on at most {MOST_BYTES:,}", "use shorter choices"
    if "apiVersion" in rest_of(trials.workflow):
        yield "it is written for an older API version", "write it for tekton.dev/v1"


def _note(trials: Trials) -> str:
    said = []
    names = [str(item.get("name")) for item in entries(rest_of(trials.callee), "workspaces")]
    if names:
        said.append(f"the trials share its workspaces ({', '.join(names)})")
    if trials.step.retry is not None:
        said.append("a trial that fails is not tried again, since its failure is tolerated")
    return "; ".join(said)


def _item_arguments(trials: Trials) -> tuple[Argument, ...]:
    """The parameters that the matrix fills, then what else the task is given."""
    names = (*trials.names, NUMBER)
    items = tuple(Argument(name=name, value=Reference(to="item", kind="parameter", name=name)) for name in names)
    return (*items, *(item for item in trials.step.arguments if item.name not in names))


def _includes(trials: Trials) -> Iterator[Native]:
    for number, setting in enumerate(trials.settings):
        values = {name: literal.value for name, literal in setting}
        if number == 0:
            values |= {name: f"$(params.{item.name})" for name, item in trials.parameters.items()}
        params = [{"name": name, "value": value} for name, value in (values | {NUMBER: str(number)}).items()]
        include = Scope().rest({"name": f"setting-{number}", "params": params})
        assert include is not None
        yield include


def _copy(trials: Trials, annotations: Mapping[str, str]) -> Operation:
    """What the task runs, with a result that says which trial it is and what that has measured."""
    callee = trials.callee
    number = _parameter(NUMBER)
    place, metric = (_text(f"$(results.{name}.path)") for name in (TRIAL, trials.output))
    ours = {key: text for key, text in annotations.items() if key.startswith(OURS) and key != ANNOTATION}
    rest = without(rest_of(callee), "metadata")
    metadata = mapping_at(rest_of(callee), "metadata")
    others = {key: text for key, text in mapping_at(metadata, "annotations").items() if not key.startswith(OURS)}
    metadata = {**without(metadata, "annotations"), **({"annotations": others | ours} if others or ours else {})}
    mains = [container for container in callee.containers if container.role == "main"]
    beside = [container for container in callee.containers if container.role != "main"]
    return Operation(
        name=f"{trials.graph.name}/{trials.trials}",
        kind=callee.kind,
        inputs=(*(replace(port, optional=True) for port in callee.inputs), Port(name=NUMBER, optional=True)),
        outputs=(*callee.outputs, Output(name=TRIAL)),
        containers=(
            _script(trials, "couler-begin", BEGIN, number, place),
            *mains,
            _script(trials, "couler-end", END, number, place, metric),
            *beside,
        ),
        inline=True,
        native_extra=Scope().rest({**rest, **({"metadata": metadata} if metadata else {})}),
    )


def _script(trials: Trials, name: str, script: str, *args: Value) -> Container:
    return Container(name=name, image=Literal(value=trials.image), script=Literal(value=script), args=args)


def _best(trials: Trials) -> Operation:
    places = {name: f"$(results.{name}.path)" for name in trials.names}
    text = f"#!/usr/bin/env python3\n{selecting(places, READING)}"
    variables: dict[str, Value] = {key: Literal(value=value) for key, value in environment(trials).items()}
    variables |= {f"COULER_GIVEN_{name}": _parameter(GIVEN.format(name)) for name in trials.parameters}
    return Operation(
        name=f"{trials.graph.name}/{trials.best}",
        kind="container",
        inputs=(
            Port(name="trials", optional=True, native_extra=Native.of({"type": "array"})),
            *(Port(name=GIVEN.format(name), optional=True) for name in trials.parameters),
        ),
        outputs=tuple(Output(name=name) for name in trials.names),
        containers=(
            Container(
                name="best",
                image=Literal(value=trials.image),
                script=_text(text),
                args=(Reference(to="input", kind="parameter", name="trials", path=("*",)),),
                env=tuple(EnvVar(name=key, value=value) for key, value in variables.items()),
            ),
        ),
        inline=True,
    )


def _parameter(name: str) -> Reference:
    return Reference(to="input", kind="parameter", name=name)


def _text(text: Any) -> Value:
    return Scope().value(text)
