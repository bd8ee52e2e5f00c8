"""The parts of a DAG, and what starts them, as workflows: what lowering makes DAGs of, and lifting those gives again.

A task that another part's task waits for has a proxy there under the same name, so that trigger rules, arguments and
templates stay as they are. A template that pulls the result of a task without waiting for it pulls it from the other
part. Code that does so finds proxies, too, and waits for a gate that opens when they have ended, however they did.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from couler_airflow.pulls import RESULT
from couler_airflow.runtime.upstream import XCOM
from couler_airflow.split.crossing import Crossing
from couler_airflow.split.reads import Reads
from couler_airflow.split.roles import GATE, PROXY, TRIGGER, WATCHER, links_of, operation
from couler_airflow.split.texts import places, respelled
from couler_airflow.trigger_rules import needs_of
from couler_airflow.values import Values
from couler_plugins.hookspecs.splitting import Parts
from couler_plugins.ir import (
    Call,
    Operation,
    Region,
    Step,
    Workflow,
    fresh_name,
    needed,
    replace,
)

__all__ = ["PART_TAG", "detached", "leaves", "part_id"]

PART_TAG = "couler-part"
"""The tag of the DAGs that parts become."""
GATE_ID, WATCHER_ID = "couler-gate", "couler-watcher"
"""What the tasks are called that wait for all proxies of a part, and for all parts."""
ALWAYS = (RESULT, XCOM)
"""What a proxy hands on whether or not anything is seen to read it: a result, and what the cache says of it."""


def part_id(dag_id: str, part: str) -> str:
    """The id of the DAG that a part becomes."""
    return f"{dag_id}__{part}"


def detached(workflow: Workflow, dag: Any, parts: Mapping[str, Sequence[str]], reads: Reads) -> Parts:
    """The parts of a DAG as workflows, and what is left of it.

    Args:
        workflow: the DAG, lifted.
        dag: the DAG itself.
        parts: the names of each part's tasks, by the name of the part, in an order in which they may start.
        reads: what tasks read of others beside what they are handed.
    """
    return _Detaching(workflow, dag, parts, reads).parts()


def leaves(dag: Any) -> list[str]:
    """The tasks of which Airflow makes the state of a run (`DagRun._tis_for_dagrun_state`)."""

    def counts(task: Any) -> bool:
        return not task.is_teardown or task.on_failure_fail_dagrun

    tasks = dag.task_dict
    last_tasks = [
        name
        for name, task in tasks.items()
        if counts(task) and not any(counts(tasks[after]) for after in task.downstream_task_ids)
    ]
    return last_tasks or [name for name, task in tasks.items() if not task.downstream_task_ids]


class _Detaching:
    def __init__(self, workflow: Workflow, dag: Any, parts: Mapping[str, Sequence[str]], reads: Reads) -> None:
        self._workflow = workflow
        self._graph = workflow.graphs[0]
        self._dag = dag
        self._members = parts
        self._reads = reads
        self._steps = {step.name: step for step in self._graph.steps}
        self._operations = {item.name: item for item in workflow.operations}
        self._ids = {part: part_id(dag.dag_id, part) for part in parts}
        self._part_of = {name: part for part, names in parts.items() for name in names}
        self._owner = {name: self._ids[part] for name, part in self._part_of.items()}
        self._setups = {step.name for step in self._graph.steps if step.role == "setup"}
        self._crossing = Crossing(self._graph, reads, self._owner)

    def parts(self) -> Parts:
        parts = [self._part(part, names) for part, names in self._members.items()]
        links = tuple(link for workflow in parts for link in links_of(workflow))
        return Parts(self._coordinator(), tuple(parts), links, (), NOTES)

    def _part(self, part: str, names: Iterable[str]) -> Workflow:
        dag_id, own = self._ids[part], set(names)
        steps = [step for step in self._graph.steps if step.name in own]
        keys, gated = self._crossing.into(steps, own)
        first = self._crossing.first(steps, keys)
        proxies = [self._proxy(name, read, first.get(name, ())) for name, read in sorted(keys.items())]
        gate = fresh_name(GATE_ID, {*own, *keys})
        gates = [(self._gate(gate, sorted(keys)), operation(gate, GATE, {}))] if gated else []
        added = [*proxies, *gates]
        values = Values(dict.fromkeys((*own, *keys)), dag_id)
        steps = [self._behind(step, gate) if step.name in gated else step for step in steps]
        steps = [self._respelled(step, own, values) if step.name in self._reads.texts else step for step in steps]
        graph = replace(
            self._graph,
            name=dag_id,
            steps=(*(step for step, _ in added), *steps),
            regions=tuple(self._regions(own)),
            source=None,
        )
        return replace(
            self._workflow,
            name=dag_id,
            entry=Step(name=dag_id, call=Call(name=dag_id)),
            graphs=(graph,),
            operations=(*(item for _, item in added), *(self._operations[_called(step)] for step in steps)),
            native_extra=self._rest(),
            source=None,
        )

    def _respelled(self, step: Step, own: Collection[str], values: Values) -> Step:
        here = {need.step for need in needed(step.needs)}.union(own)
        where = places(self._dag.dag_id, self._owner[step.name], here, self._owner)
        changed = respelled(self._dag.task_dict[step.name], where)
        arguments = (
            replace(item, value=values.value(changed[item.name])) if item.name in changed else item
            for item in step.arguments
        )
        return replace(step, arguments=tuple(arguments)) if changed else step

    def _coordinator(self) -> Workflow:
        """The DAG itself, with the parts as its tasks."""
        before: dict[str, set[str]] = {part: set() for part in self._members}
        for step in self._graph.steps:
            named = {need.step for need in needed(step.needs)} | self._crossing.read_by(step)
            before[self._part_of[step.name]].update(self._part_of[name] for name in named if name in self._part_of)
        steps = [
            (
                Step(name=part, call=Call(name=f"task/{part}"), needs=needs_of("all_done", others - {part}, ())),
                operation(part, TRIGGER, {"part": self._ids[part]}),
            )
            for part, others in before.items()
        ]
        watcher = fresh_name(WATCHER_ID, self._members)
        last: dict[str, list[str]] = {}
        for name in leaves(self._dag):
            last.setdefault(self._owner[name], []).append(name)
        waiting = needs_of("all_done", self._members, ())
        steps.append(
            (
                Step(name=watcher, call=Call(name=f"task/{watcher}"), needs=waiting),
                operation(watcher, WATCHER, {"leaves": dict(sorted(last.items()))}),
            )
        )
        graph = replace(self._graph, steps=tuple(step for step, _ in steps), regions=())
        return replace(self._workflow, graphs=(graph,), operations=tuple(item for _, item in steps))

    def _proxy(self, name: str, keys: Collection[str], first: Collection[str]) -> tuple[Step, Operation]:
        message = {"part": self._owner[name], "keys": sorted({*keys, *ALWAYS})}
        step = Step(name=name, call=Call(name=f"task/{name}"), needs=needs_of("all_done", first, ()))
        return step, operation(name, PROXY, message)

    def _gate(self, name: str, proxies: Collection[str]) -> Step:
        return Step(name=name, call=Call(name=f"task/{name}"), needs=needs_of("all_done", proxies, ()))

    def _behind(self, step: Step, gate: str) -> Step:
        task = self._dag.task_dict[step.name]
        rule = str(getattr(task.trigger_rule, "value", task.trigger_rule))
        upstream = {need.step for need in needed(step.needs)}
        return replace(step, needs=needs_of(rule, {*upstream, gate}, self._setups))

    def _regions(self, own: set[str]) -> Iterator[Region]:
        for region in self._graph.regions:
            steps = tuple(name for name in region.steps if name in own)
            if steps:
                yield replace(region, steps=steps)

    def _rest(self) -> Any:
        """What a DAG says of itself beside its tasks."""
        from couler_airflow.split.timetable import timetable_of_part

        return Values({}, "").native(
            {
                "timetable": type(timetable_of_part(self._dag.timetable)).__name__,
                "tags": sorted({*self._dag.tags, PART_TAG}),
                "catchup": False,
                "max_active_runs": self._dag.max_active_runs,
            }
        )


def _called(step: Step) -> str:
    assert isinstance(step.call, Call)
    return step.call.name


NOTES = (
    ("look for its tasks in the parts", "each part is a DAG of its own, with the id of the DAG before its name"),
    ("clear tasks in their part", "a part that is cleared in the DAG runs again as a whole"),
    ("read run_id and dag as the part's", "the runs of parts are called as the run, after a prefix"),
)
"""What whoever runs a split DAG does otherwise; docs/airflow-split.md says more."""
