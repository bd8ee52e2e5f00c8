"""What Argo knows of steps that may be tuned, and trials as it runs them; the facet for the optimizer `tune`.

The annotations:

- `couler.io/tune`, on a template: what to tune of the steps that call it; for one step, on the workflow:
  `couler.io/tune.GRAPH.STEP`
- `couler.io/tuned`, on the workflow: what tuning has done to it

Trials are a loop over a template that trains once, and a script that picks the best of them. A trial whose training
fails hands out a word in place of the metric: so it neither fails the loop, nor is it missing in what the loop hands on
(`processAggregateNodeOutputs` in `workflow/controller/operator.go` leaves out what has failed).
What it hands out are expressions, since what a program has left before it failed counts for nothing, and since a tag of
an input is filled in before Argo looks up what it stands for (`ProcessArgs`, `resolveParameter`). So are parameters of
the workflow in the items of a loop, which the first setting uses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain

from couler_argo.documents import annotations_of, with_annotation
from couler_argo.references import TAG, native
from couler_argo.split.part_spec import PART_OF, SPLIT
from couler_plugins.caching.calls import is_cache, steps_of
from couler_plugins.engine_kit.legalize.depends import bare_outcomes
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.parameters import Value as Setting
from couler_plugins.hookspecs.tuning import FanOut, Trials
from couler_plugins.hpo.files import ANNOTATION
from couler_plugins.hpo.workflows.notes import TUNED, DocumentTuning, requests_in
from couler_plugins.hpo.workflows.programs import given_arguments, given_ports, selecting, variables
from couler_plugins.hpo.workflows.values import as_text, with_arguments
from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Container,
    Expression,
    Graph,
    Literal,
    Loop,
    Native,
    Need,
    Needs,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Workflow,
    all_of,
    callables,
    conjuncts,
    fresh_name,
    replace,
)
from couler_plugins.plan import Plan

PRINTING = ("container", "script")
TOGETHER = "couler-trials"
NUMBER, METRIC = "couler-number", "couler-metric"
FOLDER = "/tmp/couler"  # noqa: S108  # in a pod of its own
TRIALS = '[(trial["couler-number"], trial["couler-metric"]) for trial in json.loads(os.environ["COULER_TRIALS"])]'
FAILURES = ("errored", "failed")
NOTHING = "none"
"""What a trial hands out that has measured nothing."""


class ArgoTuning(DocumentTuning):
    """The facet for one workflow; its parts say what they are of, and what starts parts is of itself."""

    def __init__(self, workflow: Workflow, plan: Plan) -> None:
        super().__init__(workflow, plan)
        self._annotations = said = annotations_of(workflow)
        self._texts: dict[int, str | None] = {}
        self.part_of = said.get(PART_OF) or (workflow.label if SPLIT in said else "")
        self.tuned = said.get(TUNED, "")

    @property
    def cached(self) -> bool:
        """Whether a step or a template looks a result up for us."""
        said = [step.directives for graph in self._workflow.graphs for step in graph.steps]
        said += [operation.directives for operation in self._workflow.operations]
        return any(map(is_cache, chain(*said)))

    def requests(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        """What annotations say of steps, and of the templates that these call."""
        workflow, steps = self._workflow, steps_of(self._workflow)
        called = {id(self._libraries.callee(workflow, step)) for step in steps.values()}
        if workflow.entry and id(self._libraries.callee(workflow, workflow.entry)) not in called:
            steps["", workflow.entry.name] = workflow.entry
        return requests_in(self._annotations, steps, self._said_of_callee)

    def _said_of_callee(self, step: Step) -> tuple[str, str] | None:
        callee = self._libraries.callee(self._workflow, step)
        if callee is None:
            return None
        if id(callee) not in self._texts:  # thousands of steps may call one template
            self._texts[id(callee)] = annotations_of(callee).get(ANNOTATION)
        text = self._texts[id(callee)]
        return None if text is None else (f"the annotation of the template {callee.name!r}", text)

    def with_tuned(self, workflow: Workflow, text: str) -> Workflow:
        """The workflow with that annotation."""
        return with_annotation(workflow, TUNED, text or None)

    def literal(self, value: Setting, port: Port) -> Literal:
        """A value as text; in the items of a loop, Argo leaves what JSON escapes as it is."""
        text = as_text(value)
        if TAG.search(text) or json.dumps(text, ensure_ascii=False)[1:-1] != text:
            reason = f"Argo would not pass {text!r:.60} to {port.name!r} as it is"
            raise Unsupported(reason, feature="tune", hint="leave quotes, backslashes, newlines and {{ out of choices")
        return Literal(value=text)

    def prints(self, callee: Operation) -> bool:
        """Whether a template has a result."""
        return callee.kind in PRINTING

    def objections(self, trials: Trials) -> Iterator[tuple[str, str]]:
        """What would let trials disturb each other, or run but once."""
        callee = trials.callee
        if callee.inline:
            yield "what it runs is written inline, and would have to be called from two places", "give it a template"
        if callee.memoized is not None:
            yield "its owner memoizes it, maybe without the hyperparameters in the key", "use the optimizer cache"
        if any(output.exported is not None for output in callee.outputs):
            yield "it exports a global output, as each trial would", "export what another step is given from it"

    def arrange(self, trials: Trials) -> FanOut:
        """A loop over settings, and a script after it."""
        names = set(callables(trials.workflow))
        trial = _trial(trials, fresh_name(f"{trials.callee.name}-trial", names))
        best = _best(trials, fresh_name(f"{trials.callee.name}-best", {*names, trial.name}))
        each = Step(
            name=trials.trials,
            call=Call(name=trial.name),
            arguments=_item_arguments(trials),
            loop=Loop(axes=(Axis(name="item", values=_items(trials)),)),
        )
        some = _some_at_a_time(trials, each, fresh_name(trials.trials, {*names, trial.name, best.name}))
        loop = (
            replace(each, call=Call(name=some.name), arguments=_others(trials), loop=None) if trials.parallel else each
        )
        name = TOGETHER if trials.parallel else ""
        step = trials.step
        staged = trials.graph.stages is not None
        measured = Reference(to="output", kind="parameter", step=trials.trials, name=name)
        return FanOut(
            trials=replace(loop, needs=step.needs, condition=step.condition),
            best=Step(
                name=trials.best,
                call=Call(name=best.name),
                arguments=(Argument(name="trials", value=measured), *given_arguments(trials)),
                needs=None if staged else _after(trials.trials),
                condition=step.condition,
            ),
            step=replace(
                with_arguments(step, trials.chosen),
                needs=None if staged else all_of([*conjuncts(step.needs), _after(trials.best)]),
            ),
            added=(trial, *((some,) if trials.parallel else ()), best),
        )


def _after(step: str) -> Needs:
    return Need(step=step, outcomes=bare_outcomes(()))


def _items(trials: Trials) -> Native:
    """The settings with their numbers, all of it text: Argo would write numbers in its own way."""
    items = [
        {NUMBER: str(number), **{name: literal.value for name, literal in setting}}
        for number, setting in enumerate(trials.settings)
    ]
    items[0] |= {name: f"{{{{workflow.parameters.{item.name}}}}}" for name, item in trials.parameters.items()}
    return native(items)


def _item_arguments(trials: Trials) -> tuple[Argument, ...]:
    items = {name: Reference(to="item", name=name) for name in (NUMBER, *trials.names)}
    return with_arguments(trials.step, items).arguments


def _others(trials: Trials) -> tuple[Argument, ...]:
    """What the step is passed beside its hyperparameters."""
    return with_arguments(trials.step, dict.fromkeys(trials.names)).arguments


def _some_at_a_time(trials: Trials, each: Step, name: str) -> Graph:
    """The loop in a template of its own, whose parallelism counts what runs in it (`countActiveChildren`)."""
    others = {(item.kind, item.name) for item in _others(trials)}
    passed = tuple(
        replace(item, value=Reference(to="input", kind=item.kind, name=item.name))
        if (item.kind, item.name) in others
        else item
        for item in each.arguments
    )
    measured = Reference(to="output", kind="parameter", step=trials.step.name)
    return Graph(
        name=name,
        inputs=tuple(Port(name=name, kind=kind) for kind, name in sorted(others, reverse=True)),
        outputs=(Output(name=TOGETHER, value=measured),),
        steps=(replace(each, name=trials.step.name, arguments=passed),),
        stages=((trials.step.name,),),
        parallelism=Literal(value=trials.parallel),
    )


def _trial(trials: Trials, name: str) -> Graph:
    """What trains once, and hands out the metric with the number of its setting."""
    step = trials.step
    passed = with_arguments(step, dict.fromkeys(trials.names, Literal(value=""))).arguments
    inner = Step(
        name=step.name,
        call=step.call,
        arguments=tuple(replace(item, value=Reference(to="input", kind=item.kind, name=item.name)) for item in passed),
        tolerates=FAILURES,
    )
    output = Reference(to="output", kind="result", step=step.name, name="result")
    if trials.output:
        output = Reference(to="output", kind="parameter", step=step.name, name=trials.output)
    status = Reference(to="status", step=step.name, name="status")
    metric = Expression(language="expr", parts=(status, " == 'Succeeded' ? ", output, f" : '{NOTHING}'"))
    number = Expression(language="expr", parts=(Reference(to="input", kind="parameter", name=NUMBER),))
    return Graph(
        name=name,
        inputs=(Port(name=NUMBER), *(Port(name=item.name, kind=item.kind) for item in passed)),
        outputs=(
            Output(name=NUMBER, value=number),
            Output(name=METRIC, value=metric, default=Literal(value=NOTHING)),
        ),
        steps=(inner,),
        stages=((inner.name,),),
    )


def _best(trials: Trials, name: str) -> Operation:
    places = {each: f"{FOLDER}/{each}" for each in trials.names}
    measured = Reference(to="input", kind="parameter", name="trials")
    return Operation(
        name=name,
        kind="script",
        inputs=(Port(name="trials"), *given_ports(trials)),
        outputs=tuple(Output(name=each, value=Native.of({"path": path})) for each, path in places.items()),
        containers=(
            Container(
                image=Literal(value=trials.image),
                command=(Literal(value="python3"),),
                script=Literal(value=selecting(places, TRIALS)),
                env=variables(trials, {"COULER_TRIALS": measured}),
            ),
        ),
    )
