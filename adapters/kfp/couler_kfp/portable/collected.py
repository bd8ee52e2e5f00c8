"""Lists of what all runs of a loop gave: elsewhere their items are texts, and their readers make them what they were."""

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
        found: set[str] = set()
        for graph, step in self._calls.get(callee.name, ()):
            for argument in step.arguments:
                if argument.name == port and argument.kind == "parameter" and isinstance(argument.value, Reference):
                    found.add(self._of_value(argument.value, graph, seen))
        return max(found, default="")

    def _of_value(self, value: Reference, graph: Graph, seen: frozenset[tuple[str, str]]) -> str:
        if value.path:
            return ""
        if value.to == "input":
            return self._of_input(graph, value.name, seen)
        if value.to != "output" or not value.step:
            return ""
        made = self._of_output(graph, value.step, value.name)
        return made if made.startswith(LIST) else ""

    def _of_output(self, graph: Graph, name: str, output: str) -> str:
        """Return the type of an output of a step."""
        step = next(step for step in graph.steps if step.name == name)
        callee = self._callees[getattr(step.call, "name", "")]
        made = next((item for item in callee.outputs if item.name == output and item.kind == "parameter"), None)
        kind = "STRING" if made is None else type_of(made)
        if isinstance(callee, Graph) and made is not None and isinstance(made.value, Reference) and made.value.step:
            kind = self._of_output(callee, made.value.step, made.value.name)
        return f"{LIST}{kind}" if step.loop is not None else kind
