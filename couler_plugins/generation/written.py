"""Operations of steps that a form writes out itself: a function of Python, or a command in a container."""

from __future__ import annotations

from couler_plugins.engine_kit.legalize.python.functions import operation_of
from couler_plugins.generation.code import read_function
from couler_plugins.generation.form import FormStep
from couler_plugins.generation.step_checks import PLACEHOLDER
from couler_plugins.ir import Container, Literal, Operation, Output, Port, Reference, Template, Value

__all__ = ["comparison", "written_operation"]

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
