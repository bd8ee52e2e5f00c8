"""Types of parameters: functions say theirs, and what only hands something on has the type of what reads it.

All else is text. KFP converts where two types differ, as its compiler relies on for items of loops.
"""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.engine_kit.legalize.python.functions import Function, Kind, function_of
from couler_plugins.ir import Call, Graph, Operation, Reference, Step, references


class Types:
    """The types of what the graphs and operations of a workflow take and give.

    Args:
        callees: the graphs and operations by name.
    """

    def __init__(self, callees: Mapping[str, Graph | Operation]) -> None:
        self._callees = callees
        operations = (item for item in callees.values() if isinstance(item, Operation))
        self._functions = {item.name: found for item in operations if (found := function_of(item))}
        self._known: dict[tuple[str, str], Kind] = {}

    @property
    def all_functions(self) -> bool:
        """Whether nothing runs but functions."""
        return all(isinstance(item, Graph) or name in self._functions for name, item in self._callees.items())

    def callee(self, step: Step) -> Graph | Operation:
        """What a step calls, which is in the workflow."""
        return self._callees[getattr(step.call, "name", "")]

    def function(self, step: Step) -> Function | None:
        """The function that a step calls."""
        return self._functions.get(step.call.name) if isinstance(step.call, Call) else None

    def input_kind(self, callee: Graph | Operation, port: str) -> Kind:
        """The kind of what an input takes."""
        if callee.name in self._functions and isinstance(callee, Operation):
            return next((item.kind for item in self._functions[callee.name].inputs if item.name == port), "text")
        if isinstance(callee, Operation):
            return "text"
        key = (callee.name, port)
        if key not in self._known:
            self._known[key] = "text"  # of what calls itself, which is refused elsewhere
            self._known[key] = self._of_input(callee, port)
        return self._known[key]

    def output_kind(self, step: Step, output: str) -> Kind:
        """The kind of an output of a step: a list of what all its runs gave, where it loops."""
        if step.loop is not None:
            return "list"
        callee = self._callees.get(getattr(step.call, "name", ""))
        if isinstance(callee, Graph):
            value = next((item.value for item in callee.outputs if item.name == output), None)
            inner = {item.name: item for item in callee.steps}
            match value:
                case Reference(to="output") if value.step in inner:
                    return self.output_kind(inner[value.step], value.name)
                case Reference(to="input"):
                    return self.input_kind(callee, value.name)
        function = self.function(step)
        return dict(function.outputs).get(output, "text") if function is not None else "text"

    def _of_input(self, graph: Graph, port: str) -> Kind:
        kinds: set[Kind] = set()
        for step in graph.steps:
            callee = self._callees.get(getattr(step.call, "name", ""))
            for argument in step.arguments:
                match argument.value:
                    case Reference(to="input", path=()) if argument.value.name == port:
                        kinds.add("text" if callee is None else self.input_kind(callee, argument.name))
                    case other if any(item.to == "input" and item.name == port for item in references(other)):
                        kinds.add("text")
            if any(item.to == "input" and item.name == port for item in references(step.loop)):
                kinds.add("list")
        return kinds.pop() if len(kinds) == 1 else "text"
