"""Scope of a form: what its steps can refer to, the references in it, and the Python that a model wrote."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from couler_plugins.engine_kit.legalize.python.functions import Function
from couler_plugins.engine_kit.legalize.python.source import function_from_text
from couler_plugins.errors import InvalidInput
from couler_plugins.generation.form import CODE, ITEM, WORKFLOW, Form, FormStep
from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.hookspecs.steps import InputType, StepInput


class Reference(NamedTuple):
    """A reference: an output of a step, or an input of the workflow (`step` is `inputs`), or the item of a fan-out."""

    step: str
    name: str = ""

    @property
    def is_item(self) -> bool:
        """Whether it is the item of a fan-out."""
        return self.step == ITEM

    @property
    def is_input(self) -> bool:
        """Whether it is an input of the workflow."""
        return self.step == WORKFLOW

    @property
    def producer(self) -> str:
        """The step that gives it; empty where none does."""
        return "" if self.is_item or self.is_input else self.step


def read_reference(text: str) -> Reference | None:
    """A reference; None where the text is none."""
    if text == ITEM:
        return Reference(ITEM)
    step, dot, name = text.partition(".")
    return Reference(step, name) if step and dot and name and step != ITEM else None


def reads(step: FormStep) -> Iterator[tuple[str, str]]:
    """All references of a step as (where it stands, text)."""
    for step_input in step.inputs:
        yield from ((f"input {step_input.name!r}", text) for text in step_input.sources)
    if step.when is not None:
        yield "when", step.when.left
    if isinstance(step.over, str):
        yield "over", step.over


def waits_for(step: FormStep) -> list[str]:
    """The steps that a step waits for, each once, those that it reads first."""
    read = [reference.producer for _, text in reads(step) if (reference := read_reference(text)) is not None]
    return [name for name in dict.fromkeys((*read, *step.needs)) if name]


ENGINES_OWN = re.compile(r"\{\{|\{%|\$\(")
"""What engines take for placeholders, and fill in with whatever they know."""

VALUES_OWN = re.compile(rf"{ENGINES_OWN.pattern}|\$\$")
"""The same in values, which become arguments of containers: there, Kubernetes reads `$$` as `$`."""

BUILT_IN = frozenset({"bool", "dict", "float", "int", "list", "str"})
TYPES = (ast.Name, ast.Constant, ast.Subscript, ast.Tuple, ast.BinOp, ast.BitOr, ast.Load)

FUNCTION = "run"
LONGEST = 20_000
"""Characters of one function. Beyond that, nobody reads it; and parsers have their limits."""


def read_function(code: str, inputs: Collection[str], outputs: Collection[str]) -> Function:
    """The function of a step.

    Args:
        code: its text.
        inputs: the names of the step's inputs, which its parameters have to be.
        outputs: the names of what it gives, as texts.

    Raises:
        InvalidInput: the text is no such function.
    """
    if len(code) > LONGEST:
        raise InvalidInput(f"it has {len(code)} characters, more than {LONGEST}", hint="write less")
    if match := ENGINES_OWN.search(code):
        raise InvalidInput(f"engines take {match[0]!r} for a placeholder", hint="write it otherwise, as with a space")
    try:
        function = function_from_text(code, outputs=dict.fromkeys(outputs, "str"))
        definition = ast.parse(code).body[0]
    except (RecursionError, MemoryError):
        raise InvalidInput("it is too deep to be read", hint="write it with fewer levels") from None
    assert isinstance(definition, ast.FunctionDef), "a function is something else when it is read again"
    if function.name != FUNCTION:
        raise InvalidInput(f"the function is called {function.name!r}", hint=f"call it {FUNCTION!r}")
    if not _is_plain(definition.returns):
        raise InvalidInput("the annotation of what it returns is more than built-in types", hint="take it off")
    names = [parameter.name for parameter in function.inputs]
    if set(names) != set(inputs):
        message = f"its parameters are {_listed(names)}, and the step's inputs {_listed(inputs)}"
        raise InvalidInput(message, hint="give both the same names")
    return function


def _is_plain(annotation: ast.expr | None) -> bool:
    """Whether an annotation holds built-in types only: what loads the function may evaluate it."""
    nodes = ast.walk(annotation) if annotation is not None else ()
    return all(isinstance(node, TYPES) and getattr(node, "id", "str") in BUILT_IN for node in nodes)


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"


class Scope:
    """A form, looked at beside a catalogue.

    Args:
        form: the form.
        catalogue: ready-made steps by name.
    """

    def __init__(self, form: Form, catalogue: Mapping[str, CatalogueStep]) -> None:
        self.form = form
        self.catalogue = catalogue
        self.steps = {step.name: step for step in form.steps}
        self.inputs = {given.name: given for given in form.inputs}

    def entry(self, step: FormStep) -> CatalogueStep | None:
        """What a step uses; None where that is written in the form, or where there is no such thing."""
        return None if step.use in CODE else self.catalogue.get(step.use)

    def declared(self, step: FormStep) -> dict[str, StepInput]:
        """The inputs of what a step uses, by name; nothing where nobody says of what types they are."""
        entry = self.entry(step)
        if entry is not None:
            return {item.name: item for item in entry.inputs}
        return _parameters(step) if step.use == "python" else {}

    def outputs(self, step: FormStep) -> dict[str, InputType | None]:
        """The types of what a step gives; None where nobody knows."""
        entry = self.entry(step)
        if entry is None:
            return dict.fromkeys(step.outputs)
        return {item.name: item.type for item in entry.outputs}

    def type_of(self, reference: Reference) -> InputType | None:
        """The type of what a reference gives; None where nobody knows, or there is no such thing."""
        step = self.steps.get(reference.producer)
        return self.outputs(step).get(reference.name) if step is not None else None

    @cached_property
    def ancestors(self) -> dict[str, frozenset[str]]:
        """All steps that each step waits for, directly or not; nothing where there is a circle."""
        ancestors: dict[str, frozenset[str]] = {}
        for name in self.order:
            before = [other for other in waits_for(self.steps[name]) if other in ancestors]
            ancestors[name] = frozenset(before).union(*(ancestors[other] for other in before))
        return ancestors

    @property
    def order(self) -> tuple[str, ...]:
        """The steps in an order in which they may run; empty where there is a circle."""
        return self._sorted[0]

    @property
    def cycle(self) -> tuple[str, ...]:
        """The names of steps that wait for each other, each for the one before it; empty where none do."""
        return self._sorted[1]

    @cached_property
    def _sorted(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        steps = self.steps
        before = {name: [other for other in waits_for(step) if other in steps] for name, step in steps.items()}
        try:
            return tuple(TopologicalSorter(before).static_order()), ()
        except CycleError as error:
            return (), tuple(error.args[1])

    @cached_property
    def conditions(self) -> dict[str, frozenset[tuple[str, str, str]]]:
        """What has to hold for each step to run: its own comparison and those of all that it waits for."""
        conditions: dict[str, frozenset[tuple[str, str, str]]] = {}
        for name in self.order:
            step = self.steps[name]
            own = {(step.when.left, step.when.op, str(step.when.right))} if step.when is not None else set()
            before = [conditions[other] for other in waits_for(step) if other in conditions]
            conditions[name] = frozenset(own).union(*before)
        return conditions


def _parameters(step: FormStep) -> dict[str, StepInput]:
    """The parameters of a step's function, as inputs; none where it is no function."""
    try:
        inputs = read_function(step.code, [taken.name for taken in step.inputs], step.outputs).inputs
    except InvalidInput:
        return {}
    return {
        item.name: StepInput(name=item.name, description=item.name, type="text" if item.kind == "dict" else item.kind)
        for item in inputs
    }
