"""Which tasks of a DAG stay in one part, and which DAGs are not split at all, with the reasons.

Sources: `skipmixin.py` and `taskinstance.py` of Airflow (what a branch skips, in its own run), `trigger_rule_dep.py`
(what each rule counts, and that setups have to succeed), `taskmap` (lengths that tasks are mapped over).
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any

from couler_airflow.cache.eligible import class_of
from couler_airflow.split.reads import Reads
from couler_airflow.trigger_rules import DEFAULT
from couler_plugins.documents.mappings import reached
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Bond, Graph, GraphView, needed, references, together

CHOOSING = frozenset({"BranchMixIn", "SkipMixin"})
"""Base classes of what skips tasks after it."""
SHORT_CIRCUIT = "ShortCircuitOperator"
LATEST = "LatestOnlyOperator"
COUNTS_ONE = frozenset(
    {"all_done_min_one_success", "all_failed", "all_skipped", "none_failed_min_one_success", "one_done", "one_success"}
)
"""Rules that one more task before it, which always succeeds, could meet or miss."""
TOO_EARLY = COUNTS_ONE | {"one_failed"}
"""As above, or they may be met before a gate opens."""
PER_RUN = ("depends_on_past", "wait_for_downstream")


def refuse_unsplittable(dag: Any) -> None:
    """Refuses a DAG that would do something else in parts, however it is cut.

    Raises:
        Unsupported: it fails fast, looks at its own past or schedule, is started by assets or partitions, or this
            Airflow cannot hand on when a run is.
    """
    timetable = dag.timetable
    if not _hands_on_dates():
        raise _refused(dag, "TriggerDagRunOperator", "this Airflow does not hand run_after to a DAG that it triggers")
    if dag.fail_fast:
        raise _refused(dag, "Graph.fail_fast", "a failure stops the tasks of its own run, and parts are runs")
    if getattr(timetable, "partitioned", False) or "Partition" in type(timetable).__name__:
        raise _refused(dag, "timetable", "its runs are partitions, and Airflow does not hand those on")
    if getattr(timetable, "asset_condition", None):
        raise _refused(dag, "timetable", "assets start it, and its parts would not see which events those were")
    for task_id, task in dag.task_dict.items():
        if any(base.__name__ == LATEST for base in class_of(task).__mro__):
            raise _refused(dag, LATEST, f"{task_id!r} asks when the DAG runs next, and parts never do", step=task_id)
        if _field(task, "external_dag_id") == dag.dag_id:
            raise _refused(dag, "external_dag_id", f"{task_id!r} waits for tasks of the DAG itself", step=task_id)
    for name in PER_RUN:
        past = next((task.task_id for task in dag.task_dict.values() if getattr(task, name, False)), None)
        if past is not None:
            raise _refused(dag, name, f"{past!r} looks at the run before ({name}), which parts may lack", step=past)


def bonds_of(dag: Any, graph: Graph, reads: Reads) -> list[Bond]:
    """What holds tasks of a DAG together.

    Args:
        dag: the DAG.
        graph: what it was lifted to.
        reads: what tasks read of others beside what they are handed.
    """
    return together(chain(_mapped(dag, graph), _framed(dag), _chosen(dag), _counted(dag), _read(dag, graph, reads)))


Held = tuple[Iterable[str], str]


def _mapped(dag: Any, graph: Graph) -> Iterator[Held]:
    expanded = {step.name: step for step in graph.steps if step.loop is not None}
    for name, step in expanded.items():
        made_by = [reference.step for reference in references(step.loop) if reference.to == "output"]
        yield [name, *made_by], f"{name!r} is expanded over what they return"
        after = sorted(dag.task_dict[name].downstream_task_ids)
        yield [name, *after], f"they wait for all that {name!r} is expanded into"
    for region in graph.regions:
        if region.loop is not None:
            following = {name for task in region.steps for name in dag.task_dict[task].downstream_task_ids}
            producers = [reference.step for reference in references(region.loop) if reference.to == "output"]
            yield [*region.steps, *producers, *sorted(following)], f"the group {region.name!r} is expanded as a whole"
    yield from (
        ([reference.step, step.name], f"{step.name!r} reads all results of {reference.step!r}")
        for step in graph.steps
        for reference in references(step.arguments)
        if reference.step in expanded
    )


def _framed(dag: Any) -> Iterator[Held]:
    tasks = dag.task_dict
    for task_id, task in tasks.items():
        if task.is_setup:
            after = reached(task.downstream_task_ids, lambda name: tasks[name].downstream_task_ids).keys()
            ends = [name for name in after if tasks[name].is_teardown and task_id in tasks[name].upstream_task_ids]
            before = reached(ends, lambda name: tasks[name].upstream_task_ids).keys()
            yield [task_id, *sorted(after & before if ends else after)], f"the setup {task_id!r} is for them"
        if task.is_teardown:
            yield [task_id, *sorted(task.upstream_task_ids)], f"{task_id!r} tears down after them"


def _chosen(dag: Any) -> Iterator[Held]:
    tasks = dag.task_dict
    for task_id, task in tasks.items():
        bases = {base.__name__ for base in class_of(task).__mro__}
        if bases & CHOOSING:
            yield [task_id, *sorted(task.downstream_task_ids)], f"{task_id!r} chooses which of them run"
        if SHORT_CIRCUIT in bases:
            after = reached(task.downstream_task_ids, lambda name: tasks[name].downstream_task_ids)
            odd = [name for name in sorted(after) if _rule(tasks[name]) != DEFAULT]
            yield [task_id, *odd], f"{task_id!r} may skip them whatever they wait for"


def _counted(dag: Any) -> Iterator[Held]:
    return (
        ([task_id, *sorted(task.upstream_task_ids)], f"{task_id!r} waits for one that has run, and a proxy always has")
        for task_id, task in dag.task_dict.items()
        if _rule(task) == "one_done"
    )


def _read(dag: Any, graph: Graph, reads: Reads) -> Iterator[Held]:
    """Who reads, past what a template can say, results of a task that it does not wait for directly."""
    ancestry = Ancestry(graph, {name for pairs in reads.code.values() for name, _ in pairs})
    expanded = {step.name for step in graph.steps if step.loop is not None}
    expanded |= {name for region in graph.regions if region.loop is not None for name in region.steps}
    for step in graph.steps:
        waits = {need.step for need in needed(step.needs)} | {step.name}
        in_code = {name for name, _ in reads.code.get(step.name, ())} - waits
        calls = [call.tasks for call in reads.texts.get(step.name, ()) if len(call.tasks) > 1]
        several = {name for names in calls for name in names} - waits
        for name in sorted(in_code | several):
            if name in expanded:
                yield [name, step.name], f"{step.name!r} reads all results of {name!r}"
            elif _rule(dag.task_dict[step.name]) in TOO_EARLY:
                yield [name, step.name], f"{step.name!r} reads its result, and could not wait for that alone"
            elif name in in_code and not ancestry.is_before(name, step.name):
                yield [name, step.name], f"{step.name!r} reads its result, and nothing says which comes first"


def _hands_on_dates() -> bool:
    """Whether a triggered run can be told its `run_after`, from which Airflow derives its data interval."""
    from airflow.sdk.exceptions import DagRunTriggerException

    return "run_after" in inspect.signature(DagRunTriggerException.__init__).parameters


def _field(task: Any, name: str) -> Any:
    return task.partial_kwargs.get(name) if task.is_mapped else getattr(task, name, None)


def _rule(task: Any) -> str:
    return str(getattr(task.trigger_rule, "value", task.trigger_rule))


def _refused(dag: Any, feature: str, reason: str, step: str | None = None) -> Unsupported:
    return Unsupported(
        f"{dag.dag_id!r} cannot be split: {reason}",
        engine="airflow",
        step=step,
        feature=feature,
        hint="leave split out of the pipeline for this DAG, or change what stands in the way",
    )


class Ancestry:
    """What comes before tasks: a bit for each task that is asked for, so that a step costs a machine word per 64.

    Args:
        graph: the DAG, lifted.
        wanted: the ids of the tasks that are asked for.
    """

    def __init__(self, graph: Graph, wanted: Collection[str]) -> None:
        order = GraphView(graph).order() if wanted else ()
        self._names = [name for name in order if name in wanted]
        self._bits = {name: 1 << at for at, name in enumerate(self._names)}
        self._before: dict[str, int] = {}
        steps = {step.name: step for step in graph.steps}
        for name in order:
            bits = 0
            for need in needed(steps[name].needs):
                bits |= self._before[need.step] | self._bits.get(need.step, 0)
            self._before[name] = bits

    def is_before(self, first: str, second: str) -> bool:
        """Whether the first task, one of those asked for, comes before the second."""
        return bool(self._before.get(second, 0) & self._bits[first])

    def among(self, names: Collection[str]) -> Iterator[tuple[str, list[str]]]:
        """Those of some tasks, all asked for, that come last before others of them; with these, by name."""
        mask = 0
        for name in names:
            mask |= self._bits[name]
        for name in sorted(names):
            remaining = self._before[name] & mask
            last = []
            while remaining:
                latest = self._names[remaining.bit_length() - 1]  # bits are in an order in which tasks may run
                last.append(latest)
                remaining &= ~(self._bits[latest] | self._before[latest])
            if last:
                yield name, last
