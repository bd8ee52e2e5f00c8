"""What the steps of a form can refer to: each other, the catalogue, and the inputs of the workflow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from couler_plugins.errors import InvalidInput
from couler_plugins.generation.code import read_function
from couler_plugins.generation.form import CODE, Form, FormStep
from couler_plugins.generation.references import Reference, waits_for
from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.hookspecs.steps import InputType, StepInput

__all__ = ["Scope"]


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
