"""What KFP knows of tasks that may be tuned, and trials as it runs them; the facet for the optimizer `tune`.

- `couler.io/tune`, an annotation of a task's pod (`couler_kfp.marks.tune`, `kfp.kubernetes.add_pod_annotation`): what
  to tune of the tasks that call its component
- a line `couler.io/tuned: …` at the end of the pipeline's description: what tuning has done. A PipelineSpec has no
  other place for a note that nothing is run with.

Trials are a ParallelFor over a component that trains once, and a lightweight component that picks. What they give is
collected in the order of the settings (`CollectInputs` in `backend/src/v2/driver/resolve.go`, and `kfp.local`). KFP has
nothing that lets a trial fail alone: it fails the pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from couler_kfp.cache.cache import POD_ANNOTATIONS
from couler_kfp.components import label_of, sharing
from couler_kfp.generating.components import function_component
from couler_kfp.split.splitting import whole_of
from couler_kfp.structures import rest_of, write_structure
from couler_kfp.writing import rest_part
from couler_plugins.caching.calls import salts_of, steps_of
from couler_plugins.documents.mappings import Mapped, mapping_at, without
from couler_plugins.engine_kit.legalize.python.functions import operation_of
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.parameters import Value as Setting
from couler_plugins.hookspecs.tuning import FanOut, Trials
from couler_plugins.hpo.files import ANNOTATION
from couler_plugins.hpo.workflows.notes import TUNED, DocumentTuning
from couler_plugins.hpo.workflows.programs import picking
from couler_plugins.hpo.workflows.values import as_text, port_of, with_arguments
from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Graph,
    Literal,
    Loop,
    Native,
    Need,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Value,
    Workflow,
    all_of,
    callables,
    conjuncts,
    fresh_name,
    replace,
)
from couler_plugins.plan import Plan

SETTING, METRIC = "couler-setting", "couler-metric"
KINDS = {"STRING": "text", "NUMBER_INTEGER": "int", "NUMBER_DOUBLE": "float", "BOOLEAN": "bool"}
NOTE = "a trial that fails fails the pipeline, since KFP cannot let it fail alone"
LINE = f"{TUNED}: "
TYPES: Mapping[str, tuple[type, ...]] = {
    "NUMBER_INTEGER": (int,),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": (bool,),
}


class KfpTuning(DocumentTuning):
    """The facet for one pipeline; what is tuned stands in the last line of its description."""

    def __init__(self, workflow: Workflow, plan: Plan) -> None:
        super().__init__(workflow, plan)
        self.part_of = whole_of(workflow)
        last = _description(workflow).rpartition("\n")[2]
        self.tuned = last.removeprefix(LINE) if last.startswith(LINE) else ""

    @property
    def cached(self) -> bool:
        """Whether a task has a salt."""
        return any(map(salts_of, steps_of(self._workflow).values()))

    def requests(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        """What the annotations of pods say of the tasks that run in them."""
        said = {
            item.name: (f"the pod's annotation of {item.name!r}", text)
            for item in self._workflow.operations
            if isinstance(text := _annotations(item).get(ANNOTATION), str)
        }
        return {
            place: said[step.call.name]
            for place, step in steps_of(self._workflow).items()
            if isinstance(step.call, Call) and step.call.name in said
        }

    def with_tuned(self, workflow: Workflow, text: str) -> Workflow:
        """The workflow with such a last line in its description."""
        own = _description(workflow)
        before, _, last = own.rpartition("\n")
        kept = before.removesuffix("\n") if last.startswith(LINE) else own
        note = f"{LINE}{text}" if text else ""
        new = "\n\n".join(filter(None, (kept, note)))
        return _with_description(workflow, new)

    def literal(self, value: Setting, port: Port) -> Literal:
        """A value of the type that the component declares."""
        declared = _type_of(port)
        if "{{$" in str(value):
            hint = "leave {{$ out of choices"
            raise Unsupported(f"KFP would take {as_text(value)!r:.60} for a placeholder", feature="tune", hint=hint)
        if declared == "STRING":
            return Literal(value=as_text(value))
        types = TYPES.get(declared, ())
        if isinstance(value, types) and (bool in types or not isinstance(value, bool)):
            return Literal(value=value)
        reason = f"{port.name!r} is declared as {declared or 'nothing'}, and {as_text(value)!r:.60} is not that"
        raise Unsupported(reason, feature="tune", hint="give the parameter the type that the component declares")

    def objections(self, trials: Trials) -> Iterator[tuple[str, str]]:
        """What a trial would not have that is run by itself."""
        if trials.step.condition is not None:
            yield "it runs under a condition of its own", "mark a task inside of the condition"
        if trials.step.tolerates:
            yield "it runs whatever has become of the tasks before it", "mark a task that needs them"

    def arrange(self, trials: Trials) -> FanOut:
        """A ParallelFor over settings, and a component after it."""
        names = set(callables(trials.workflow))
        # Of its own, since `kfp.local` keeps artifacts apart by component; what is big in it, the executor, is shared.
        twin = replace(trials.callee, name=fresh_name(f"{trials.callee.name}-trial", names), source=None)
        trial = _trial(trials, fresh_name(f"comp-{trials.trials}", {*names, twin.name}), Call(name=twin.name))
        picker = _picker(trials, fresh_name(f"comp-{trials.best}", {*names, twin.name, trial.name}))
        step = trials.step
        return FanOut(
            trials=Step(
                name=trials.trials,
                call=Call(name=trial.name),
                arguments=(
                    Argument(name=SETTING, value=Reference(to="item", kind="parameter")),
                    *with_arguments(step, dict.fromkeys(trials.names)).arguments,
                ),
                needs=step.needs,
                loop=Loop(
                    axes=(Axis(name=SETTING, values=Native.of(_settings(trials))),),
                    limit=Literal(value=trials.parallel) if trials.parallel else None,
                ),
            ),
            best=Step(
                name=trials.best,
                call=Call(name=picker.name),
                arguments=_picking(trials),
                needs=Need(step=trials.trials, outcomes=("succeeded",)),
            ),
            step=replace(
                with_arguments(step, trials.chosen),
                needs=all_of([*conjuncts(step.needs), Need(step=trials.best, outcomes=("succeeded",))]),
            ),
            added=(trial, sharing(twin, label_of(trials.callee)), picker),
            note="; ".join((NOTE, *_overridden(trials))),
        )


def _overridden(trials: Trials) -> Iterator[str]:
    """What those who start runs should know: the items of a loop that stand in the pipeline are constants."""
    if names := dict.fromkeys(parameter.name for parameter in trials.parameters.values()):
        yield f"what a run is given for {', '.join(names)} does not reach it: the first trial is what the pipeline says"


def _settings(trials: Trials) -> list[dict[str, object]]:
    return [{name: literal.value for name, literal in setting} for setting in trials.settings]


def _trial(trials: Trials, name: str, call: Call) -> Graph:
    """What trains once, and hands out the metric."""
    step = trials.step
    setting = {name: Reference(to="input", kind="parameter", name=SETTING, path=(name,)) for name in trials.names}
    passed = with_arguments(step, dict.fromkeys(trials.names)).arguments
    ports = {(port.kind, port.name): port for port in trials.callee.inputs}
    arguments = [replace(item, value=Reference(to="input", kind=item.kind, name=item.name)) for item in passed]
    inner = replace(step, call=call, arguments=tuple(arguments), needs=None, source=None)
    return Graph(
        name=name,
        inputs=(
            Port(name=SETTING, kind="parameter", native_extra=Native.of({"parameterType": "STRUCT"})),
            *(replace(ports[item.kind, item.name], default=None, optional=False) for item in passed),
        ),
        outputs=(
            Output(
                name=METRIC,
                kind="parameter",
                value=Reference(to="output", kind="parameter", step=step.name, name=trials.output),
                native_extra=Native.of({"parameterType": "LIST"}),
            ),
        ),
        steps=(with_arguments(inner, setting),),
    )


def _picker(trials: Trials, name: str) -> Operation:
    function = picking({each: KINDS[_type_of(port_of(trials.callee, each))] for each in trials.names})
    return function_component(operation_of(function, name, trials.image), function, name, shelter=False)


def _picking(trials: Trials) -> tuple[Argument, ...]:
    values: dict[str, Value] = {
        "maximize": Literal(value=trials.maximize),
        "metric": Literal(value=trials.metric),
        "settings": Native.of({"constant": _settings(trials)}),
        "trials": Reference(to="output", kind="parameter", step=trials.trials, name=METRIC),
    }
    return tuple(Argument(name=name, value=value) for name, value in values.items())


def _type_of(port: Port | Output) -> str:
    """What a component declares of a parameter; empty where that is nothing."""
    kind = mapping_at(write_structure(port.native_extra) if port.native_extra else {}).get("parameterType", "")
    return kind if isinstance(kind, str) else ""


def _annotations(operation: Operation) -> Mapped:
    content = write_structure(operation.native_extra) if operation.native_extra is not None else {}
    return mapping_at(content, *POD_ANNOTATIONS)


def _description(workflow: Workflow) -> str:
    text = mapping_at(rest_part(workflow, "spec"), "pipelineInfo").get("description", "")
    return text if isinstance(text, str) else ""


def _with_description(workflow: Workflow, text: str) -> Workflow:
    rest: Mapped = write_structure(workflow.native_extra) if workflow.native_extra is not None else {}
    spec = rest.get("spec", {})
    info = without(spec.get("pipelineInfo", {}), "description")
    info = {**info, "description": text} if text else info
    spec = {**without(spec, "pipelineInfo"), **({"pipelineInfo": info} if info else {})}
    return replace(workflow, native_extra=rest_of({**without(rest, "spec"), **({"spec": spec} if spec else {})}))
