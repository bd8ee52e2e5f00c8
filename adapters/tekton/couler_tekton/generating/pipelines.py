"""A workflow of another engine as one PipelineRun, in the IR's terms that Tekton's writer knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from couler_plugins.engine_kit.legalize.conditions import Membership
from couler_plugins.engine_kit.legalize.parameters import with_parameters_passed
from couler_plugins.engine_kit.legalize.python.pods import as_scripts
from couler_plugins.ir import (
    Call,
    Container,
    Graph,
    Literal,
    Native,
    Need,
    Node,
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
    rebuild,
    references,
    replace,
)
from couler_plugins.plan import Decision
from couler_tekton.generating.bodies import task_of
from couler_tekton.generating.loops import matrix
from couler_tekton.generating.outcomes import STATUS
from couler_tekton.generating.refusing import refuse
from couler_tekton.generating.runs import run_of
from couler_tekton.generating.task import Task
from couler_tekton.generating.tasks import OTHER, Tasks
from couler_tekton.generating.values import text_of
from couler_tekton.lift import ENTRY
from couler_tekton.structures import write_structure
from couler_tekton.tasks import ENDED
from couler_tekton.variables import spell

__all__ = ["pipeline_run"]

PIPELINE = "pipeline"
LABEL = 63
POLICIES = (None, "Always", "OnFailure")


def pipeline_run(workflow: Workflow, image: str = "") -> tuple[Workflow, tuple[Decision, ...]]:
    """A workflow as a PipelineRun, and what is not quite the same about it.

    Args:
        workflow: it has no origin.
        image: for containers that say none.

    Raises:
        Unsupported: it has something that Tekton has no words for.
    """
    if workflow.entry is None:
        raise refuse("Workflow.entry", workflow.label, "is a library: nothing in it runs by itself", "convert a caller")
    notes: list[Decision] = []
    rest, volumes = run_of(workflow, notes)
    closed = with_parameters_passed(_with_images(as_scripts(workflow, "tekton"), image))
    tasks = Tasks(closed)
    assert closed.entry is not None
    _, outputs_of = tasks.add(replace(closed.entry, handlers=()))
    outputs = {name: value for name, value in outputs_of.items() if isinstance(value, Reference) and value.step}
    count = len(tasks.found)
    for step in _finalizers(closed):
        _add_finalizer(tasks, step)
    if count == 0:
        raise refuse("Graph.steps", workflow.label, "runs nothing", "give it a step")
    _check_status(tasks.found[:count], tasks.found[count:])
    notes += _notes(closed, tasks.found, outputs)
    tasks_made = [_made(task, volumes, is_last=number >= count) for number, task in enumerate(tasks.found)]
    graph = Graph(
        name=PIPELINE,
        inputs=tuple(Port(name=port.name, optional=True) for port in workflow.parameters),
        outputs=tuple(Output(name=name, value=value) for name, value in outputs.items()),
        steps=tuple(step for step, _ in tasks_made),
        finalizers=tuple(task.name for task in tasks.found[count:]),
        inline=True,
    )
    run = Workflow(
        engine="tekton",
        kind="PipelineRun",
        name=_object_name(workflow.name),
        prefix="" if workflow.name else workflow.prefix or "workflow-",
        namespace=workflow.namespace,
        parameters=tuple(map(_parameter, workflow.parameters)),
        entry=Step(name=ENTRY, call=Call(name=PIPELINE)),
        graphs=(graph,),
        operations=tuple(operation for _, operation in tasks_made),
        native_extra=rest,
    )
    return run, tuple(notes)


def _with_images(workflow: Workflow, image: str) -> Workflow:
    def change(node: Node) -> Node:
        is_bare = isinstance(node, Container) and node.image is None
        return replace(node, image=Literal(value=image)) if is_bare and image else node

    return rebuild(workflow, change)


def _object_name(name: str) -> str:
    return OTHER.sub("-", name.lower()).strip("-")[:LABEL].strip("-")


def _parameter(port: Port) -> Port:
    value = port.value if port.value is not None else port.default
    if port.kind != "parameter" or port.origin is not None:
        raise refuse("Workflow.parameters", port.name, "is no parameter with a value")
    if not isinstance(value, Literal):
        hint = "give it one: a PipelineRun names all of its values"
        raise refuse("Workflow.parameters", port.name, "has no value", hint)
    text = text_of(value.value)
    if "$(" in text:
        raise refuse("Workflow.parameters", port.name, "has a value that Tekton may take for a variable")
    return Port(name=port.name, value=Literal(value=text))


def _finalizers(workflow: Workflow) -> Iterator[Step]:
    """The calls that run at the end of the whole run."""
    handlers = [*workflow.handlers, *(workflow.entry.handlers if workflow.entry is not None else ())]
    for handler in handlers:
        if handler.event != "exit" or handler.condition is not None:
            raise refuse("Workflow.handlers", handler.step.name, "runs on an event, and not at the end")
        yield handler.step


def _add_finalizer(tasks: Tasks, step: Step) -> None:
    before = {task.name for task in tasks.found}
    for task in tasks.add(step)[0]:
        read = {item.step for item in references(tuple(task.arguments.values())) if item.step}
        read |= {item.value.step for item in task.conditions if item.value.step}
        if task.after or read or task.step.tolerates:
            reason = "runs at the end, and waits for others, or reads what they give"
            raise refuse("Workflow.handlers", task.name, reason, "let the handler be one container")
        if task.name in before:
            raise refuse("Workflow.handlers", task.name, "has the name of another task")


def _check_status(tasks: Sequence[Task], final: Sequence[Task]) -> None:
    """That only who can tell asks how the others went, and that Tekton says the same of it."""
    for task in tasks:
        if any(item.value == STATUS for item in task.conditions):
            raise refuse("Step.condition", task.name, "asks how the run went, before its end")
    if any(task.step.tolerates for task in tasks):
        for task in final:
            if any(item.value == STATUS for item in task.conditions):
                reason = "asks how the run went, in which a task may fail: to Tekton that is a failure"
                raise refuse("Step.condition", task.name, reason, "let it find that out itself")


def _made(task: Task, volumes: list[Any], *, is_last: bool) -> tuple[Step, Operation]:
    """A task as a step, and what it runs."""
    name = f"{PIPELINE}/{task.name}"
    arguments, loop = matrix(task.step, task.arguments)
    retry = _retry(task)
    timeout = task.step.timeout or task.operation.timeout
    if timeout is not None and retry is not None:
        raise refuse("Operation.timeout", task.step.name, "has a timeout beside further attempts")
    if task.step.tolerates and retry is not None:
        raise refuse("Step.tolerates", task.step.name, "may fail, and is retried")
    read = {item.step for item in references(arguments) if item.step}
    read |= {item.value.step for item in task.conditions if item.value.step}
    waits = [Need(step=other, outcomes=ENDED) for other in dict.fromkeys(task.after) if other not in read]
    step = Step(
        name=task.name,
        call=Call(name=name),
        arguments=arguments,
        needs=None if is_last else all_of(list(waits)),
        condition=_when(task.conditions),
        loop=loop,
        tolerates=("failed",) if task.step.tolerates else (),
        retry=retry,
        timeout=None if timeout is None else _duration(timeout, task.step.name),
    )
    declared = {port.name for port in task.operation.inputs}
    more = tuple(Port(name=argument.name) for argument in arguments if argument.name not in declared)
    operation = replace(task.operation, inputs=(*task.operation.inputs, *more), retry=None, timeout=None)
    return step, task_of(operation, name, is_printed=task.is_printed, volumes=volumes)


def _when(conditions: Iterable[Membership]) -> Native | None:
    """What has to hold, as when expressions."""
    items = list(conditions)
    if not items:
        return None
    parts: list[str | Reference] = ["["]
    for number, item in enumerate(items):
        data = Native.of({"operator": "notin" if item.negated else "in", "values": list(item.among)})
        parts[-1] = f'{parts[-1]}{"," if number else ""}{{"input":"'
        parts += [item.value, f'",{str(data.parts[0])[1:]}']
    parts[-1] = f"{parts[-1]}]"
    return Native(parts=tuple(parts))


def _retry(task: Task) -> Retry | None:
    retry = task.step.retry or task.operation.retry
    if retry is None:
        return None
    rest = {} if retry.native_extra is None else write_structure(retry.native_extra, spell)
    if rest.pop("retryPolicy", None) not in POLICIES or rest.keys() - {"backoff"}:
        raise refuse(
            "Retry.native_extra", task.step.name, "is retried for some reasons only", "let it be retried always"
        )
    if "maxDuration" in (rest.get("backoff") or {}):
        raise refuse(
            "Retry.native_extra", task.step.name, "is retried for some time only", "leave the limit of attempts"
        )
    limit = retry.limit.value if isinstance(retry.limit, Literal) else None
    if limit is None or not str(limit).isdigit():
        raise refuse("Retry.limit", task.step.name, "is retried without a limit, or up to one that only the run knows")
    return Retry(limit=Literal(value=int(limit)))


def _duration(value: Value, step: str) -> Literal:
    match value:
        case Literal(value=str(text)) if text.isdigit():
            return Literal(value=f"{text}s")
        case Literal(value=str(text)):
            return Literal(value=text)
        case Literal(value=int() | float() as seconds) if not isinstance(seconds, bool):
            return Literal(value=f"{round(seconds)}s")
    raise refuse("Step.timeout", step, "has a timeout that only the run knows", "give it as a constant")


def _notes(workflow: Workflow, tasks: Iterable[Task], outputs: Mapping[str, Value]) -> Iterator[Decision]:
    def note(subject: str, action: str, reason: str) -> Decision:
        return Decision(optimizer="tekton", workflow=workflow.label, subject=subject, action=action, reason=reason)

    results = False
    for task in tasks:
        retry = task.step.retry or task.operation.retry
        rest = {} if retry is None or retry.native_extra is None else write_structure(retry.native_extra, spell)
        if rest.get("backoff"):
            yield note(task.name, "retried without a delay", "Tekton starts further attempts at once")
        results = results or task.is_printed or bool(task.operation.outputs)
    if results:
        reason = "Tekton keeps what the steps of a task give in the status of its pod, which takes 4 KB"
        yield note("", "results are small", reason)
    entry = callables(workflow).get(getattr(getattr(workflow.entry, "call", None), "name", ""))
    for output in entry.outputs if isinstance(entry, Graph) else ():
        if output.name not in outputs:
            yield note(output.name, "is left out", "no step reads this output, and Tekton cannot compute it")
    if any(graph.fail_fast is False for graph in workflow.graphs):
        yield note("", "stops at the first failure", "once a task failed, Tekton starts no others")
