"""Operations that are ready-made steps, told by building these again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from couler_plugins.authoring.places import shown
from couler_plugins.authoring.source.texts import Reading, Written, constant, expression
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.hookspecs import CatalogueStep, StepInput
from couler_plugins.ir import Literal, Operation, Reference, Step, Value, replace

IMAGE = "image"
"""The only input that shapes a step and can be read off what was made of it."""


def checked_steps(steps: Any) -> list[CatalogueStep]:
    """The ready-made steps that were given.

    Raises:
        InvalidInput: they are something else.
    """
    if not isinstance(steps, Iterable) or isinstance(steps, (str, bytes)):
        raise InvalidInput(f"the steps are {shown(steps)}, which is no list", hint="give ready-made steps, or nothing")
    entries = list(steps)
    if wrong := [item for item in entries if not hasattr(item, "build")]:
        raise InvalidInput(f"{shown(wrong[0])} is no ready-made step", hint="give ready-made steps, or nothing")
    return entries


class Catalogue:
    """The ready-made steps that are known.

    Args:
        steps: the steps.
    """

    def __init__(self, steps: Iterable[CatalogueStep]) -> None:
        self._steps = list(steps)

    def call(self, step: Step, operation: Operation, read: Reading) -> tuple[str, dict[str, str | Written]] | None:
        """The call of `run_step` that writes a step, and its arguments; None where it is no ready-made one."""
        outputs = [output.name for output in operation.outputs]
        ports = {port.name for port in operation.inputs}
        passed = {argument.name: argument.value for argument in step.arguments}
        for entry in self._steps:
            declared = {item.name: item for item in entry.inputs}
            if [item.name for item in entry.outputs] != outputs or not ports <= declared.keys():
                continue
            inputs = {
                name: _typed(value, declared[name])
                for name, value in passed.items()
                if not _is_usual(value, declared[name])
            }
            image = operation.containers[0].image if operation.containers else None
            if IMAGE in declared and isinstance(image, Literal) and image.value != declared[IMAGE].default:
                inputs[IMAGE] = image.value
            if not self._is_same(entry, inputs, operation, passed):
                continue
            arguments: dict[str, str | Written] = {"step": constant(entry.name)}
            for name, value in inputs.items():
                shown = expression(value, read, step.name) if isinstance(value, Value) else constant(value)
                arguments[name.replace("-", "_")] = shown
            return "couler.run_step", arguments
        return None

    @staticmethod
    def _is_same(
        entry: CatalogueStep, inputs: Mapping[str, Any], operation: Operation, passed: Mapping[str, Value]
    ) -> bool:
        try:
            built = entry.build(inputs)
        except CoulerError:
            return False
        same = replace(built.operation, name="", retry=None, timeout=None) == replace(
            operation, name="", retry=None, timeout=None
        )
        return same and {argument.name: argument.value for argument in built.arguments} == dict(passed)


def _is_usual(value: Value, item: StepInput) -> bool:
    """Whether a step has this where nothing is given."""
    return bool(item.parameter) and value == Reference(to="parameter", kind="parameter", name=item.parameter)


def _typed(value: Value, item: StepInput) -> Any:
    """A constant as Python has it; what the run knows as it is."""
    if not isinstance(value, Literal):
        return value
    text = str(value.value)
    return text if item.type in ("text", "artifact") else json.loads(text)
