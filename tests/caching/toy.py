"""A facet for no engine: every operation is what its name says, and everything is declared pure but for a few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.hookspecs.caching import UNDECLARED, Declared, Material, Objection, Said, Shards
from couler_plugins.ir import Argument, Graph, Native, Operation, Output, Port, Reference, Step, Workflow, replace
from ir.small import graph, workflow

__all__ = ["OPERATIONS", "TOY", "Toy", "artifact", "eats", "flow", "main", "makes", "rules", "verdicts"]


@dataclass
class Toy:
    """What is known of the operations of a workflow.

    Attributes:
        impure: names of operations of which nothing is said.
        said: what is said of others than "pure", by name.
        objections: what speaks against operations, by name.
        reads: parameters that operations read by themselves, by name.
        unwrappable: names of operations whose command cannot be wrapped.
        covers: names of operations whose artifacts a wrapper sees.
        programs: texts of programs, by name.
        allow: what is waived for operations, by name.
        itself: whether what is said is said of the operations themselves.
        around: what is said of everything.
    """

    impure: Sequence[str] = ()
    said: Mapping[str, str] = field(default_factory=dict)
    objections: Mapping[str, Objection] = field(default_factory=dict)
    reads: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unwrappable: Sequence[str] = ()
    covers: Sequence[str] = ()
    programs: Mapping[str, str] = field(default_factory=dict)
    allow: Mapping[str, str] = field(default_factory=dict)
    itself: bool = True
    around: Sequence[Said] = ()
    declared: Declared = UNDECLARED
    shards: Shards | None = None
    needs_rights: Objection | None = None
    part_of: str = ""

    def without_traces(self, workflow: Workflow) -> Workflow:
        return workflow

    def declarations(self, graph: Graph | None, step: Step, operation: Operation) -> Sequence[Said]:
        text, allow = self.own_declaration(operation), self.allow.get(operation.name, "")
        return [Said("the test", text, allow, self.itself), *self.around]

    def own_declaration(self, operation: Operation) -> str | None:
        return None if operation.name in self.impure else self.said.get(operation.name, "pure")

    def how_to_declare(self, operation: Operation) -> str:
        return f"a word for {operation.name}"

    def how_to_allow(self, operation: Operation, words: Sequence[str]) -> str:
        return f"{','.join(words)} for {operation.name}"

    def how_to_version(self, operation: Operation) -> str:
        return f"a version for {operation.name}"

    def how_to_bound(self, operation: Operation) -> str:
        return f"a number for {operation.name}"

    def material(self, operation: Operation, *, result: bool) -> Material:
        objection = self.objections.get(operation.name)
        return Material(
            content=[operation.name, result],
            reads=tuple(
                Reference(to="parameter", kind="parameter", name=x) for x in self.reads.get(operation.name, ())
            ),
            objections=() if objection is None else (objection,),
            programs=(self.programs.get(operation.name, ""),),
        )

    def wrapper_objection(self, operation: Operation, material: Material) -> Objection | None:
        refused = operation.name in self.unwrappable
        return Objection("not-wrapped", "it has no command", "storage") if refused else None

    def covers_contents(self, operation: Operation) -> bool:
        return operation.name in self.covers

    def repeats_inputs(self, output: Output) -> bool:
        return False

    def wrapper_note(self, operation: Operation, options: Mapping[str, str]) -> str:
        return f"it may wait {options['timeout']} s"

    def items(self, step: Step) -> int | None:
        if step.loop is None:
            return 1
        values = step.loop.axes[0].values
        return len(values.data) if isinstance(values, Native) else None

    def place_objection(self, argument: Argument) -> Objection | None:
        fixed = isinstance(argument.value, Native) and "fixed" in str(argument.value)
        return None if fixed else Objection("unversioned-input", "its place may change")


def makes(name: str, *inputs: str) -> Operation:
    """An operation with parameters that gives a parameter `y` and an artifact `o`."""
    outputs = (Output(name="y"), Output(name="o", kind="artifact"))
    return Operation(name=name, kind="container", inputs=tuple(Port(name=x) for x in inputs), outputs=outputs)


def eats(name: str, *artifacts: str) -> Operation:
    """An operation that takes artifacts and gives an artifact `o`."""
    ports = tuple(Port(name=x, kind="artifact") for x in artifacts)
    return Operation(name=name, kind="container", inputs=ports, outputs=(Output(name="o", kind="artifact"),))


def artifact(name: str, step: str, output: str = "o") -> Argument:
    """An artifact of a step, as an argument; of the graph's own inputs where the step is empty."""
    if not step:
        return Argument(name=name, kind="artifact", value=Reference(to="input", kind="artifact", name=output))
    value = Reference(to="output", kind="artifact", step=step, name=output)
    return Argument(name=name, kind="artifact", value=value)


def verdicts(workflow: Workflow, toy: Toy | None = None, *, assume_pure: bool = False) -> dict[str, Verdict]:
    """The verdicts on a workflow's calls, by graph and step."""
    found = Analysis(workflow, toy or Toy(), assume_pure=assume_pure).verdicts
    return {"/".join(place): verdict for place, verdict in found.items()}


def rules(workflow: Workflow, toy: Toy | None = None, *, assume_pure: bool = False) -> dict[str, str]:
    """The rule against each call, empty where there is none."""
    found = verdicts(workflow, toy, assume_pure=assume_pure)
    return {place: "" if verdict.objection is None else verdict.objection.rule for place, verdict in found.items()}


OPERATIONS = (makes("op"), makes("bad"), makes("use", "x"), eats("eat", "a"))
TOY = Toy(impure=["bad"])


def flow(*graphs: Graph, **more: Any) -> Workflow:
    """A workflow of graphs that call these operations."""
    return replace(workflow(*graphs, operations=OPERATIONS), **more)


def main(*steps: Step, **more: Any) -> Workflow:
    """The same with one graph."""
    return flow(graph(*steps), **more)
