"""Optimizers and a service for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from hera.workflows import Container, Step, Steps, Workflow, WorkflowsService

from couler_plugins import ir
from couler_plugins.hookspecs import Context
from couler_plugins.plan import Decision, Plan

__all__ = ["Counting", "Doing", "Doubling", "Recorder", "twins"]


def twins(cls: type[Workflow] = Workflow, **fields: Any) -> Any:
    """A workflow with two equal templates, of which dedupe leaves one."""
    with cls(**({"name": "twins", "entrypoint": "main"} | fields)) as workflow:
        one = Container(name="one", image="busybox", command=["true"])
        two = Container(name="two", image="busybox", command=["true"])
        with Steps(name="main"):
            Step(name="a", template=one)
            Step(name="b", template=two)
    return workflow


@dataclass(frozen=True)
class Counting:
    """Appends a mark to the image of every container, so that each further run shows."""

    name: ClassVar[str] = "counting"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        return plan.map_operations(self.name, self._marked, action="marked", reason="for a test")

    def _marked(self, operation: ir.Operation) -> ir.Operation:
        marked = tuple(
            ir.replace(item, image=ir.Literal(value=f"{item.image.value}+"))
            for item in operation.containers
            if isinstance(item.image, ir.Literal)
        )
        return ir.replace(operation, containers=marked) if marked else operation


@dataclass(frozen=True)
class Doubling:
    """Adds a workflow that is in no file."""

    name: ClassVar[str] = "doubling"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        (workflow,) = plan.workflows
        child = ir.replace(ir.without_origin(workflow), name="child")
        decision = Decision(optimizer=self.name, workflow=child.label, action="added", reason="for a test")
        return replace(plan, workflows=(child, workflow), decisions=(*plan.decisions, decision))


@dataclass(frozen=True)
class Doing:
    """Does something while it runs, and changes nothing."""

    name: ClassVar[str] = "doing"
    action: Callable[[], object] = field(default=lambda: None, metadata={"option": False})

    def run(self, plan: Plan, ctx: Context) -> Plan:
        self.action()
        return plan


class Recorder(WorkflowsService):
    """Keeps what would be sent to a server."""

    def __init__(self) -> None:
        super().__init__(host="https://argo.invalid", namespace="test")
        self.sent: list[Any] = []

    def __getattribute__(self, name: str) -> Any:
        return self._keep if name.startswith(("create_", "lint_")) else super().__getattribute__(name)

    def _keep(self, request: Any, *_: object, **__: object) -> Any:
        names = ("workflow", "template", "cron_workflow")
        (body,) = [getattr(request, name) for name in names if hasattr(request, name)]
        self.sent.append(body.model_dump(by_alias=True, exclude_none=True))
        return body
