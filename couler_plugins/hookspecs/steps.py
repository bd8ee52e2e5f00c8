"""Contract of ready-made steps, for authors and for models that write workflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from couler_plugins.ir import Argument, Operation
from couler_plugins.markers import hookspec

__all__ = ["Built", "CatalogueStep", "InputType", "StepInput", "StepOutput", "StepVariable", "couler_steps"]

InputType = Literal["text", "int", "float", "bool", "list", "artifact"]
"""What an input takes and an output gives. All travel as texts: a list as JSON, an artifact as the place where it is
kept (a URL or a path), because not every engine hands files from step to step."""


class StepInput(msgspec.Struct, frozen=True, kw_only=True):
    """What a step can be given.

    Attributes:
        name: kebab-case, unique in its step.
        description: what it is for, in one sentence.
        type: what it takes.
        default: what it is where nothing is given; None where something has to be.
        parameter: the parameter of the workflow that it is where nothing is given; empty for none.
        choices: the only values there are; empty where any of the type is one.
        constant: whether the value has to be known when the workflow is written: it shapes the step.
    """

    name: str
    description: str
    type: InputType = "text"
    default: str | int | float | bool | tuple[str, ...] | None = None
    parameter: str = ""
    choices: tuple[str, ...] = ()
    constant: bool = False

    @property
    def required(self) -> bool:
        """Whether a caller has to give something."""
        return self.default is None and not self.parameter


class StepOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What a step gives: a parameter, or an artifact where its type says so.

    Attributes:
        name: kebab-case, unique in its step.
        description: what it is, in one sentence.
        type: what it gives.
    """

    name: str
    description: str
    type: InputType = "text"

    @property
    def kind(self) -> Literal["parameter", "artifact"]:
        """Whether it is a value, or a file that is kept somewhere."""
        return "artifact" if self.type == "artifact" else "parameter"


class StepVariable(msgspec.Struct, frozen=True, kw_only=True):
    """A variable of its environment that a step reads: what has to stay secret comes from a Secret, under this name.

    Attributes:
        name: of the variable.
        instead: the input that says the same to everybody; where that is given, the variable is not read.
        optional: whether the step works without it.
    """

    name: str
    instead: str = ""
    optional: bool = False


class Built(NamedTuple):
    """A step with its arguments, in terms of the IR.

    Attributes:
        operation: what runs; two calls that differ in constants have different operations of the same name.
        arguments: what its call passes.
        parameters: names of the parameters that the workflow has to have for it.
    """

    operation: Operation
    arguments: tuple[Argument, ...]
    parameters: tuple[str, ...] = ()


class CatalogueStep(Protocol):
    """A ready-made step: a frozen value. `couler_plugins.steps` makes such values of containers, scripts and jobs.

    One that reads secrets has the attribute `variables` besides: a tuple of `StepVariable`.
    """

    @property
    def name(self) -> str:
        """Kebab-case, unique among all plugins."""

    @property
    def description(self) -> str:
        """What it does, in one sentence."""

    @property
    def tags(self) -> tuple[str, ...]:
        """Words that people look for; the first is its group."""

    @property
    def inputs(self) -> tuple[StepInput, ...]:
        """What it can be given."""

    @property
    def outputs(self) -> tuple[StepOutput, ...]:
        """What it gives."""

    def build(self, arguments: Mapping[str, Any]) -> Built:
        """What runs, and what its call passes.

        Args:
            arguments: by the name of the input, Python's own values (texts, numbers, lists) or values of the IR.

        Raises:
            InvalidInput: an argument is missing, unknown or of another type; step and input are named.
        """


@hookspec
def couler_steps() -> list[CatalogueStep]:  # type: ignore[empty-body]  # pluggy wants none
    """Return the ready-made steps of this plugin."""
