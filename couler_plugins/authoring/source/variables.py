"""Names in a printed workflow: the variables of what steps give, and what steps have to be called to be called so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from couler_plugins.authoring.source.texts import Reading, constant, identifier, keys_of, refused
from couler_plugins.ir import (
    Graph,
    Need,
    Operation,
    Reference,
    Step,
    Workflow,
    callables,
    fresh_name,
    references,
    replace,
)


@dataclass(frozen=True)
class Around:
    """What is around a graph.

    Attributes:
        indent: how far its lines are from the left.
        inputs: the expressions that its inputs stand for.
        items: those for the item of the loop around a single call, by key.
        inside: whether it is the body of a loop, whose first step is renamed.
    """

    indent: int = 4
    inputs: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)
    inside: bool = False

    @property
    def names(self) -> frozenset[str]:
        """What stands for inputs and items."""
        return frozenset((*self.inputs.values(), *self.items.values()))


class Variables:
    """The names of one workflow.

    Args:
        workflow: the workflow.
        functions: the names of functions that are defined before it.
    """

    def __init__(self, workflow: Workflow, functions: Mapping[str, str]) -> None:
        self._by_name = callables(workflow)
        self._steps: set[str] = set()
        self._first_names: dict[str, str] = {}
        self._made: dict[str, tuple[str, Sequence[str]]] = {}
        whole = (workflow.graphs, workflow.handlers)
        self._read = {item.step for item in references(whole) if item.to == "output"}
        keys = {key for graph in workflow.graphs for step in graph.steps for key in keys_of(step)}
        self._taken = {"couler", "workflow", "item", *functions.values(), *keys}

    def new(self, name: str) -> str:
        """A name that nothing has yet."""
        result = identifier(name, self._taken)
        self._taken.add(result)
        return result

    def of(self, step: str) -> str:
        """The variable of a step that was written."""
        return self._made[step][0]

    def write(self, step: Step) -> str:
        """The variable for what a step gives; empty where nothing reads it."""
        if step.name not in self._read:
            return ""
        variable = self.new(step.name)
        callee = self._by_name[getattr(step.call, "name", "")]
        self._made[step.name] = (variable, self._outputs(callee))
        return variable

    def _outputs(self, callee: Graph | Operation) -> Sequence[str]:
        """The names of what a call declares to give, the first one the usual."""
        if isinstance(callee, Operation):
            return [output.name for output in callee.outputs]
        steps = [item.step for item in references(callee.outputs)]
        inner = {step.name: step for step in callee.steps}
        callees = [self._by_name[getattr(inner[name].call, "name", "")] for name in steps if name in inner]
        operations = [item for item in callees if isinstance(item, Operation)]
        names = self._outputs(operations[0]) if operations else []
        return [name for name in names if name != "result"]

    def step_name(self, step: Step, operation: Operation, around: Around) -> str:
        """What a step has to be called so that it gets the name that it has."""
        renamed = self._is_renamed(step.name, operation.name, around)
        follows = renamed or step.name == fresh_name(operation.name, self._steps)
        self._steps.add(step.name)
        return operation.name if follows else step.name

    def called(self, step: Step, around: Around) -> None:
        """Takes the name of a loop, which follows from that of the first step in it."""
        callee: Graph | Operation | None = self._by_name.get(getattr(step.call, "name", ""))
        while isinstance(callee, Graph):
            callee = self._by_name.get(getattr(callee.steps[0].call, "name", ""))
        if callee is not None:
            self._is_renamed(step.name, callee.name, around)
        self._steps.add(step.name)

    def _is_renamed(self, name: str, template: str, around: Around) -> bool:
        """Whether a step gets its name only once its own is given to the loop around it."""
        if not around.inside or not re.fullmatch(rf"{re.escape(template)}-once(-\d+)?", name):
            return False
        self._first_names[name] = template
        self._steps.add(template)
        return True

    def first_name(self, need: Need) -> Need:
        """A need by the name that its step has while it is written."""
        return replace(need, step=self._first_names.get(need.step, need.step))

    def reading(self, around: Around) -> Reading:
        """What references in a graph stand for."""

        def read(reference: Reference) -> str:
            match reference:
                case Reference(to="item", path=()) if reference.name in around.items:
                    return around.items[reference.name]
                case Reference(to="input", path=()) if reference.name in around.inputs:
                    return around.inputs[reference.name]
                case Reference(to="parameter", path=()):
                    return f"workflow.parameter({constant(reference.name)})"
                case Reference(to="output", path=()) if reference.step:
                    return self._output(reference)
            raise refused(reference.step or reference.name or reference.to, "is read, which the interface cannot")

        return read

    def _output(self, reference: Reference) -> str:
        if reference.step not in self._made:
            named = "" if reference.kind == "result" else f", {constant(reference.name)}"
            kind = f", {constant(reference.kind)}" if reference.kind == "artifact" else ""
            return f"couler.get_step_output({constant(reference.step)}{named}{kind})"
        variable, outputs = self._made[reference.step]
        is_printed = reference.kind == "result" or reference.name not in outputs
        usual = not outputs if is_printed else reference.name == outputs[0]
        if usual:
            return variable
        return f"{variable}.printed" if is_printed else f"{variable}[{constant(reference.name)}]"
