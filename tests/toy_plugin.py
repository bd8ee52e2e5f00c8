"""A small real engine for the tests of the core: documents of `kind: Toy` with a list of steps.

Each step is a mapping with `name`, `run`, and optionally `after`, `timeout`, `retries`, `when` and `each`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from couler_plugins.documents import Document, diff
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.hookspecs import Adapter, Capability, Context, Optimizer, hookimpl
from couler_plugins.ir import (
    Axis,
    Call,
    Container,
    Graph,
    Home,
    Homes,
    Literal,
    Loop,
    Native,
    Need,
    Operation,
    Retry,
    Step,
    Workflow,
    all_of,
    replace,
)
from couler_plugins.ir.bundle import Bundle
from couler_plugins.ir.homes import UNDECLARED
from couler_plugins.plan import Lowered, Plan, TracedEdit


@dataclass(frozen=True)
class ToyOptions:
    strict: bool = False


class ToyAdapter(Adapter):
    """Documents of `kind: Toy`."""

    engine: ClassVar[str] = "toy"
    kind: ClassVar[str] = "Toy"
    options: ClassVar[type] = ToyOptions
    capabilities: ClassVar[tuple[Capability, ...]] = (Capability("Operation.timeout", "full", "timeout"),)

    def homes(self) -> Homes:
        return {**UNDECLARED, "timeout": Home(at="operation")}

    def claims(self, document: Document) -> bool:
        return isinstance(document.data, dict) and document.data.get("kind") == self.kind

    def lift(self, bundle: Bundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
        workflows = []
        for number, document in enumerate(bundle.documents):
            if not self.claims(document):
                continue
            steps = document.data.get("steps")
            if not isinstance(steps, list):
                file, line = document.file, document.line_of(("steps",))
                refuse(bundle.file_numbers[number], InvalidInput("steps is no list", file=file, line=line))
                continue
            workflows.append(self.workflow(number, document.data, steps))
        return Plan(bundle=bundle, originals=tuple(workflows), workflows=tuple(workflows), homes=self.homes())

    def workflow(self, number: int, data: dict[str, Any], steps: list[dict[str, Any]]) -> Workflow:
        sources = [(number, "steps", index) for index in range(len(steps))]
        graph = Graph(name="main", steps=tuple(map(_step, steps, sources)), source=(number,))
        return Workflow(
            name=str(data.get("name", "")),
            engine=self.engine,
            kind=self.kind,
            entry=Step(name="main", call=Call(name="main"), source=(number,)),
            graphs=(graph,),
            operations=tuple(map(_operation, steps, sources)),
            source=(number,),
        )

    def lower(self, plan: Plan, options: ToyOptions) -> Lowered:
        originals = {workflow.source: workflow for workflow in plan.originals}
        changed: dict[int, Any] = {}
        edits: list[TracedEdit] = []
        refused: dict[int, Exception] = {}
        for workflow in plan.workflows:
            assert workflow.source is not None
            number = int(workflow.source[0])
            original = originals[workflow.source]
            if workflow == original:
                continue
            if options.strict or replace(workflow, operations=original.operations) != original:
                error = Unsupported("a toy can only change operations", engine="toy", step=workflow.label)
                refused[plan.bundle.file_numbers[number]] = error
                continue
            old = plan.bundle.documents[number].data
            changed[number] = new = copy.deepcopy(old)
            for operation in workflow.operations:
                assert operation.source is not None
                _write(new["steps"][operation.source[2]], operation)
            decisions = {(item.document, item.subject): index for index, item in enumerate(plan.decisions)}
            for edit in diff(old, new):
                path = edit.before or edit.after or ()
                name = old["steps"][path[1]]["name"]
                decision = decisions.get((number, name))
                edits.append(TracedEdit(document=number, edit=edit, subject=f"main/{name}", decision=decision))
        return Lowered(
            bundle=plan.bundle, changed=changed, edits=tuple(edits), decisions=plan.decisions, refused=refused
        )


class TinAdapter(ToyAdapter):
    """Documents of `kind: Tin`, for calls that hold workflows of two engines."""

    engine: ClassVar[str] = "tin"
    kind: ClassVar[str] = "Tin"


@dataclass(frozen=True)
class Hurry:
    """Gives every operation without a timeout one."""

    name: ClassVar[str] = "hurry"
    seconds: int = 60

    def run(self, plan: Plan, ctx: Context) -> Plan:
        return plan.map_operations(self.name, self.hurried, action="timeout set", reason="it had none")

    def hurried(self, operation: Operation) -> Operation:
        return operation if operation.timeout else replace(operation, timeout=Literal(value=self.seconds))


@hookimpl
def couler_adapters() -> list[Adapter]:
    return [ToyAdapter(), TinAdapter()]


@hookimpl
def couler_optimizers() -> list[type[Optimizer]]:
    return [Hurry]


def _step(data: dict[str, Any], source: tuple[int | str, ...]) -> Step:
    return Step(
        name=data["name"],
        call=Call(name=data["name"]),
        needs=all_of([Need(step=name) for name in data.get("after", [])]),
        condition=Literal(value=data["when"]) if "when" in data else None,
        loop=Loop(axes=(Axis(name="item", values=Native.of(data["each"])),)) if "each" in data else None,
        source=source,
    )


def _operation(data: dict[str, Any], source: tuple[int | str, ...]) -> Operation:
    return Operation(
        name=data["name"],
        kind="container",
        containers=(Container(image=Literal(value=data.get("run"))),),
        timeout=Literal(value=data["timeout"]) if "timeout" in data else None,
        retry=Retry(limit=Literal(value=data["retries"])) if "retries" in data else None,
        source=source,
    )


def _write(data: dict[str, Any], operation: Operation) -> None:
    for key, value in (("timeout", operation.timeout), ("retries", operation.retry and operation.retry.limit)):
        if isinstance(value, Literal):
            data[key] = value.value
