"""Lists of what the runs of a loop gave: their items are texts elsewhere, and their readers know what they were."""

from __future__ import annotations

from couler_kfp.portable.types import type_of
from couler_plugins.ir import Graph, Operation, Reference, Step, Workflow, callables

LIST = "LIST:"


class Collected:
    """Finds the types of the items of such lists.

    Args:
        workflow: the pipeline, as it was lifted.
    """

    def __init__(self, workflow: Workflow) -> None:
        self._callees = callables(workflow)
        self._calls: dict[str, list[tuple[Graph, Step]]] = {}
        for graph in workflow.graphs:
            for step in graph.steps:
                self._calls.setdefault(getattr(step.call, "name", ""), []).append((graph, step))

    def type_of(self, callee: Graph | Operation, port: str) -> str:
        """Return the type of what an input takes, `LIST:` and that of its items; empty where nothing is collected."""
        return self._of_input(callee, port, frozenset())

    def _of_input(self, callee: Graph | Operation, port: str, seen: frozenset[tuple[str, str]]) -> str:
        if (callee.name, port) in seen:
            return ""
        seen |= {(callee.name, port)}
        types: set[str] = set()
        for graph, step in self._calls.get(callee.name, ()):
            for argument in step.arguments:
                if argument.name == port and argument.kind == "parameter" and isinstance(argument.value, Reference):
                    types.add(self._of_value(argument.value, graph, seen))
        return max(types, default="")

    def _of_value(self, value: Reference, graph: Graph, seen: frozenset[tuple[str, str]]) -> str:
        if value.path:
            return ""
        if value.to == "input":
            return self._of_input(graph, value.name, seen)
        if value.to != "output" or not value.step:
            return ""
        output_of = self._of_output(graph, value.step, value.name)
        return output_of if output_of.startswith(LIST) else ""

    def _of_output(self, graph: Graph, name: str, output: str) -> str:
        """Return the type of an output of a step."""
        step = next(step for step in graph.steps if step.name == name)
        callee = self._callees[getattr(step.call, "name", "")]
        output_of = next((item for item in callee.outputs if item.name == output and item.kind == "parameter"), None)
        kind = "STRING" if output_of is None else type_of(output_of)
        if (
            isinstance(callee, Graph)
            and output_of is not None
            and isinstance(output_of.value, Reference)
            and output_of.value.step
        ):
            kind = self._of_output(callee, output_of.value.step, output_of.value.name)
        return f"{LIST}{kind}" if step.loop is not None else kind
