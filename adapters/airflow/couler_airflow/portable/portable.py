"""DAGs in terms that other engines understand: containers and functions, what they wait for, and what they are given.

What is more than that is refused here, by the name that Airflow has for it: nobody else knows what it means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from couler_airflow.bundle import DagBundle
from couler_airflow.containers import EMPTY
from couler_airflow.legal import Diagnostics
from couler_airflow.portable.builtin import branch_program, sensor_program
from couler_airflow.portable.containers import Carried, ContainerTask, is_plain_command
from couler_airflow.portable.dag import check_dag, kind_of, leave_out_of_dag, parameters_of
from couler_airflow.portable.ends import folded, nothing, retry, tell_differences, with_end
from couler_airflow.portable.facts import FACTS, fact_parameters, facts_step
from couler_airflow.portable.legality import check_task, leave_out_fields, refuse
from couler_airflow.portable.mapping import loop_of
from couler_airflow.portable.programs import Program, Want
from couler_airflow.portable.rules import Deciding, Rules, targets_of
from couler_airflow.portable.tasks import (
    SKIPPED,
    bash_of_function,
    bash_program,
    choose,
    fields_of,
    python_program,
    stop,
    value_of,
)
from couler_plugins.engine_kit.legalize.legality import raise_all
from couler_plugins.engine_kit.legalize.placeholders import is_placeholder
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Call,
    Graph,
    GraphView,
    Need,
    Operation,
    Step,
    Workflow,
    all_of,
    fresh_name,
    references,
    replace,
)
from couler_plugins.plan import Decision

PYTHON = frozenset(
    {
        "PythonOperator",
        "PythonVirtualenvOperator",
        "ExternalPythonOperator",
        "BranchPythonOperator",
        "BranchPythonVirtualenvOperator",
        "BranchExternalPythonOperator",
        "ShortCircuitOperator",
        "_PythonDecoratedOperator",
        "_PythonVirtualenvDecoratedOperator",
        "_PythonExternalDecoratedOperator",
        "_BranchPythonDecoratedOperator",
        "_BranchPythonVirtualenvDecoratedOperator",
        "_BranchExternalPythonDecoratedOperator",
        "_ShortCircuitDecoratedOperator",
        "_AssetMainOperator",
    }
)
CHOOSERS = ("BranchDateTimeOperator", "BranchDayOfWeekOperator")
EMPTIES = (EMPTY, "LatestOnlyOperator", "ExternalTaskMarker")
"""Operators that do nothing, where every run is the latest and nothing is cleared from elsewhere."""
MARKS = frozenset({"external_dag_id", "external_task_id", "logical_date", "recursion_depth", "do_xcom_push"})


def portable(workflow: Workflow, bundle: DagBundle) -> tuple[Workflow, tuple[Decision, ...]]:
    """A DAG as a workflow of containers and functions, and what is not quite the same about it.

    Args:
        workflow: the DAG, as it was lifted.
        bundle: the DAGs themselves.

    Raises:
        Unsupported: the DAG, or one of its tasks, is more than that.
    """
    assert workflow.source is not None
    carrying = _Carrying(workflow, bundle.live_of(workflow.source).dag, Diagnostics(workflow.label))
    return carrying.carried(), tuple(carrying.diagnostics.decisions)


@dataclass
class _Carrying:
    """Carries one DAG."""

    workflow: Workflow
    dag: Any
    diagnostics: Diagnostics
    _wants: dict[str, set[Want]] = field(default_factory=dict)
    _read: dict[str, set[str]] = field(default_factory=dict)
    _deciding: Deciding = field(default_factory=Deciding)

    def carried(self) -> Workflow:
        if not self.workflow.graphs:  # a placeholder stands for all of it
            return replace(self.workflow, kind="Workflow")
        (graph,) = self.workflow.graphs
        self.diagnostics.refusals += check_dag(self.dag)
        leave_out_of_dag(self.dag, self.diagnostics)
        placeholders = {item.name: item for item in self.workflow.operations if is_placeholder(item)}
        order = GraphView(graph).order()
        steps = {step.name: step for step in graph.steps}
        results: dict[str, Carried] = {}
        for name in reversed(order):  # what reads comes before what is read
            step = steps[name]
            if (operation := placeholders.get(getattr(step.call, "name", ""))) is not None:
                results[name] = Carried(operation)
                continue
            try:
                results[name] = self._task(self.dag.task_dict[name], fresh_name(name, {graph.name}))
            except Unsupported as error:
                self.diagnostics.refusals.append(error)
                continue
            for read in results[name].reads:
                self._wants.setdefault(read.task, set()).add(read.want)
                self._read.setdefault(name, set()).add(read.task)
        parameters = tuple(parameters_of(self.dag, self.diagnostics.refusals))
        rules = self._rules(order)
        carried = [
            item for step in graph.steps if step.name in results for item in self._step(step, results[step.name], rules)
        ]
        raise_all(self.diagnostics.refusals)
        carried, operations = self._with_facts(carried, [results[step.name].operation for step in carried], graph)
        wanted = {item.name for item in references((tuple(carried), tuple(operations))) if item.to == "parameter"}
        parameters += fact_parameters(wanted, (port.name for port in parameters))
        kind, rest = kind_of(self.dag)
        targets: tuple[str, ...] = ()
        if (ends := targets_of(self.dag.task_dict)) is not None:
            carried, operations, targets = with_end(carried, operations, ends)
        steps_left = self._without_empty(carried)
        kept = {step.call for step in steps_left}
        graph = replace(graph, regions=(), timeout=None, fail_fast=False, steps=steps_left, targets=targets)
        return replace(
            self.workflow,
            kind=kind,
            parameters=parameters,
            graphs=(graph,),
            operations=tuple(item for item in operations if Call(name=item.name) in kept),
            native_extra=rest,
        )

    def _rules(self, order: list[str] | tuple[str, ...]) -> Rules | None:
        try:
            return Rules(self.dag.task_dict, order, self._deciding)
        except Unsupported as error:
            self.diagnostics.refusals.append(error)
            return None

    def _step(self, step: Step, carried: Carried, rules: Rules | None) -> Iterator[Step]:
        """What calls what a task became."""
        if rules is None:
            return
        task = self.dag.task_dict[step.name]
        try:
            needs = rules.needs(step.name, self._read.get(step.name, ()))
        except Unsupported as error:
            self.diagnostics.refusals.append(error)
            return
        yield replace(
            step,
            call=Call(name=carried.operation.name),
            arguments=carried.arguments,
            loop=carried.loop,
            needs=needs,
            condition=rules.condition(step.name),
            retry=retry(task, step.retry),
            tolerates=(),
            role="normal",
        )

    def _task(self, task: Any, operation: str) -> Carried:
        """What a task becomes.

        Raises:
            Unsupported: only Airflow can run it.
        """
        carried = self._of_kind(task, operation)
        tell_differences(task, self.diagnostics)
        leave_out_fields(task, fields_of(task), self.diagnostics)
        return carried

    def _of_kind(self, task: Any, operation: str) -> Carried:
        kind = task.operator_class.__name__
        if kind in EMPTIES:
            raise_all(check_task(task, fields_of(task), MARKS))
            return Carried(nothing(operation))
        if task.is_mapped and kind in PYTHON:
            return self._mapped(task, operation)
        program = self._program(task, kind)
        if program is None:
            if self._wants.get(task.task_id):
                reason = f"gives an XCom that is read, and is a {kind}, which gives it to Airflow alone"
                raise refuse("Output.value", task.task_id, reason, "let it write a file, and read that")
            return ContainerTask(task, operation).carried()
        return self._finished(*program, operation)

    def _program(self, task: Any, kind: str) -> tuple[Program, bool] | None:
        """The program that a task becomes, and whether it returns something; None for a container."""
        if task.is_mapped:
            return None
        if kind in PYTHON:
            program, returns = python_program(task)
            if kind.lstrip("_").startswith("Branch"):
                self._choose(task, program)
            elif kind.lstrip("_").startswith("ShortCircuit"):
                self._deciding.stops[task.task_id] = bool(task.ignore_downstream_trigger_rules)
                stop(program)
            return program, returns
        if kind in CHOOSERS:
            program = branch_program(task)
            self._choose(task, program)
            return program, True
        if kind == "_BashDecoratedOperator":
            return bash_of_function(task), True
        if kind == "BashOperator":
            if is_plain_command(task) and not self._wants.get(task.task_id):
                return None
            return bash_program(task), value_of(task, "do_xcom_push") is not False
        sensor = sensor_program(task)
        return None if sensor is None else (sensor, kind == "DecoratedSensorOperator")

    def _choose(self, task: Any, program: Program) -> None:
        """Let a program choose between the tasks after it, as Airflow's branches do."""
        groups = {name: group for name, group in self.dag.task_group_dict.items() if name}
        following = {}
        for name in task.downstream_task_ids:
            if self.dag.task_dict[name].is_teardown:
                continue
            # What is chosen, or comes before what is: a task that is reached from one that is chosen runs, too.
            ids = {name, *self.dag.task_dict[name].get_flat_relative_ids(upstream=True)}
            ids |= {group for group, item in groups.items() if any(root.task_id in ids for root in item.roots)}
            following[name] = ids
        self._deciding.choices[task.task_id] = choose(program, following, [*self.dag.task_dict, *groups])

    def _finished(self, program: Program, returns: bool, operation: str) -> Carried:
        if program.catches:
            self._deciding.skips.add(program.task.task_id)
            program.outputs[SKIPPED] = "str(_skipped).lower()"
        wants = self._wants.get(program.task.task_id, set())
        item, arguments = program.finished(operation, wants, returns=returns)
        return Carried(item, arguments, reads=tuple(program.reads))

    def _mapped(self, task: Any, operation: str) -> Carried:
        names, loop, reads = loop_of(task)
        program, returns = python_program(task, names)
        if program.catches or task.operator_class.__name__ not in ("PythonOperator", "_PythonDecoratedOperator"):
            raise refuse("Step.loop", task.task_id, "decides over itself, or others, for each item of its loop")
        wants = self._wants.get(task.task_id, set())
        if any(want.form != "json" for want in wants):
            raise refuse("Step.loop", task.task_id, "gives a list of XComs, which is put into a text")
        item, arguments = program.finished(operation, wants, returns=returns)
        return Carried(item, arguments, loop, (*program.reads, *reads))

    def _with_facts(
        self, steps: list[Step], operations: list[Operation], graph: Graph
    ) -> tuple[list[Step], list[Operation]]:
        """Put the step before the others that tells the facts of the run, where one of them reads these."""
        reading = {step.name for step in steps for item in references(step.arguments) if item.step == FACTS}
        if not reading:
            return steps, operations
        if FACTS in self.dag.task_dict:
            raise refuse("Step.arguments", FACTS, "has the name of the step that tells the facts of a run", "rename it")
        name = fresh_name(FACTS, {graph.name, *(item.name for item in operations)})
        first, operation = facts_step(FACTS, name, scheduled=kind_of(self.dag)[0] == "CronWorkflow")
        steps = [
            replace(step, needs=all_of([*([step.needs] if step.needs else []), Need(step=FACTS)]))
            if step.name in reading
            else step
            for step in steps
        ]
        return [first, *steps], [operation, *operations]

    def _without_empty(self, steps: list[Step]) -> tuple[Step, ...]:
        """The steps without those that do nothing, where nothing depends on more of these than their order."""
        tasks = self.dag.task_dict
        empty = {
            step.name
            for step in steps
            if step.name in tasks and tasks[step.name].operator_class.__name__ in EMPTIES and step.condition is None
        }
        try:
            return folded(steps, empty) or tuple(steps)
        except Unsupported:
            return tuple(steps)
