"""What Tekton knows of tasks that may be tuned, and trials as it runs them; the facet for the optimizer `tune`.

The annotations:

- `couler.io/tune`, on a Task or in a `taskSpec.metadata`: what to tune of the tasks of pipelines that run it; for one
  task, on its Pipeline or run: `couler.io/tune.TASK`
- `couler.io/tuned`, on a Pipeline or run: what tuning has done to it

Trials are a matrix over a copy of the task, and a task that picks the best of them.
What a matrix hands on is sorted by the names of its TaskRuns, and leaves out those that left nothing; where the very
first of them left nothing, the run fails (`createResultsCacheMatrixedTaskRuns`, `CheckMissingResultReferences` in
`pkg/reconciler/pipelinerun/resources`). So the copy has two steps more: the first leaves the number of the setting,
and the last one adds the metric. What a step has left is there although a later one fails (`docs/pipelines.md`,
`onError`). Parameters of the run are filled in in `include` (`ApplyParameters` in `apply.go` there).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from couler_plugins.caching.calls import steps_of
from couler_plugins.documents.mappings import without
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.parameters import Value as Setting
from couler_plugins.hookspecs.tuning import FanOut, Trials
from couler_plugins.hpo.files import ANNOTATION
from couler_plugins.hpo.workflows.notes import TUNED, DocumentTuning, requests_in
from couler_plugins.hpo.workflows.programs import given_arguments, given_ports, selecting, variables
from couler_plugins.hpo.workflows.values import as_text, with_arguments
from couler_plugins.ir import (
    Argument,
    Call,
    Container,
    External,
    Literal,
    Loop,
    Native,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Value,
    Workflow,
    replace,
)
from couler_plugins.plan import Plan
from couler_tekton.cache.declared import annotations_of, entries, mapping_at, rest_of, with_annotations
from couler_tekton.cache.wrapping import has_steps
from couler_tekton.lint.passing import MOST
from couler_tekton.split.resolved_pipeline import ROOT, whole_of
from couler_tekton.variables import Scope

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


class TektonTuning(DocumentTuning):
    """The facet for one object."""

    def __init__(self, workflow: Workflow, plan: Plan) -> None:
        super().__init__(workflow, plan)
        self._annotations = annotations_of(workflow)
        self.part_of = whole_of(workflow)
        self.tuned = self._annotations.get(TUNED, "")

    @property
    def cached(self) -> bool:
        """Whether a task, embedded or referred to, looks a result up."""
        tasks = map(self._task, steps_of(self._workflow).values())
        holders = [self._workflow, *filter(None, tasks)]
        return any(has_steps(task) for holder in holders for task in holder.operations)

    def _task(self, step: Step) -> Workflow | None:
        """The Task that a step refers to; None where it is not known."""
        call = step.call
        tasks = self._libraries.candidates(self._workflow, call) if isinstance(call, External) else ()
        return tasks[0] if len(tasks) == 1 and tasks[0].kind == "Task" else None

    def requests(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        """What annotations say of tasks, and of the Tasks that these run."""
        steps = steps_of(self._workflow)
        if self._workflow.kind == "TaskRun" and self._workflow.entry is not None:
            steps["", self._workflow.entry.name] = self._workflow.entry
        return requests_in(self._annotations, steps, self._said_of_callee, ROOT)

    def _said_of_callee(self, step: Step) -> tuple[str, str] | None:
        callee, task = self._libraries.callee(self._workflow, step), self._task(step)
        if isinstance(callee, Operation) and ANNOTATION in (said := annotations_of(task or callee)):
            what = f"the Task {task.name!r}" if task else f"the task {step.name!r}"
            return f"the annotation of {what}", said[ANNOTATION]
        return None

    def with_tuned(self, workflow: Workflow, text: str) -> Workflow:
        """The object with that annotation."""
        rest = rest_of(workflow)
        others = without(mapping_at(rest, "metadata", "annotations"), TUNED)
        said = with_annotations(rest, {**others, TUNED: text} if text else others)
        return replace(workflow, native_extra=Scope().rest(said))

    def literal(self, value: Setting, port: Port) -> Literal:
        """A value as text."""
        text = as_text(value)
        if "$(" in text:
            reason = f"Tekton, or Kubernetes, may take {text!r:.60} for a variable"
            raise Unsupported(reason, feature="tune", hint="leave $( out of choices")
        return Literal(value=text)

    def objections(self, trials: Trials) -> Iterator[tuple[str, str]]:
        """What a matrix cannot say, and what would be seen of it after the task."""
        if trials.step.condition is not None:
            hint = "put the condition into the program, or tune without trials"
            yield "it has a `when`, and what comes after it would be left out with it where that does not hold", hint
        if trials.parallel:
            yield "Tekton starts all runs of a matrix at once", "leave parallel out; a ResourceQuota may bound the pods"
        if len(trials.settings) > MOST:
            yield f"{len(trials.settings)} trials are more than the {MOST} that a matrix may have", "ask for fewer"
        longest = max(
            sum(len(name) + len(str(literal.value).encode()) for name, literal in one) for one in trials.settings
        )
        if longest > MOST_BYTES:
            yield (
                f"a setting takes {longest:,} bytes, and a task hands on at most {MOST_BYTES:,}",
                "use shorter choices",
            )
        if "apiVersion" in rest_of(trials.workflow):
            yield "it is written for an older API version", "write it for tekton.dev/v1"

    def arrange(self, trials: Trials) -> FanOut:
        """A matrix of settings, and a task after it."""
        step = trials.step
        copy, best = _copy(trials, annotations_of(self._task(step) or trials.callee)), _best(trials)
        measured = Reference(to="output", kind="parameter", step=trials.trials, name=TRIAL, path=("*",))
        arguments = (Argument(name="trials", value=measured), *given_arguments(trials))
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
            step=with_arguments(step, trials.chosen),
            added=(copy, best),
            note=_note(trials),
        )


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
    number = Reference(to="input", kind="parameter", name=NUMBER)
    place, metric = (Scope().value(f"$(results.{name}.path)") for name in (TRIAL, trials.output))
    ours = {key: text for key, text in annotations.items() if key.startswith(OURS) and key != ANNOTATION}
    said = mapping_at(rest_of(callee), "metadata", "annotations")
    others = {key: text for key, text in said.items() if not key.startswith(OURS)}
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
        native_extra=Scope().rest(with_annotations(rest_of(callee), others | ours)),
    )


def _script(trials: Trials, name: str, script: str, *args: Value) -> Container:
    return Container(name=name, image=Literal(value=trials.image), script=Literal(value=script), args=args)


def _best(trials: Trials) -> Operation:
    places = {name: f"$(results.{name}.path)" for name in trials.names}
    text = f"#!/usr/bin/env python3\n{selecting(places, READING)}"
    return Operation(
        name=f"{trials.graph.name}/{trials.best}",
        kind="container",
        inputs=(
            Port(name="trials", optional=True, native_extra=Native.of({"type": "array"})),
            *given_ports(trials, optional=True),
        ),
        outputs=tuple(Output(name=name) for name in trials.names),
        containers=(
            Container(
                name="best",
                image=Literal(value=trials.image),
                script=Scope().value(text),
                args=(Reference(to="input", kind="parameter", name="trials", path=("*",)),),
                env=variables(trials, {}),
            ),
        ),
        inline=True,
    )
