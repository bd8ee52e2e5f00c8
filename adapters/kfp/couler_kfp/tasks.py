"""Tasks of a dag: what they call, when they start, how often they run.

Source: `pipeline_spec.proto` (PipelineTaskSpec). A task needs the success of every task before it, or just its end
(`ALL_UPSTREAM_TASKS_COMPLETED`); the backend's compiler does not start a task whose upstream was skipped otherwise
(`argocompiler/dag.go`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from typing import Literal as OneOf

from couler_kfp.arguments import Given, is_item, read_arguments, write_arguments
from couler_kfp.structures import mapping, rest_of, structure, write_structure
from couler_kfp.support import refuse_unsupported, unsupported, whole_number
from couler_kfp.texts import condition, constant_text, write_condition, write_text
from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, joined, without
from couler_plugins.engine_kit.durations import as_seconds
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import (
    AllOf,
    Argument,
    Axis,
    Call,
    Literal,
    Loop,
    Native,
    Need,
    Needs,
    Reference,
    Retry,
    Source,
    Step,
    Value,
    conjuncts,
)

# Loops: the iterators of tasks, which hand one item of a list to one of their inputs.
#
# Source: `pipeline_spec.proto` (ParameterIteratorSpec, ArtifactIteratorSpec, IteratorPolicy).

ITERATORS: dict[str, tuple[OneOf["parameter", "artifact"], str]] = {
    "parameterIterator": ("parameter", "inputParameter"),
    "artifactIterator": ("artifact", "inputArtifact"),
}


def read_items(task: Mapped, path: Path) -> tuple[Argument, ...]:
    """The inputs that the iterator of a task fills."""
    keys = [key for key in ITERATORS if key in task]
    if len(keys) > 1:
        raise InvalidInput("a task has one iterator, not two", engine="kfp", path=path, hint="remove one of them")
    items = []
    for key in keys:
        kind, _ = ITERATORS[key]
        name = mapping(task, key, path).get("itemInput")
        if not isinstance(name, str):
            hint = "name the input that takes the item"
            raise InvalidInput("the iterator has no itemInput", engine="kfp", path=(*path, key), hint=hint)
        if name in mapping(mapping(task, "inputs", path), f"{kind}s", (*path, "inputs")):
            message = f"the input {name!r} takes the item, and something else"
            raise InvalidInput(message, engine="kfp", path=(*path, key), hint="pass only one of them")
        items.append(Argument(name=name, kind=kind, value=Reference(to="item", kind=kind)))
    return tuple(items)


def read_loop(task: Mapped, path: Path, call_inputs: Given) -> tuple[Loop | None, Mapped]:
    """The loop of a task, and the task without it."""
    key = next((key for key in ITERATORS if key in task), None)
    if key is None:
        return None, task
    kind, input_key = ITERATORS[key]
    iterator = mapping(task, key, path)
    items = mapping(iterator, "items", (*path, key))
    match items:
        case {"raw": str(raw), **others}:
            values = _read_raw(raw, call_inputs)
        case {**others} if isinstance(others.get(input_key), str):
            values = call_inputs.own(
                Reference(to="input", kind=kind, name=others.pop(input_key), native=items[input_key])
            )
        case _:
            hint = f"give it raw items, or an {input_key}"
            raise InvalidInput("the iterator has no items", engine="kfp", path=(*path, key), hint=hint)
    limit, policy = None, mapping(task, "iteratorPolicy", path)
    if isinstance(policy.get("parallelismLimit"), int):
        limit, policy = Literal(value=policy["parallelismLimit"]), without(policy, "parallelismLimit")
    beside = {**without(iterator, "items", "itemInput"), **({"items": others} if others else {})}
    remainder = {**without(task, key, "iteratorPolicy"), **({key: beside} if beside else {})}
    if policy:
        remainder["iteratorPolicy"] = policy
    return Loop(axes=(Axis(name=iterator["itemInput"], values=values),), limit=limit), remainder


def _read_raw(raw: str, call_inputs: Given) -> Value:
    """The items that stand in the task as JSON text."""
    try:
        items = json.loads(raw)
    except ValueError:
        return constant_text(raw, call_inputs.own)
    return (
        structure(items, call_inputs.own, names=False)
        if isinstance(items, list)
        else constant_text(raw, call_inputs.own)
    )


def write_loop(step: Step, call_inputs: Given) -> Mapped:
    """The iterator of a task, and its policy; empty for one that does not loop.

    Raises:
        Unsupported: KFP cannot say what it is to be.
    """
    items = [argument for argument in step.arguments if is_item(argument.value)]
    if step.loop is None:
        if items:
            raise unsupported("Step.loop", step.name, "takes an item, and does not loop")
        return {}
    refuse_unsupported(step.loop)
    axes, limit = step.loop.axes, step.loop.limit
    if len(axes) != 1 or len(items) != 1 or items[0].name != axes[0].name:
        hint = "pass the item to one input, which has the name of the axis"
        raise unsupported("Loop.axes", step.name, "does not loop over one list", hint)
    key = "artifactIterator" if items[0].kind == "artifact" else "parameterIterator"
    kind, input_key = ITERATORS[key]
    values = axes[0].values
    match values:
        case Reference():
            source: Mapped = {input_key: values.name if values.to == "unknown" else call_inputs.name_of(values, kind)}
        case Native() if kind == "parameter":
            source = {"raw": json.dumps(write_structure(values, call_inputs.spelled, names=False))}
        case _ if kind == "parameter":
            source = {"raw": write_text(values, call_inputs.spelled)}
        case _:
            raise unsupported("Loop.axes", step.name, "loops over artifacts that are no output")
    written: Mapped = {key: {"itemInput": items[0].name, "items": source}}
    if limit is not None:
        written["iteratorPolicy"] = {"parallelismLimit": whole_number(limit, "Loop.limit", step.name)}
    return written


SUCCEEDED = ("succeeded",)
COMPLETED = ("errored", "failed", "skipped", "succeeded")
STRATEGY = "ALL_UPSTREAM_TASKS_COMPLETED"


def read_task(name: str, task: Mapped, path: Path, source: Source) -> Step:
    """One task of a dag.

    Raises:
        InvalidInput: it is not built like a task.
    """
    reference = mapping(task, "componentRef", path)
    callee = reference.get("name")
    if not isinstance(callee, str):
        raise InvalidInput(f"the task {name!r} calls nothing", engine="kfp", path=path, hint="give it a componentRef")
    items = read_items(task, path)
    arguments, more_inputs, call_inputs = read_arguments(task, path, items, name)
    loop, remainder = read_loop(task, path, call_inputs)
    needs, trigger = _read_needs(task, path)
    fields: dict[str, Any] = {}
    if isinstance(trigger.get("condition"), str) and trigger["condition"]:
        fields["condition"] = condition(trigger["condition"], call_inputs.own)
        trigger = without(trigger, "condition")
    retry = task.get("retryPolicy")
    if isinstance(retry, dict) and retry:
        fields["retry"] = _read_retry(retry)
        remainder = without(remainder, "retryPolicy")
    if needs is not None:
        remainder = without(remainder, "dependentTasks")
    information = mapping(task, "taskInfo", path)
    if information.get("name") == name:
        remainder = {**remainder, "taskInfo": without(information, "name")}
    beside = {"componentRef": without(reference, "name"), "inputs": more_inputs, "triggerPolicy": trigger}
    remainder = {**remainder, **beside}
    for key in ("taskInfo", *beside):
        if remainder.get(key) == {}:
            del remainder[key]
    return Step(
        name=name,
        call=Call(name=callee),
        arguments=arguments,
        needs=needs,
        loop=loop,
        native_extra=rest_of(remainder),
        source=source,
        **fields,
    )


def _read_needs(task: Mapped, path: Path) -> tuple[Needs | None, Mapped]:
    """What a task waits for, and what else its trigger policy says."""
    trigger, listed = mapping(task, "triggerPolicy", path), task.get("dependentTasks", [])
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        hint = "list the names of tasks"
        raise InvalidInput("dependentTasks is not a list of names", engine="kfp", path=path, hint=hint)
    if not listed:
        return None, trigger
    ended = trigger.get("strategy") == STRATEGY
    needs = tuple(Need(step=name, outcomes=COMPLETED if ended else SUCCEEDED) for name in listed)
    return needs[0] if len(needs) == 1 else AllOf(needs=needs), without(trigger, "strategy") if ended else trigger


UNLIMITED = {"backoffMaxDuration": f"{365 * 24 * 3600}s"}
"""KFP's backend takes a time that is not said for none at all: then nothing is tried again (`argocompiler/container.go`
gives Argo a `maxDuration` of 0)."""


def _read_retry(retry: Mapped) -> Retry:
    delay = as_seconds(str(retry.get("backoffDuration")))
    typed = {
        "maxRetryCount": ("limit", retry.get("maxRetryCount")),
        "backoffDuration": ("delay", None if delay is None else delay.value),
        "backoffFactor": ("factor", retry.get("backoffFactor")),
    }
    fields: dict[str, Any] = {}
    if retry.get("backoffMaxDuration") == UNLIMITED["backoffMaxDuration"]:
        retry = without(retry, "backoffMaxDuration")
    for key, (name, number) in typed.items():
        if isinstance(number, (int, float)) and number % 1 == 0 and number is not True:  # an infinite one is not whole
            fields[name] = Literal(value=int(number))
            retry = without(retry, key)
    return Retry(**fields, native_extra=rest_of(retry))


def write_task(step: Step) -> Mapped:
    """A task.

    Raises:
        Unsupported: KFP cannot say what it is to be.
    """
    refuse_unsupported(step)
    if not isinstance(step.call, Call):
        raise unsupported("Step.call", step.name, "calls something outside of its pipeline")
    call_inputs = Given(step.arguments, step.name)
    rest = write_structure(step.native_extra) if step.native_extra else {}
    written: Mapped = {
        "componentRef": {"name": step.call.name},
        "taskInfo": {} if "name" in (rest.get("taskInfo") or {}) else {"name": step.name},
    }
    if inputs := write_arguments(step.arguments, call_inputs):
        written["inputs"] = inputs
    written.update(write_loop(step, call_inputs))
    written.update(_write_needs(step, rest))
    if step.condition is not None:
        text_of = write_condition(step.condition, call_inputs.spelled_in_condition)
        written["triggerPolicy"] = {**written.get("triggerPolicy", {}), "condition": text_of}
    if step.retry is not None:
        written["retryPolicy"] = _write_retry(step.retry, step.name)
    return joined(written, rest)


def _write_needs(step: Step, rest: Mapped) -> Mapped:
    if step.needs is None:
        return {}
    needs: Sequence[Needs] = conjuncts(step.needs)
    plain = [need for need in needs if isinstance(need, Need)]
    outcomes = {need.outcomes for need in plain}
    if len(plain) != len(needs) or len(outcomes) != 1 or not outcomes <= {SUCCEEDED, COMPLETED}:
        hint = "let it need that all of them succeeded, or that all of them ended"
        raise unsupported("Step.needs", step.name, "waits for outcomes that KFP cannot tell apart", hint)
    written: Mapped = {"dependentTasks": [need.step for need in plain]}
    if outcomes == {COMPLETED}:
        written["triggerPolicy"] = {"strategy": STRATEGY}
    elif (rest.get("triggerPolicy") or {}).get("strategy") == STRATEGY:
        raise unsupported("Step.needs", step.name, "is triggered when all tasks before it have ended")
    return written


def _write_retry(retry: Retry, step: str) -> Mapped:
    refuse_unsupported(retry)
    numbers = {
        name: whole_number(content, f"Retry.{name}", step)
        for name in ("limit", "delay", "factor")
        if (content := getattr(retry, name)) is not None
    }
    written: Mapped = {"maxRetryCount": numbers["limit"]} if "limit" in numbers else {}
    if "delay" in numbers:
        written["backoffDuration"] = f"{numbers['delay']}s"
    if "factor" in numbers:
        written["backoffFactor"] = float(numbers["factor"])
    rest = write_structure(retry.native_extra) if retry.native_extra else {}
    return dict(sorted(joined(written, {**UNLIMITED, **rest}).items()))
