"""Makes a workflow of the IR of a form that has no problems: portable, so that every adapter may write it.

Steps that a form writes out itself become operations here as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from couler_plugins.engine_kit.legalize.python.functions import operation_of
from couler_plugins.errors import InvalidInput, closest
from couler_plugins.generation.form import Comparison, Form, FormStep, Taken
from couler_plugins.generation.lake import LakeStep
from couler_plugins.generation.scope import VALUES_OWN, Scope, read_function, read_reference, waits_for
from couler_plugins.generation.step_checks import PLACEHOLDER
from couler_plugins.generation.types import converted, text_of
from couler_plugins.hookspecs import CatalogueStep
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
    Operation,
    Output,
    Port,
    Reference,
    Retry,
    Step,
    Template,
    Value,
    Workflow,
    all_of,
    fresh_name,
    replace,
)

# Operations of steps that a form writes out itself: a function of Python, or a command in a container.

FOLDER = "/tmp/outputs"  # noqa: S108  # in a container of its own; engines copy from there when it ends
IMAGE = "python:3.12-slim"

COMPARE = f"""\
import operator, os, sys
left, op, right = sys.argv[1:]
by = {{"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}}
os.makedirs("{FOLDER}", exist_ok=True)
with open("{FOLDER}/holds", "w", encoding="utf-8") as file:
    file.write("true" if by[op](float(left), float(right)) else "false")
"""


def written_operation(step: FormStep) -> Operation:
    """What runs in a step that uses `python` or `container`."""
    names = tuple(taken.name for taken in step.inputs)
    if step.use == "python":
        return operation_of(read_function(step.code, names, step.outputs), step.name)
    return _container(step, names)


def comparison() -> Operation:
    """Compares two numbers: its output `holds` is `true` or `false`."""
    container = Container(
        image=Literal(value=IMAGE),
        command=(Literal(value="python3"), Literal(value="-c"), Literal(value=COMPARE)),
        args=tuple(_input(name) for name in ("left", "op", "right")),
    )
    return _operation("compare", container, ("left", "op", "right"), ("holds",))


def _container(step: FormStep, names: tuple[str, ...]) -> Operation:
    program, *arguments = (_command_word(text) for text in step.command)
    container = Container(image=Literal(value=step.image), command=(program,), args=tuple(arguments))
    return _operation(step.name, container, names, step.outputs)


def _operation(name: str, container: Container, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Operation:
    return Operation(
        name=name,
        kind="container",
        containers=(container,),
        inputs=tuple(Port(name=name) for name in inputs),
        outputs=tuple(Output(name=name, path=Literal(value=f"{FOLDER}/{name}")) for name in outputs),
    )


def _command_word(text: str) -> Value:
    """A word of a command with what its placeholders stand for."""
    parts: list[str | Reference] = []
    end = 0
    for match in PLACEHOLDER.finditer(text):
        parts += [text[end : match.start()], _input(match[2]) if match[1] == "inputs" else f"{FOLDER}/{match[2]}"]
        end = match.end()
    parts = [part for part in (*parts, text[end:]) if part != ""]
    if all(isinstance(part, str) for part in parts):
        return Literal(value="".join(map(str, parts)))
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Reference) else Template(parts=tuple(parts))


def _input(name: str) -> Reference:
    return Reference(to="input", kind="parameter", name=name)


ENGINE = "couler"
"""What workflows of no engine say of theirs: they are for any."""

MAIN = "main"


def compose(form: Form, catalogue: Mapping[str, CatalogueStep], values: Mapping[str, str] | None = None) -> Workflow:
    """The workflow of a form.

    Args:
        form: one that `validate` has nothing to say of.
        catalogue: the one that it was held against.
        values: of inputs of the workflow, in place of those that the form gives them. Some steps of the catalogue read
            inputs that the form need not name.

    Raises:
        InvalidInput: a step of the catalogue refuses what it is given, the workflow has no such input, or a value
            would not reach the steps as it stands.
    """
    return _Composer(form, catalogue).workflow(values or {})


class _Composer:
    def __init__(self, form: Form, catalogue: Mapping[str, CatalogueStep]) -> None:
        self.form = form
        self.scope = Scope(form, catalogue)
        self.operations: dict[str, Operation] = {}
        self.parameters = {given.name: given.value for given in form.inputs}
        self.steps: list[Step] = []

    def workflow(self, values: Mapping[str, str]) -> Workflow:
        form = self.form
        for step in form.steps:
            self.step(step)
        for name, value in values.items():
            if name not in self.parameters:
                hint = closest(name, self.parameters) or f"its inputs are {', '.join(self.parameters) or 'none'}"
                raise InvalidInput(f"the workflow has no input {name!r}", hint=hint)
            if match := VALUES_OWN.search(value):
                message = (
                    f"the input {name!r} is given {value!r:.80}, and engines do not take {match[0]!r} as it stands"
                )
                raise InvalidInput(message, hint="put such a text into a file, and give its place")
        self.parameters.update(values)
        outputs = tuple(
            Output(name=taken.name, value=self.reference(str(taken.source), form.steps[0])) for taken in form.outputs
        )
        ports = (
            Port(name=name, value=None if value is None else Literal(value=text_of(value)))
            for name, value in self.parameters.items()
        )
        return Workflow(
            name=form.name,
            engine=ENGINE,
            kind="Workflow",
            parameters=tuple(ports),
            entry=Step(name=MAIN, call=Call(name=MAIN)),
            graphs=(Graph(name=MAIN, steps=tuple(self.steps), outputs=outputs),),
            operations=tuple(self.operations.values()),
        )

    def step(self, step: FormStep) -> None:
        operation, arguments = self.called(step)
        needs = [Need(step=name) for name in waits_for(step)]
        condition = None if step.when is None else self.condition(step.when, step, needs)
        self.steps.append(
            Step(
                name=step.name,
                call=Call(name=self.named(operation)),
                arguments=arguments,
                needs=all_of([*needs]),
                condition=condition,
                loop=self.loop(step),
                retry=Retry(limit=Literal(value=step.retries)) if step.retries else None,
            )
        )

    def called(self, step: FormStep) -> tuple[Operation, tuple[Argument, ...]]:
        """What a step runs, and what it passes to it."""
        values = {taken.name: self.argument_of(taken, step) for taken in step.inputs}
        entry = self.scope.entry(step)
        if entry is None:
            arguments = (
                Argument(name=name, value=value if isinstance(value, Reference | Template) else _text(value))
                for name, value in values.items()
            )
            return written_operation(step), tuple(arguments)
        built = entry.build(values)
        for name in built.parameters:
            self.parameters.setdefault(name, None)
        return built.operation, built.arguments

    def argument_of(self, step_input: Taken, step: FormStep) -> Any:
        """What an input takes: Python's own value of its type, or what refers to it."""
        if isinstance(step_input.source, str):
            return self.reference(step_input.source, step)
        if step_input.source is not None:
            return self.several(step_input.source, step)
        item = self.scope.declared(step).get(step_input.name)
        return text_of(step_input.value) if item is None else converted(step_input.value, item.type)

    def several(self, sources: tuple[str, ...], step: FormStep) -> Template:
        """What several steps give, as the text of a JSON list. What they give is put in as it is."""
        parts: list[str | Reference] = []
        for number, text in enumerate(sources):
            parts += ['", "' if number else '["', self.reference(text, step)]
        return Template(parts=(*parts, '"]'))

    def named(self, operation: Operation) -> str:
        """The name under which the workflow has an operation: its own, or a new one where that is another's."""
        for name, other in self.operations.items():
            if replace(operation, name=name) == other:
                return name
        name = fresh_name(operation.name, (MAIN, *self.operations))
        self.operations[name] = replace(operation, name=name)
        return name

    def reference(self, text: str, step: FormStep) -> Reference:
        """A reference of the form as one of the IR."""
        reference = read_reference(text)
        assert reference is not None, "a form with problems was composed"
        if reference.is_item:
            return Reference(to="item")
        if reference.is_input:
            return Reference(to="parameter", kind="parameter", name=reference.name)
        entry = self.scope.entry(self.scope.steps[reference.step])
        printed = isinstance(entry, LakeStep) and reference.name not in {port.name for port in entry.operation.outputs}
        return Reference(
            to="output", kind="result" if printed else "parameter", step=reference.step, name=reference.name
        )

    def condition(self, when: Comparison, step: FormStep, needs: list[Need]) -> Value:
        """What has to hold, as a comparison of texts.

        Not every engine compares numbers, so that a step of ours does it, which the step then waits for.
        """
        left_side = self.reference(when.left, step)
        if when.op in ("==", "!="):
            return _compared(left_side, when.op, text_of(when.right))
        operation = comparison()
        name = fresh_name(f"{step.name}-when", (*self.scope.steps, *(item.name for item in self.steps)))
        arguments = (
            Argument(name="left", value=left_side),
            Argument(name="op", value=Literal(value=when.op)),
            Argument(name="right", value=Literal(value=text_of(when.right))),
        )
        own = all_of([*needs])
        self.steps.append(Step(name=name, call=Call(name=self.named(operation)), arguments=arguments, needs=own))
        needs.append(Need(step=name))
        holds = Reference(to="output", kind="parameter", step=name, name=operation.outputs[0].name)
        return _compared(holds, "==", "true")

    def loop(self, step: FormStep) -> Loop | None:
        if step.over is None:
            return None
        if isinstance(step.over, str):
            return Loop(axes=(Axis(name="item", values=self.reference(step.over, step)),))
        return Loop(axes=(Axis(name="item", values=Native.of([text_of(item) for item in step.over])),))


def _compared(left: Reference, op: str, right: str) -> Expression:
    return Expression(language="cel", parts=(left, f" {op} {json.dumps(right, ensure_ascii=False)}"))


def _text(value: Any) -> Literal:
    return Literal(value=text_of(value))
