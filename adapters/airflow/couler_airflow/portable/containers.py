"""Tasks that start a container or run a command, as containers with texts that any engine reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from couler_airflow.containers import Known, known_of
from couler_airflow.portable.dag import is_text, own_params
from couler_airflow.portable.legality import check_task, refuse
from couler_airflow.portable.programs import Read, Want
from couler_airflow.portable.tasks import fields_of
from couler_airflow.portable.texts import text_value
from couler_plugins.engine_kit.legalize.legality import raise_all
from couler_plugins.ir import (
    Argument,
    Axis,
    Container,
    EnvVar,
    Expression,
    Literal,
    Loop,
    Native,
    Operation,
    Port,
    Reference,
    Template,
    Value,
    map_references,
    nodes,
    references,
    replace,
)

SKIPPING = re.compile(r"\bexit\s+99\b")
"""What lets Airflow skip a command."""


class Carried(NamedTuple):
    """What a task becomes.

    Attributes:
        operation: what it runs.
        arguments: what is passed to that.
        loop: over what it loops.
        reads: the XComs that it reads.
    """

    operation: Operation
    arguments: tuple[Argument, ...] = ()
    loop: Loop | None = None
    reads: tuple[Read, ...] = ()


def is_plain_command(task: Any) -> bool:
    """Return whether a BashOperator is a command in a container: no more than texts that any engine puts together."""
    fields = fields_of(task)
    if task.is_mapped:
        return True
    if (fields.get("env") and not fields.get("append_env")) or fields.get("output_processor") or fields.get("cwd"):
        return False
    if fields.get("multiple_outputs") or fields.get("skip_on_exit_code"):
        return False
    texts = [task.bash_command, *(task.env or {}).values()]
    if any(SKIPPING.search(text) for text in texts if isinstance(text, str)):
        return False
    values = [text_value(text) for text in texts]
    parts = list(nodes(tuple(value for value in values if value is not None)))
    return None not in values and not any(
        isinstance(node, Expression)
        or (isinstance(node, Reference) and (node.kind == "result" or not _is_readable(task, node)))
        for node in parts
    )


def _is_readable(task: Any, reference: Reference) -> bool:
    """Return whether what stands for a param is the text that Airflow renders."""
    if reference.to != "parameter" or reference.name in own_params(task):
        return True
    params = task.dag.params
    return (
        reference.name not in params
        or is_text(params, reference.name)
        or type(params.get_param(reference.name).value) is int
    )


class ContainerTask:
    """One task, as an operation and how it is called.

    Args:
        task: the task.
        operation: the name of the operation.
    """

    def __init__(self, task: Any, operation: str) -> None:
        self._task = task
        self._operation = operation
        self._name = task.task_id
        self._fields = fields_of(task)

    def carried(self) -> Carried:
        """What it becomes.

        Raises:
            Unsupported: it starts no container, or one in a way that only Airflow has.
        """
        task = self._task
        container = known_of(task)
        if container is None:
            kind = task.operator_class.__name__
            raise refuse("Operation.kind", self._name, f"is a {kind}, which only Airflow can run")
        own = {container.image, container.command, container.arguments, container.environment}
        raise_all(check_task(task, self._fields, container.ignored | own))
        if container.prefix and self._fields.get(container.environment) and not self._fields.get("append_env"):
            raise refuse("Container.env", self._name, "runs with its env alone: containers have more (append_env=True)")
        runs = [self._container(container, row) for row in self._rows()]
        if task.is_mapped:
            operation, loop, arguments = self._looped(runs)
            return self._with_inputs(Carried(operation, arguments, loop))
        return self._with_inputs(Carried(self._named(runs[0], ())))

    def _with_inputs(self, carried: Carried) -> Carried:
        """What it becomes, with an input for each output of a step that its texts have in them."""
        outputs = [item for item in references(carried.operation.containers) if item.to == "output"]
        names = {item: f"value-{number}" for number, item in enumerate(dict.fromkeys(outputs), 1)}

        def change(item: Reference) -> Reference:
            return Reference(to="input", kind="parameter", name=names[item]) if item in names else item

        operation = carried.operation
        ports = tuple(Port(name=name) for name in names.values())
        containers = tuple(map_references(item, change) for item in operation.containers)
        reads: list[Read] = []
        arguments: list[Argument] = []
        for item, name in names.items():
            value = item
            if item.kind == "result":
                want = Want(item.name, "text")
                reads.append(Read(item.step, want))
                value = Reference(to="output", kind="parameter", step=item.step, name=want.output)
            arguments.append(Argument(name=name, value=value))
        return carried._replace(
            operation=replace(operation, inputs=(*operation.inputs, *ports), containers=containers),
            arguments=(*carried.arguments, *arguments),
            reads=tuple(reads),
        )

    def _named(self, container: Container, inputs: Sequence[str]) -> Operation:
        ports = tuple(Port(name=name) for name in inputs)
        return Operation(name=self._operation, kind="container", inputs=ports, containers=(container,))

    def _rows(self) -> list[Mapping[str, Any]]:
        """What the operator is given in each of its runs."""
        if not self._task.is_mapped:
            return [{name: getattr(self._task, name, value) for name, value in self._fields.items()}]
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
        return [{**self._fields, **item} for item in items]

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
            if isinstance(node, Reference) and not _is_readable(self._task, node):
                reason = f"has the param {node.name!r} in a text, which Airflow writes as Python does"
                raise refuse("Step.arguments", self._name, reason, "make it a text")
        return self._with_params(value)

    def _with_params(self, value: Value) -> Value:
        """A text with what is only its own task's in place of params."""
        own, params = own_params(self._task), self._task.dag.params

        def constant(part: Any) -> Any:
            if (
                not isinstance(part, Reference)
                or part.to != "parameter"
                or (part.name in params and part.name not in own)
            ):
                return part
            return str(own.get(part.name, ""))  # as Jinja renders what is not there

        if isinstance(value, Reference):
            part = constant(value)
            return Literal(value=part) if isinstance(part, str) else value
        return Template(parts=tuple(map(constant, value.parts))) if isinstance(value, Template) else value

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
