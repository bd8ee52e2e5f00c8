"""What runs at the end of a step, a graph or a run, and what says then how the run went.

A run of Airflow ends as the tasks do that nothing waits for. Where others wait for those that decide, a last task fails
if one of these did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING

from couler_airflow.generating.needs import ENDS, SUCCESS, Rule
from couler_airflow.generating.order import Called, Incoming, Order
from couler_airflow.generating.task import Task, wait_for
from couler_airflow.generating.texts import Jinja, Scope, jinja_quoted
from couler_airflow.legal import refusal
from couler_plugins.engine_kit.legalize.conditions import is_outcome
from couler_plugins.ir import Operation, Step, Workflow, fresh_name, references, replace

if TYPE_CHECKING:
    from couler_airflow.generating.tasks import Planner

ALL_DONE = Rule("all_done", after_failure=True)
FAIL = ("BashOperator", {"bash_command": "exit 1"})
TELL = ("BashOperator", {"bash_command": "echo Failed"})


class Endings:
    """Adds what runs at the end of something.

    Args:
        planner: plans the other tasks.
        is_strict: whether the failure of what runs at the end of a step fails the run.

    Attributes:
        is_open: whether what is planned now runs at the end of something, whose outcome is settled elsewhere.
    """

    def __init__(self, planner: Planner, *, is_strict: bool) -> None:
        self._planner = planner
        self._is_strict = is_strict
        self._deciding: list[Task] = []
        self.is_open = False

    def end(self, workflow: Workflow, scope: Scope, called: Called) -> None:
        """Adds what runs at the end of the run, and then, where it is needed, what says how it went."""
        planner = self._planner
        deciding = [*called.last, *self._deciding]
        if workflow.handlers:
            waits = [wait_for(task, ENDS) for task in planner.tasks]
            if any(is_outcome(reference) for reference in references(workflow)):
                place = fresh_name("outcome", self._names())
                failed = Incoming([wait_for(task, ENDS) for task in deciding], Rule("one_failed"))
                tells = planner.add((place,), failed, plain=TELL)
                waits.append(wait_for(tells, ENDS))
                outcome = f"(ti.xcom_pull(task_ids={jinja_quoted(tells.task_id)}) or 'Succeeded')"
                scope = replace_fields(scope, outcome=(Jinja(outcome),))
            incoming = Incoming(waits, ALL_DONE)
            steps = [replace(handler.step, name=handler.step.name or "exit") for handler in workflow.handlers]
            callees = [planner.by_name[getattr(step.call, "name", "")] for step in steps]
            if not isinstance(callees[0], Operation) or len(steps) > 1 or steps[0].condition:
                ended = planner.add((fresh_name("ended", self._names()),), incoming)
                incoming = Incoming([wait_for(ended, SUCCESS)])
            for step in steps:
                deciding += self._call(step, (), scope, incoming).last
        waited = {wait.task for task in planner.tasks for wait in task.waits}
        if workflow.handlers or any(task.number in waited for task in deciding):
            ends = [wait_for(task, ENDS) for task in {task.number: task for task in deciding}.values()]
            place = fresh_name("failed", self._names())
            planner.add((place,), Incoming(ends, Rule("one_failed")), plain=FAIL)

    def _names(self) -> set[str]:
        return {task.place[0] for task in self._planner.tasks}

    def _call(self, step: Step, place: tuple[str, ...], scope: Scope, incoming: Incoming) -> Called:
        before, self.is_open = self.is_open, True
        try:
            return self._planner.call(step, place, scope, incoming)
        finally:
            self.is_open = before

    def handle(
        self, step: Step, called: Called, place: tuple[str, ...], scope: Scope, order: Order, incoming: Incoming
    ) -> None:
        """Adds what runs at the end of a step, if that has run, and what others then wait for beside it."""
        planner, guards = self._planner, self._planner.guards
        if called.is_graph and (incoming.rule.unmet or incoming.rule.hollow):
            raise refusal("Step.handlers", step.name, "has an exit handler, and may be left out")
        tasks = order.ending(called.tasks) if called.is_graph else called.last
        outcomes = ENDS if called.is_graph else frozenset({"succeeded", "failed", "skipped"})
        after = order.joined([wait_for(task, outcomes) for task in tasks], step.name)
        conditions = [run.condition for task in called.last for run in task.runs if run.condition]
        planner.guards = (*guards, *conditions)
        last: list[Task] = []
        try:
            for handler in step.handlers:
                read = references(handler.step)
                if any(item.step == step.name and item.kind in ("parameter", "result") for item in read):
                    reason = "where the step failed, Airflow has no outputs of it, and its exit handler fails"
                    planner.diagnostics.note(step.name, "hands outputs to its exit handler", reason)
                own = replace(handler.step, name=f"{step.name}-{handler.step.name or 'exit'}")
                last += self._call(own, place, scope, after).last
        finally:
            planner.guards = guards
        done = Incoming([wait_for(task, ENDS) for task in last], ALL_DONE)
        called.beside.append(planner.add((*place, f"{step.name}-handled"), done))
        if self._is_strict:
            self._deciding += last

    def of_graph(self, ends: Sequence[Called], place: tuple[str, ...]) -> list[Task]:
        """The tasks that say how a graph went: those of its last steps, but for what may fail."""
        result: dict[int, Task] = {}
        for end in ends:
            tasks = end.last
            if end.step.tolerates and "failed" not in end.step.tolerates:
                reason = "what Argo calls an error is a failure in Airflow, and fails the run"
                self._planner.diagnostics.note(end.step.name, "may not have errors", reason)
            if "failed" in end.step.tolerates:
                done = Incoming([wait_for(task, ENDS) for task in end.last], ALL_DONE)
                before = [wait for task in end.last if task.rule.unmet for wait in task.waits]
                tasks = [self._planner.tasks[wait.task] for wait in before]
                tasks.append(self._planner.add((*place, f"{end.step.name}-done"), done))
            result |= {task.number: task for task in (*tasks, *end.beside)}
        return list(result.values())

    def finalize(
        self, steps: Sequence[Step], tasks: Sequence[Task], place: tuple[str, ...], scope: Scope, *, is_top: bool
    ) -> list[Task]:
        """Adds the steps of a graph that run after all others, whatever the outcome."""
        if not is_top:
            raise refusal("Graph.finalizers", steps[0].name, "runs at the end of a graph within another")
        ended = self._planner.add((*place, "ended"), Incoming([wait_for(task, ENDS) for task in tasks], ALL_DONE))
        own = Incoming([wait_for(ended, SUCCESS)])
        return [task for step in steps for task in self._call(replace(step, needs=None), place, scope, own).last]
