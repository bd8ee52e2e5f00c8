"""Trigger rules in terms of outcomes that other engines have, too, and the needs of tasks without empty ones between.

Airflow's `failed` is everybody's `failed` or `errored`. Where rules are not met, Airflow says `upstream_failed`, which
is `omitted`, or `skipped`, although no condition was false: what waits for that is refused unless it takes both alike.
Nothing else is skipped: operators that skip tasks are not carried. Empty tasks only join others: they are taken out,
with those after them waiting for those before them.

What other engines cannot say of a DAG or a task that is more than a container: a table, by Airflow's own names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from couler_plugins.engine_kit.legalize.legality import Legality, Rule
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Graph, GraphView, Need, Needs, Step, all_of, conjuncts, map_needs, needed, replace

NEUTRAL = frozenset(
    [
        "allow_nested_operators",
        "append_env",
        "container_resources",
        "dag",
        "default_args",
        "doc",
        "doc_json",
        "doc_md",
        "doc_rst",
        "doc_yaml",
        "email",
        "email_on_failure",
        "email_on_retry",
        "end_date",
        "execution_timeout",
        "executor",
        "ignore_first_depends_on_past",
        "map_index_template",
        "max_retry_delay",
        "multiple_outputs",
        "owner",
        "params",
        "pool_slots",
        "priority_weight",
        "queue",
        "retries",
        "retry_delay",
        "retry_exponential_backoff",
        "start_date",
        "task_display_name",
        "task_group",
        "task_id",
        "trigger_rule",
        "weight_rule",
    ]
)
"""Arguments of tasks that are carried, looked at elsewhere, or say nothing of what is run."""
USUAL: Mapping[str, tuple[Any, ...]] = {
    "pool": ("default_pool",),
    "cwd": (),
    "env": (),
}
NOTHING: tuple[Any, ...] = (None, False, [], {}, (), 0)
HINTS = {
    "Operation.kind": "run it in a container (KubernetesPodOperator, DockerOperator), or leave the DAG to Airflow",
    "Workflow.native_extra": "start the converted workflow by the other engine's own means",
    "Operation.native_extra": "take it out, or leave the DAG to Airflow",
}
ILLEGAL = Legality("airflow", {}, HINTS, "take it out, or leave the DAG to Airflow")
refuse = ILLEGAL.refusal


def _schedule(dag: Any) -> str:
    name = type(dag.timetable).__name__
    return "" if name == "NullTimetable" else name


def _callback(name: str, dag: Any) -> bool:
    return bool(getattr(dag, name, None))


def _own_params(task: Any) -> bool:
    own, others = getattr(task, "params", None) or {}, task.dag.params
    return {name: own[name] for name in own} != {name: others[name] for name in others}


CALLBACKS = ("on_success_callback", "on_failure_callback", "deadline", "sla_miss_callback")
DAG = (
    Rule("Workflow.native_extra", "has a schedule ({})", _schedule),
    *(Rule("Workflow.handlers", f"has {name}", partial(_callback, name)) for name in CALLBACKS),
    Rule("Step.arguments", "renders templates as native objects", lambda dag: dag.render_template_as_native_obj),
    Rule(
        "Step.arguments",
        "has macros or filters of its own",
        lambda dag: dag.user_defined_macros or dag.user_defined_filters,
    ),
    Rule("Workflow.native_extra", "has one run at a time (max_active_runs)", lambda dag: dag.max_active_runs == 1),
    Rule("Graph.fail_fast", "ends running tasks at the first failure (fail_fast)", lambda dag: dag.fail_fast),
    Rule("Graph.timeout", "has a dagrun_timeout", lambda dag: dag.dagrun_timeout is not None),
)
TASK = (
    Rule("Step.role", "is a setup or a teardown", lambda task: task.is_setup or task.is_teardown),
    Rule(
        "Graph.regions",
        "is in a task group that is mapped",
        lambda task: task.get_closest_mapped_task_group() is not None,
    ),
    Rule(
        "Step.timeout",
        "has an execution_timeout for each of several attempts",
        lambda task: task.execution_timeout is not None and task.retries,
    ),
    Rule("Workflow.parameters", "has params of its own", _own_params),
)


def check_dag(dag: Any) -> Iterator[Unsupported]:
    """Yield an error for each thing that only Airflow has of a DAG as a whole."""
    return ILLEGAL.judge(dag, DAG, dag.dag_id)


def check_task(task: Any, fields: Mapping[str, Any], carried: Collection[str]) -> Iterator[Unsupported]:
    """Yield an error for each thing that only Airflow has of a task.

    Args:
        task: the task.
        fields: the arguments of its operator.
        carried: those that are carried.
    """
    others = sorted(fields.keys() - NEUTRAL - {*carried})
    if names := [name for name in others if fields[name] not in (*NOTHING, *USUAL.get(name, ()))]:
        yield refuse("Operation.native_extra", task.task_id, f"has {', '.join(names)}")
    yield from ILLEGAL.judge(task, TASK, task.task_id)


EVERY = ("all_success", "all_done", "none_failed", "all_failed", "always")
"""The rules that ask the same of all upstream tasks, and wait for all of them."""


def check_needs(graph: Graph, tasks: Mapping[str, Any]) -> Iterator[Unsupported]:
    """Yield an error for each task that other engines would start, or leave out, in other cases than Airflow."""
    rules = {name: str(getattr(task.trigger_rule, "value", task.trigger_rule)) for name, task in tasks.items()}
    hollow = {name for name, rule in rules.items() if rule == "all_failed"}
    for step in graph.steps:
        rule, before = rules[step.name], {need.step for need in needed(step.needs)}
        if rule not in EVERY:
            yield refuse("Step.needs", step.name, f"has the trigger rule {rule}")
        if rule == "all_failed" and len(before) > 1:
            yield refuse("Step.needs", step.name, "waits for the failure of several tasks")
        if rule != "all_done" and hollow & before:
            yield refuse("Step.needs", step.name, "waits for a task that Airflow skips where nothing failed")


def with_errors(needs: Needs | None) -> Needs | None:
    """The needs of a step, with errors wherever they accept failures."""

    def accepting(need: Need) -> Need:
        errors = {"errored"} if "failed" in need.outcomes else set()
        return Need(step=need.step, outcomes=tuple(sorted({*need.outcomes, *errors})))

    return None if needs is None else map_needs(needs, accepting)


ENDS = frozenset({"succeeded", "failed", "errored", "skipped", "omitted"})
FINE = ({"succeeded"}, {"succeeded", "skipped"})
MOST = 1000


def folded(steps: Sequence[Step], empty: Collection[str]) -> tuple[Step, ...]:
    """The steps without the empty ones; each means the same without them, or it is refused.

    An empty task succeeds where it starts. So what needs its success needs what it needs, and what needs its end needs
    the end of all before it.

    Raises:
        Unsupported: something depends on more of an empty task than that.
    """
    folding = _Folding(steps, empty)
    return tuple(replace(step, needs=folding.needs(step.needs, step.name)) for step in steps if step.name not in empty)


class _Folding:
    """What empty tasks stand for, those before them filled in first."""

    def __init__(self, steps: Sequence[Step], empty: Collection[str]) -> None:
        self._empty = empty
        self._fine: dict[str, Needs | None] = {}
        self._ends: dict[str, Needs | None] = {}
        by_name = {step.name: step for step in steps}
        waited_for = {need.step for step in steps for need in needed(step.needs)}
        for name in GraphView(Graph(name="", steps=tuple(steps))).order():
            if name in empty:
                self._add(by_name[name], is_last=name not in waited_for)

    def _add(self, step: Step, *, is_last: bool) -> None:
        own = [need for need in conjuncts(step.needs) if isinstance(need, Need)]
        if len(own) < len(conjuncts(step.needs)):
            raise refuse("Step.needs", step.name, "is an empty task that waits for one of several")
        if is_last and any(set(need.outcomes) not in FINE for need in own):
            raise refuse("Step.needs", step.name, "is an empty task at the end, which hides failures before it")
        ends: list[Needs] = [replace(need, outcomes=tuple(sorted(ENDS))) for need in own]
        self._fine[step.name] = self.needs(step.needs, step.name)
        self._ends[step.name] = self.needs(all_of(ends), step.name)

    def needs(self, needs: Needs | None, step: str) -> Needs | None:
        """The needs of a step, without empty tasks in them."""
        result: list[Needs] = []
        for part in conjuncts(needs):
            result += self._instead(part) if isinstance(part, Need) and part.step in self._empty else (part,)
            if any(need.step in self._empty for need in needed(result[-1] if result else None)):
                raise refuse("Step.needs", step, "waits for an empty task or another one")
            if len(result) > MOST:
                raise refuse("Step.needs", step, f"waits for more than {MOST} tasks without the empty ones between")
        return all_of(result)

    def _instead(self, need: Need) -> Sequence[Needs]:
        if ENDS.issubset(need.outcomes):
            return conjuncts(self._ends[need.step])
        if set(need.outcomes) not in FINE:
            raise refuse("Step.needs", need.step, "is an empty task whose failure others wait for")
        return conjuncts(self._fine[need.step])
