"""A workflow of another engine as one PipelineRun, in the IR's terms that Tekton's writer knows.

Sources: `docs/pipelineruns.md` (a run without a timeout ends after an hour), `docs/podtemplates.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from couler_plugins.documents.mappings import mapping_at, without_empty
from couler_plugins.engine_kit.legalize.conditions import Membership
from couler_plugins.engine_kit.legalize.native_fields import HOUSEKEEPING, POD_FIELDS, fields_of
from couler_plugins.engine_kit.legalize.passes import (
    as_label,
    reached,
    with_image,
    with_parameters_passed,
    without_idle_limits,
)
from couler_plugins.engine_kit.legalize.python.functions import text_of
from couler_plugins.engine_kit.legalize.python.pods import as_scripts
from couler_plugins.engine_kit.legalize.rules import usual
from couler_plugins.ir import (
    Call,
    Graph,
    Literal,
    Native,
    Need,
    Operation,
    Output,
    Port,
    Reference,
    Retry,
    Step,
    Value,
    Workflow,
    all_of,
    callables,
    replace,
)
from couler_plugins.plan import Decision
from couler_plugins.plan.plan import Loss
from couler_tekton.generating.bodies import task_of
from couler_tekton.generating.legality import is_computed, refuse, table_with
from couler_tekton.generating.preparation import prepare
from couler_tekton.generating.store import STORE, bound, claimed, of_step
from couler_tekton.generating.tasks import Task, Tasks
from couler_tekton.generating.values import matrix
from couler_tekton.home_kinds import in_go
from couler_tekton.lift import ENTRY
from couler_tekton.tasks import ENDED

PIPELINE = "pipeline"
LABEL = 63
LABELED = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
"""What Kubernetes takes for the value of a label."""
FOREVER = "0s"


def pipeline_run(
    workflow: Workflow, image: str = "", store: str = "", kubectl: str = ""
) -> tuple[Workflow, tuple[Decision, ...]]:
    """Return a workflow as a PipelineRun, and what is not quite the same about it.

    Args:
        workflow: it has no origin.
        image: for containers that say none.
        store: the claim that artifacts are kept in; they are refused without one.
        kubectl: an image with kubectl, for resources; these are refused without one.

    Raises:
        Unsupported: it has something that Tekton has no words for.
    """
    workflow, prior = prepare(workflow, image, kubectl)
    closed = _closed(workflow, image)
    table_with(store).check(closed)
    assert closed.entry is not None
    tasks = Tasks(closed)
    outputs_of = tasks.add(closed.entry)
    outputs = {name: value for name, value in outputs_of.items() if isinstance(value, Reference) and value.step}
    if not tasks.by_label:
        raise refuse("Graph.steps", workflow.label, "runs nothing", "give it a step")
    final = _finalizers(tasks, closed)
    volumes = fields_of(workflow.native_extra).get("spec", {}).get("volumes", [])
    claims = _claims(workflow)
    steps, operations = zip(
        *(_written(task, volumes, claims, is_last=name in final) for name, task in tasks.by_label.items()), strict=True
    )
    has_store = any(task.files for task in tasks.by_label.values())
    spaces = [*([STORE] if has_store else []), *claims]
    graph = Graph(
        name=PIPELINE,
        inputs=tuple(Port(name=port.name, optional=True) for port in workflow.parameters),
        outputs=tuple(Output(name=name, value=value) for name, value in outputs.items()),
        steps=steps,
        finalizers=tuple(final),
        inline=True,
        native_extra=Native.of({"workspaces": [{"name": name} for name in spaces]}) if spaces else None,
    )
    run = Workflow(
        engine="tekton",
        kind="PipelineRun",
        name=as_label(workflow.name, LABEL),
        prefix="" if workflow.name else workflow.prefix or "workflow-",
        namespace=workflow.namespace,
        parameters=tuple(
            Port(name=port.name, value=Literal(value=text_of(getattr(usual(port), "value", None))))
            for port in workflow.parameters
        ),
        entry=Step(name=ENTRY, call=Call(name=PIPELINE)),
        graphs=(graph,),
        operations=operations,
        native_extra=_rest(workflow, [*(bound(store) if has_store else []), *_bound(claims)]),
    )
    return run, (*prior, *_notes(workflow, tasks.by_label.values(), outputs))


def _closed(workflow: Workflow, image: str) -> Workflow:
    """Return a workflow in the terms of Tekton's table: all that runs at its end are its own handlers."""
    if workflow.entry is not None:
        handlers = (*workflow.handlers, *workflow.entry.handlers)
        workflow = replace(workflow, entry=replace(workflow.entry, handlers=()), handlers=handlers)
    closed = with_parameters_passed(with_image(as_scripts(workflow, "tekton"), image))
    graphs = (
        replace(graph, outputs=tuple(output for output in graph.outputs if not is_computed(output)))
        for graph in closed.graphs
    )
    return without_idle_limits(reached(replace(closed, graphs=tuple(graphs))))


def _finalizers(tasks: Tasks, workflow: Workflow) -> list[str]:
    """Add what runs at the end of the whole run; return the names of its tasks."""
    others = list(tasks.by_label.values())
    for task in others:
        if task.asks_status:
            raise refuse("Step.condition", task.name, "reads the status of the run before it has ended")
    for handler in workflow.handlers:
        tasks.add(handler.step)
    final = list(tasks.by_label.values())[len(others) :]
    for task in final:
        if task.after or task.read or task.step.tolerates:
            reason = "runs at the end, and waits for others, or reads what they give"
            raise refuse("Workflow.handlers", task.name, reason, "let the handler be one container")
        if task.asks_status and any(other.step.tolerates for other in others):
            reason = "reads the status of the run, in which a task may fail: Tekton counts that as a failure"
            raise refuse("Step.condition", task.name, reason, "let it find that out itself")
    return [task.name for task in final]


def _claims(workflow: Workflow) -> dict[str, Any]:
    """Return the claims that are made for each run, by name."""
    templates = fields_of(workflow.native_extra).get("spec", {}).get("volumeClaimTemplates", [])
    return {str(item.get("metadata", {}).get("name")): {"spec": item.get("spec", {})} for item in templates}


def _written(task: Task, volumes: list[Any], claims: Mapping[str, Any], *, is_last: bool) -> tuple[Step, Operation]:
    """Return a task as a step, and what it runs."""
    name = f"{PIPELINE}/{task.name}"
    operation, places = task_of(
        task.operation, name, is_printed=task.is_printed, volumes=volumes, files=task.files, claims=claims
    )
    arguments, loop = matrix(task.step, {**task.arguments, **places})
    retry, timeout = task.step.retry or task.operation.retry, task.step.timeout or task.operation.timeout
    waits = [Need(step=other, outcomes=ENDED) for other in dict.fromkeys(task.after) if other not in task.read]
    step = Step(
        name=task.name,
        call=Call(name=name),
        arguments=arguments,
        needs=None if is_last else all_of(list(waits)),
        condition=_when(task.conditions),
        loop=loop,
        tolerates=("failed",) if task.step.tolerates else (),
        retry=None if retry is None else Retry(limit=Literal(value=int(str(getattr(retry.limit, "value", 0))))),
        timeout=_duration(timeout),
        native_extra=of_step([*([STORE] if task.files else []), *sorted(claimed(task.operation, claims))]),
    )
    declared = {port.name for port in operation.inputs}
    more = (Port(name=item.name, optional=True) for item in arguments if item.name not in declared)
    return step, replace(operation, inputs=(*operation.inputs, *more))


def _when(conditions: Iterable[Membership]) -> Native | None:
    """Return what has to hold, as when expressions."""
    parts: list[str | Reference] = ["["]
    for item in conditions:
        data = Native.of({"operator": "notin" if item.negated else "in", "values": list(item.among)})
        parts[-1] = f'{parts[-1]}{"," if len(parts) > 1 else ""}{{"input":"'
        parts += [item.value, f'",{str(data.parts[0])[1:]}']
    return Native(parts=(*parts[:-1], f"{parts[-1]}]")) if len(parts) > 1 else None


def _duration(timeout: Value | None) -> Value | None:
    """Return a timeout with its unit; a number is seconds, also as a text."""
    is_number = isinstance(timeout, Literal) and str(timeout.value).isdigit()
    return Literal(value=f"{timeout.value}s") if is_number else in_go(timeout)  # type: ignore[union-attr]


def _bound(claims: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from ({"name": name, "volumeClaimTemplate": claim} for name, claim in claims.items())


def _rest(workflow: Workflow, workspaces: list[Any]) -> Native:
    """Return what a PipelineRun says beside its pipeline: labels, pods, how long it may take."""
    rest = fields_of(workflow.native_extra)
    spec, metadata = rest.get("spec", {}), rest.get("metadata", {})
    seconds, account = spec.get("activeDeadlineSeconds"), spec.get("serviceAccountName")
    pod = {key: spec[key] for key in sorted(POD_FIELDS & spec.keys())}
    labels = {key: text for key, text in (metadata.get("labels") or {}).items() if LABELED.fullmatch(str(text))}
    said = without_empty({"labels": labels, "annotations": metadata.get("annotations")})
    template = {**({"serviceAccountName": account} if account else {}), **({"podTemplate": pod} if pod else {})}
    timeouts = {"timeouts": {"pipeline": FOREVER if seconds is None else f"{seconds}s"}}
    bindings = {"workspaces": workspaces} if workspaces else {}
    run = {"spec": {**timeouts, **bindings, **({"taskRunTemplate": template} if template else {})}}
    return Native.of({**({"metadata": said} if said else {}), **run})


def _notes(workflow: Workflow, tasks: Iterable[Task], outputs: Mapping[str, Value]) -> Iterator[Decision]:
    """Yield what is left out, and what is not quite the same."""

    def note(subject: str, action: str, reason: str) -> Decision:
        loss: Loss = "detail" if action == "left out" else ""
        return Decision(
            optimizer="tekton", workflow=workflow.label, subject=subject, action=action, reason=reason, loss=loss
        )

    rest = fields_of(workflow.native_extra)
    for key in sorted(mapping_at(rest, "metadata").keys() - {"labels", "annotations"}):
        yield note("", "left out", f"it says metadata.{key}, which is for its own object")
    for key in HOUSEKEEPING:
        if key in rest.get("spec", {}):
            yield note("", "left out", f"it has {key}, which cannot be written for Tekton")
    for port in workflow.parameters:
        if port.native_extra is not None:
            yield note("", "left out", f"its parameter {port.name!r} says more than a value")
    tasks = list(tasks)
    for task in tasks:
        retry = task.step.retry or task.operation.retry
        if retry is not None and retry.delay not in (None, Literal(value=0)):
            yield note(task.name, "retried without a delay", "Tekton starts further attempts at once")
    if any(task.is_printed or task.operation.outputs for task in tasks):
        reason = "Tekton keeps what the steps of a task give in the status of its pod, which takes 4 KB"
        yield note("", "results are small", reason)
    entry = callables(workflow).get(getattr(getattr(workflow.entry, "call", None), "name", ""))
    for output in entry.outputs if isinstance(entry, Graph) else ():
        if output.name not in outputs:
            yield note(output.name, "is left out", "no step reads this output, and Tekton cannot compute it")
    if any(graph.fail_fast is False for graph in workflow.graphs):
        yield note("", "stops at the first failure", "once a task failed, Tekton starts no others")
