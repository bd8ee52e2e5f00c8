"""Trials as KFP runs them: a ParallelFor over a component that trains once, and a lightweight component that picks.

What the trials give is collected in the order of the settings (`CollectInputs` in `backend/src/v2/driver/resolve.go`;
`kfp.local` does so, too). KFP has nothing that lets a trial fail alone: it fails the pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator

from couler_kfp.components import label_of, sharing
from couler_kfp.generating.components import function_component
from couler_kfp.structures import write_structure
from couler_plugins.engine_kit.legalize.python.functions import operation_of
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.tuning import FanOut, Trials
from couler_plugins.hpo.workflows.programs import picking
from couler_plugins.hpo.workflows.values import port_of, with_arguments
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
    all_of,
    callables,
    conjuncts,
    fresh_name,
    replace,
)

__all__ = ["fanned_out", "type_of"]

SETTING, METRIC = "couler-setting", "couler-metric"
KINDS = {"STRING": "text", "NUMBER_INTEGER": "int", "NUMBER_DOUBLE": "float", "BOOLEAN": "bool"}
NOTE = "a trial that fails fails the pipeline, since KFP cannot let it fail alone"


def type_of(port: Port | Output) -> str:
    """What a component declares of a parameter; empty where that is nothing."""
    rest = write_structure(port.native_extra) if port.native_extra is not None else {}
    kind = rest.get("parameterType", "") if isinstance(rest, dict) else ""
    return kind if isinstance(kind, str) else ""


def fanned_out(trials: Trials) -> FanOut:
    """The trials of a task.

    Raises:
        Unsupported: KFP would not run each of them by itself.
    """
    for reason, hint in _objections(trials):
        raise Unsupported(reason, feature="tune{trials}", hint=hint)
    names = set(callables(trials.workflow))
    # Of its own, since `kfp.local` keeps artifacts apart by component; what is big in it, the executor, is shared.
    twin = replace(trials.callee, name=fresh_name(f"{trials.callee.name}-trial", names), source=None)
    trial = _trial(trials, fresh_name(f"comp-{trials.trials}", {*names, twin.name}), Call(name=twin.name))
    picker = _picker(trials, fresh_name(f"comp-{trials.best}", {*names, twin.name, trial.name}))
    step = trials.step
    chosen = {name: Reference(to="output", kind="parameter", step=trials.best, name=name) for name in trials.names}
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
            with_arguments(step, chosen),
            needs=all_of([*conjuncts(step.needs), Need(step=trials.best, outcomes=("succeeded",))]),
        ),
        added=(trial, sharing(twin, label_of(trials.callee)), picker),
        note="; ".join((NOTE, *_overridden(trials))),
    )


def _overridden(trials: Trials) -> Iterator[str]:
    """What those who start runs should know: the items of a loop that stand in the pipeline are constants."""
    if names := dict.fromkeys(parameter.name for parameter in trials.parameters.values()):
        yield f"what a run is given for {', '.join(names)} does not reach it: the first trial is what the pipeline says"


def _objections(trials: Trials) -> Iterator[tuple[str, str]]:
    if trials.step.condition is not None:
        yield "it runs under a condition of its own", "mark a task inside of the condition"
    if trials.step.tolerates:
        yield "it runs whatever has become of the tasks before it", "mark a task that needs them"


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
    function = picking({each: KINDS[type_of(port_of(trials.callee, each))] for each in trials.names})
    return function_component(operation_of(function, name, trials.image), function, name, shelter=False)


def _picking(trials: Trials) -> tuple[Argument, ...]:
    values: dict[str, Value] = {
        "maximize": Literal(value=trials.maximize),
        "metric": Literal(value=trials.metric),
        "settings": Native.of({"constant": _settings(trials)}),
        "trials": Reference(to="output", kind="parameter", step=trials.trials, name=METRIC),
    }
    return tuple(Argument(name=name, value=value) for name, value in values.items())
