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
from couler_airflow.split.bonds import Ancestry
from couler_airflow.split.reads import Reads
from couler_airflow.split.roles import GATE, PROXY, TRIGGER, WATCHER, links_of, operation
from couler_airflow.split.texts import is_elsewhere, places, respelled
from couler_airflow.trigger_rules import DEFAULT, needs_of
from couler_airflow.values import Values
from couler_plugins.documents.mappings import by_key
from couler_plugins.hookspecs.splitting import Parts
from couler_plugins.ir import (
    Call,
    Graph,
    Operation,
    Region,
    Step,
    Workflow,
    fresh_name,
    needed,
    references,
    replace,
)

# What crosses into a part: the tasks that need proxies there, the keys that are read, and who waits for them all.


class Crossing:
    """What the tasks of a DAG read of each other.

    Args:
        graph: the DAG, lifted.
        reads: what its tasks read beside what they are handed.
        owners: which part each task is in.
    """

    def __init__(self, graph: Graph, reads: Reads, owners: Mapping[str, str]) -> None:
        self._reads = reads
        self._owners = owners
        self._in_loop: dict[str, list[tuple[str, str]]] = {}
        for region in graph.regions:
            read = [(item.step, item.name) for item in references(region.loop) if item.to == "output"]
            for name in region.steps if read else ():
                self._in_loop.setdefault(name, []).extend(read)
        joins = [step for step in graph.steps if step.needs == needs_of(DEFAULT, _waits(step), ())]
        odd = len(joins) < len(graph.steps)  # else nothing runs after what was skipped
        self._joining = {name for step in joins if len(_waits(step)) > 1 for name in _waits(step)} if odd else set()
        self._ancestry = Ancestry(graph, self._joining)

    def read_by(self, step: Step) -> set[str]:
        """The tasks whose results a task reads, in whatever way."""
        return {name for name, _ in (*self._handed(step), *self._reads.code.get(step.name, ()))}

    def into(self, steps: Iterable[Step], own: Collection[str]) -> tuple[dict[str, set[str]], set[str]]:
        """The proxies of a part, with the keys of what they hand on, and the tasks that wait for all of them.

        Args:
            steps: the tasks of the part.
            own: their ids.
        """
        keys: dict[str, set[str]] = {}
        gated: set[str] = set()
        for step in steps:
            waits = _waits(step)
            here = waits.union(own)
            texts = self._reads.texts.get(step.name, ())
            pulled = {(name, call.key) for call in texts for name in call.tasks if name not in waits}
            read = {*self._handed(step)} - pulled | {*self._reads.code.get(step.name, ())}
            for call in texts:
                if not is_elsewhere(call.tasks, here, self._owners):
                    read.update((name, call.key) for name in call.tasks)
            for name in waits.difference(own):
                keys.setdefault(name, set())
            for name, key in read:
                if name not in own and name in self._owners:
                    keys.setdefault(name, set()).add(key)
                    if name not in waits:
                        gated.add(step.name)
        return keys, gated

    def first(self, steps: Iterable[Step], proxies: Collection[str]) -> dict[str, set[str]]:
        """By proxy, the proxies that end before it, where the same task waits for both.

        That task is skipped where one that it waits for was skipped, and fails where one failed: what ended first
        counts, and what comes before another one has always ended first.
        """
        readers: dict[str, set[str]] = {}
        for step in steps:
            there = _waits(step).intersection(proxies, self._joining)
            for name, earlier in self._ancestry.among(there):
                readers.setdefault(name, set()).update(earlier)
        return readers

    def _handed(self, step: Step) -> Iterator[tuple[str, str]]:
        """What a task is handed: in its arguments and templates, and by the loops of its groups."""
        for reference in references((step.arguments, step.loop)):
            if reference.to == "output":
                yield reference.step, reference.name
        yield from self._in_loop.get(step.name, ())


def _waits(step: Step) -> set[str]:
    return {need.step for need in needed(step.needs)}


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
        last = by_key((self._owner[name], name) for name in leaves(self._dag))
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
