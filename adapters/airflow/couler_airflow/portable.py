"""DAGs in terms that other engines understand: containers, what they wait for, parameters, rendered texts.

What is more than that is refused here, by the name that Airflow has for it: nobody else knows what it means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from couler_airflow.bundle import DagBundle
from couler_airflow.cache.parsed import JINJA
from couler_airflow.containers import EMPTY, Known, known_of
from couler_airflow.portable_needs import check_dag, check_needs, check_task, folded, refuse, with_errors
from couler_airflow.values import seconds
from couler_plugins.engine_kit.legalize.legality import raise_all
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Container,
    EnvVar,
    Expression,
    Literal,
    Loop,
    Native,
    Operation,
    Port,
    Reference,
    Retry,
    Step,
    Template,
    Value,
    Workflow,
    fresh_name,
    nodes,
    replace,
)
from couler_plugins.plan import Decision

# Texts that Airflow renders, as IR values that any engine can read: constants, parameters, and Jinja for all else.

PARAMETER = re.compile(r"\{\{\s*params(?:\.(?P<dotted>\w+)|\[(?P<quote>['\"])(?P<key>[\w-]+)(?P=quote)\])\s*\}\}")
NEWLINE = re.compile(r"\r\n|\r")


def text_value(data: Any) -> Value | None:
    r"""A text of a template field as a value; None for what is no text.

    Jinja drops one newline from the end of a text, and reads others as `\n`; `airflow.sdk.literal` keeps it from that.
    """
    if type(data).__name__ == "LiteralValue":
        return Literal(value=data.value) if isinstance(data.value, str) else None
    if not isinstance(data, str):
        return None
    text = NEWLINE.sub("\n", data).removesuffix("\n")
    parts = tuple(_parts(text))
    if len(parts) <= 1 and isinstance(parts[0] if parts else "", str):
        return Literal(value=text)
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Reference) else Template(parts=parts)


def _parts(text: str) -> Iterator[str | Reference | Expression]:
    end = 0
    for block in JINJA.finditer(text):
        if block.start() > end:
            yield text[end : block.start()]
        parameter = PARAMETER.fullmatch(block[0])
        if parameter is not None:
            yield Reference(to="parameter", kind="parameter", name=parameter["dotted"] or parameter["key"])
        else:
            yield Expression(language="jinja", parts=(block[0],))
        end = block.end()
    if end < len(text):
        yield text[end:]


def portable(workflow: Workflow, bundle: DagBundle) -> tuple[Workflow, tuple[Decision, ...]]:
    """A DAG as a workflow of containers, and what is not quite the same about it.

    Args:
        workflow: the DAG, as it was lifted.
        bundle: the DAGs themselves.

    Raises:
        Unsupported: the DAG, or one of its tasks, is more than that.
    """
    assert workflow.source is not None
    (graph,), dag = workflow.graphs, bundle.live_of(workflow.source).dag
    refusals = [*check_dag(dag), *check_needs(graph, dag.task_dict)]
    notes: list[Decision] = []
    steps: list[Step] = []
    operations: list[Operation] = []
    for step in graph.steps:
        try:
            task = _Task(dag.task_dict[step.name], fresh_name(step.name, {graph.name}))
            operation, loop, arguments = task.operation()
            retry = task.retry(step.retry)
        except Unsupported as error:
            refusals.append(error)
            continue
        notes += (
            Decision(optimizer="airflow", workflow=workflow.label, subject=step.name, action=action, reason=reason)
            for action, reason in task.notes()
        )
        operations.append(operation)
        call = Call(name=operation.name)
        needs = with_errors(step.needs)
        steps.append(replace(step, call=call, arguments=arguments, loop=loop, needs=needs, retry=retry))
    parameters = tuple(_parameters(dag, refusals))
    raise_all(refusals)
    empty = {step.name for step in steps if dag.task_dict[step.name].operator_class.__name__ == EMPTY}
    graph = replace(graph, regions=(), steps=folded(steps, empty))
    remaining = {step.call for step in graph.steps}
    if not remaining:
        raise refuse("Graph.steps", workflow.name, "runs nothing: all of its tasks are empty")
    kept = tuple(item for item in operations if Call(name=item.name) in remaining)
    portable = replace(workflow, parameters=parameters, graphs=(graph,), operations=kept, native_extra=None)
    return portable, tuple(notes)


def _parameters(dag: Any, refusals: list[Unsupported]) -> Iterator[Port]:
    for name in sorted(dag.params):
        value = dag.params.get_param(name).value
        if type(value).__name__ in ("NoValueSentinel", "ArgNotSet"):
            yield Port(name=name)
        elif isinstance(value, (str, int)) and not isinstance(value, bool):
            yield Port(name=name, value=Literal(value=str(value)))
        else:
            reason = f"is a param of the type {type(value).__name__}: give it as text"
            refusals.append(refuse("Workflow.parameters", name, reason))


class _Task:
    """One task, as an operation and how it is called."""

    def __init__(self, task: Any, operation: str) -> None:
        self._task = task
        self._operation = operation
        self._name = task.task_id
        self._given: Mapping[str, Any] = task.partial_kwargs if task.is_mapped else task._BaseOperator__init_kwargs

    def notes(self) -> Iterator[tuple[str, str]]:
        """What is not quite the same elsewhere: what happens, and why."""
        if self._task.retries and self._task.retry_exponential_backoff:
            yield "retried after growing delays", "Airflow draws each from one to two times as long"
        if self._task.operator_class.__name__ == "BashOperator":
            yield "fails with 99", "Airflow skips a BashOperator that ends with this code"

    def retry(self, retry: Retry | None) -> Retry | None:
        """The retry with the delays that Airflow has unasked, and without what says nothing."""
        if retry is None:
            return None
        delay = Literal(value=seconds(self._task.retry_delay)) if self._task.retry_delay else None
        grows = delay is not None and retry.factor not in (None, Literal(value=1))
        plain = replace(retry, delay=delay)
        return plain if grows else replace(plain, factor=None, max_delay=None)

    def operation(self) -> tuple[Operation, Loop | None, tuple[Argument, ...]]:
        task = self._task
        if task.operator_class.__name__ == EMPTY:
            raise_all(check_task(task, self._given, ()))
            return Operation(name=self._operation, kind="container"), None, ()
        container = known_of(task)
        if container is None:
            kind = task.operator_class.__name__
            raise refuse("Operation.kind", self._name, f"is a {kind}, which only Airflow can run")
        own = {container.image, container.command, container.arguments, container.environment}
        raise_all(check_task(task, self._given, container.ignored | own))
        if container.prefix and self._given.get(container.environment) and not self._given.get("append_env"):
            raise refuse("Container.env", self._name, "runs with its env alone: containers have more (append_env=True)")
        runs = [self._container(container, row) for row in self._rows()]
        return self._looped(runs) if task.is_mapped else (self._named(runs[0], ()), None, ())

    def _named(self, container: Container, inputs: Sequence[str]) -> Operation:
        ports = tuple(Port(name=name) for name in inputs)
        return Operation(name=self._operation, kind="container", inputs=ports, containers=(container,))

    def _rows(self) -> list[Mapping[str, Any]]:
        """What the operator is given in each of its runs."""
        if not self._task.is_mapped:
            return [{name: getattr(self._task, name, value) for name, value in self._given.items()}]
        expanded = self._task._get_specified_expand_input().value
        if isinstance(expanded, Mapping):
            if len(expanded) != 1:
                raise refuse("Loop.combine", self._name, "is mapped over several fields, which are combined")
            ((name, values),) = expanded.items()
            expanded = [{name: value} for value in values] if isinstance(values, (list, tuple)) else None
        items = expanded if isinstance(expanded, (list, tuple)) else ()
        if not items or not all(isinstance(item, Mapping) for item in items):
            raise refuse("Loop.axes", self._name, "is mapped over what is only known at run time, or over nothing")
        for item in items:
            raise_all(check_task(self._task, item, self._task.template_fields))
        return [{**self._given, **item} for item in items]

    def _container(self, container: Known, row: Mapping[str, Any]) -> Container:
        resources = row.get("container_resources")
        requests, limits = self._quantities(resources, "requests"), self._quantities(resources, "limits")
        image = row.get(container.image) if container.image else None
        environment = row.get(container.environment) if container.environment else None
        prefix = tuple(Literal(value=part) for part in container.prefix)
        return Container(
            image=None if image is None else self._text(image),
            command=prefix or self._texts(row.get(container.command), container),
            args=self._texts(row.get(container.arguments), container),
            env=tuple(self._environment(environment)),
            requests=requests,
            limits=limits,
        )

    def _texts(self, value: Any, container: Known) -> tuple[Value, ...]:
        if value is None:
            return ()
        if isinstance(value, str) and not container.prefix:
            raise refuse("Container.args", self._name, "gives its command as one text: give a list of texts")
        return tuple(map(self._text, value)) if isinstance(value, (list, tuple)) else (self._text(value),)

    def _environment(self, items: Any) -> Iterable[EnvVar]:
        pairs = items.items() if isinstance(items, Mapping) else [(item.name, item) for item in items or ()]
        for name, item in pairs:
            value = getattr(item, "value", item) if type(item).__name__ == "V1EnvVar" else item
            if value is None:
                raise refuse("Container.env", self._name, f"takes the variable {name!r} from elsewhere")
            yield EnvVar(name=str(name), value=self._text(value))

    def _quantities(self, resources: Any, which: str) -> tuple[tuple[str, Value], ...]:
        quantities = resources.get(which) if isinstance(resources, Mapping) else getattr(resources, which, None)
        return tuple(sorted((str(name), self._text(str(value))) for name, value in (quantities or {}).items()))

    def _text(self, data: Any) -> Value:
        value = text_value(data)
        if value is None:
            raise refuse("Step.arguments", self._name, f"has a {type(data).__name__} in place of a text")
        for node in nodes(value):
            if isinstance(node, Expression):
                raise refuse("Step.arguments", self._name, f"has what only Jinja in Airflow fills in: {node.parts[0]}")
        return value

    def _looped(self, runs: Sequence[Container]) -> tuple[Operation, Loop, tuple[Argument, ...]]:
        """The operation with an input for each text that differs, and the loop over what it is each time."""
        blank = [_with_texts(run, repeat(Literal(value=""))) for run in runs]
        if any(item != blank[0] for item in blank):
            raise refuse("Step.loop", self._name, "differs from run to run in more than texts")
        texts = [_texts_of(run) for run in runs]
        differing = [n for n in range(len(texts[0])) if any(row[n] != texts[0][n] for row in texts)]
        if any(not isinstance(row[n], Literal) for row in texts for n in differing):
            raise refuse("Step.loop", self._name, "is mapped over texts with parameters in them")
        names = {n: f"text-{position + 1}" for position, n in enumerate(differing)}
        inputs = {n: Reference(to="input", kind="parameter", name=name) for n, name in names.items()}
        container = _with_texts(runs[0], (inputs.get(n, text) for n, text in enumerate(texts[0])))
        items = [{names[n]: row[n].value for n in differing} if differing else "" for row in texts]
        loop = Loop(axes=(Axis(name="item", values=Native.of(items)),))
        arguments = tuple(Argument(name=name, value=Reference(to="item", name=name)) for name in names.values())
        return self._named(container, list(names.values())), loop, arguments


def _texts_of(container: Container) -> list[Any]:
    image = [] if container.image is None else [container.image]
    return [*image, *container.command, *container.args, *(item.value for item in container.env)]


def _with_texts(container: Container, texts: Iterable[Value]) -> Container:
    pending = iter(texts)
    image = None if container.image is None else next(pending)
    command, args = (tuple(next(pending) for _ in items) for items in (container.command, container.args))
    env = tuple(EnvVar(name=item.name, value=next(pending)) for item in container.env)
    return replace(container, image=image, command=command, args=args, env=env)
