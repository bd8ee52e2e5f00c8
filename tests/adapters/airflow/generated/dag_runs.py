"""Runs generated DAGs in symbols, without adapter code: Airflow's own objects and rendering, and its trigger rules.

Source of the rules: `airflow.ti_deps.deps.trigger_rule_dep` (3.3): what each needs, and what becomes of others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from types import SimpleNamespace
from typing import Any

from adapters.airflow.generated.argo_runs import Leaf, Outcome

__all__ = ["GeneratedRun", "TaskInstance", "unwrapped"]


class TaskInstance:
    """The task instance of a rendering: what others returned."""

    try_number = 1

    def __init__(self, results: dict[str, Any], task: Any, map_index: int = -1) -> None:
        self._results = results
        self.task = task
        self.map_index = map_index

    def xcom_pull(self, task_ids: str) -> Any:
        return self._results.get(task_ids)


class GeneratedRun:
    """A run of a generated DAG.

    Args:
        dag: the DAG.
        outcome: how a pod ends.

    Attributes:
        started: what was started, in order.
        states: of the tasks.
        well: whether the run succeeded.
    """

    def __init__(self, dag: Any, outcome: Callable[[Leaf], Outcome]) -> None:
        self._dag = dag
        self._outcome = outcome
        self._results: dict[str, Any] = {}
        self.started: list[Leaf] = []
        self.states: dict[str, str] = {}
        while len(self.states) < len(dag.task_dict):
            for task_id, task in dag.task_dict.items():
                if task_id not in self.states and task.upstream_task_ids <= self.states.keys():
                    self.states[task_id] = self._state(task)
        leaves = [task.task_id for task in dag.task_dict.values() if not task.downstream_task_ids]
        self.well = all(self.states[name] in ("success", "skipped") for name in leaves)

    def _state(self, task: Any) -> str:
        upstream = [self.states[name] for name in sorted(task.upstream_task_ids)]
        unmet = _unmet(str(getattr(task.trigger_rule, "value", task.trigger_rule)), upstream)
        if unmet:
            return unmet
        if task.operator_class.__name__ == "EmptyOperator":
            return "success"
        if task.operator_class.__name__ == "BashOperator":
            return self._bash(copy(task))
        if task.operator_class.__name__ == "_PythonDecoratedOperator":
            return self._each(copy(task))
        if not task.is_mapped:
            return self._run(copy(task), -1)
        listed = task._get_specified_expand_input().value
        if hasattr(listed, "operator"):
            return self._spread(task, "")
        if isinstance(listed, dict) and hasattr(next(iter(listed.values())), "operator"):
            return self._spread(task, *listed)
        given = task._get_specified_expand_input().value
        count = len(given if isinstance(given, list) else next(iter(given.values())))
        states = {self._run(task, number) for number in range(count)}
        return "failed" if "failed" in states else "success"

    def _bash(self, task: Any) -> str:
        context = self._context(task, -1)
        if task._pre_execute_hook is not None and (state := _hooked(task, context)):
            return state
        if task.bash_command.startswith("echo "):
            self._results[task.task_id] = task.bash_command.removeprefix("echo ")
        return "failed" if task.bash_command == "exit 1" else "success"

    def _each(self, task: Any) -> str:
        """The fields of the items of a loop."""
        if task._pre_execute_hook is not None and (state := _hooked(task, self._context(task, -1))):
            return state
        try:
            task.render_template_fields(self._context(task, -1))
            self._results[task.task_id] = task.python_callable(*task.op_args, **task.op_kwargs)
        except ValueError:
            return "failed"
        return "success"

    def _spread(self, task: Any, field: str) -> str:
        """A loop over what another task returned, which is not rendered any more."""
        (before,) = task.upstream_task_ids
        states = set()
        for number, value in enumerate(self._results[before]):
            with self._dag:
                item = task.unmap({field: value} if field else value)
            self._map_index = number
            context = self._context(item, -1)
            item._do_render_template_fields(item, task.template_fields, context, item.get_template_env(), _ids(value))
            states.add(self._pod(task, item))
        return "failed" if "failed" in states else "success" if states else "skipped"

    def _context(self, task: Any, map_index: int) -> dict[str, Any]:
        instance = TaskInstance(self._results, task, map_index)
        run = SimpleNamespace(conf={})
        own = {"params": dict(self._dag.params), "ti": instance, "task": task, "dag": self._dag, "dag_run": run}
        return {**own, "run_id": "run"}

    def _run(self, task: Any, map_index: int) -> str:
        context = self._context(task, map_index)
        if not task.is_mapped and task._pre_execute_hook is not None and (state := _hooked(task, context)):
            return state
        task.render_template_fields(context)
        return self._pod(task, context["task"])

    def _pod(self, task: Any, item: Any) -> str:
        command, script, names = unwrapped([*item.cmds, *item.arguments])
        env = [(variable.name, variable.value) for variable in item.env_vars]
        for container in ((item.pod_template_dict or {}).get("spec") or {}).get("containers") or ():
            env += [(variable["name"], variable.get("value")) for variable in container.get("env") or ()]
        leaf = Leaf(item.image, tuple(command), script, tuple(env))
        self.started.append(leaf)
        outcome = self._outcome(leaf)
        if outcome.well and item.do_xcom_push:
            found = {name: outcome.outputs(name) for name in names}
            if task.is_mapped:
                self._results.setdefault(task.task_id, []).append(found)
            else:
                self._results[task.task_id] = found
        return "success" if outcome.well else "failed"


def _hooked(task: Any, context: Any) -> str:
    """What becomes of a task by what is asked before it; empty where it runs."""
    from airflow.sdk.exceptions import AirflowSkipException

    try:
        task._pre_execute_hook(context)
    except AirflowSkipException:
        return "skipped"
    except (ValueError, TypeError):
        return "failed"
    return ""


def _ids(value: Any) -> set[int]:
    """What is not rendered any more."""
    inner = value.values() if isinstance(value, dict) else ()
    return {id(value), *map(id, inner)}


def _unmet(rule: str, upstream: Sequence[str]) -> str:
    """What becomes of a task whose rule is not met; empty where it is."""
    failed = any(state in ("failed", "upstream_failed") for state in upstream)
    skipped = "skipped" in upstream
    match rule:
        case "all_success":
            return "upstream_failed" if failed else "skipped" if skipped else ""
        case "none_failed":
            return "upstream_failed" if failed else ""
        case "all_done":
            return ""
        case "one_failed":
            return "" if failed else "skipped"
        case "all_failed":
            return "skipped" if "success" in upstream or skipped else ""
        case "all_done_min_one_success":
            return "skipped" if skipped else "" if "success" in upstream else "upstream_failed"
    raise AssertionError(f"no generated DAG has the rule {rule}")


def unwrapped(words: Sequence[str]) -> tuple[list[str], str, list[str]]:
    """A command without what is around it: it, its script, and the names of the outputs that are collected."""
    names: list[str] = []
    script = ""
    if words[:2] == ["sh", "-c"] and len(words) > 2 and "return.json" in words[2]:
        end = list(words).index("--")
        names, words = list(words[4:end:3]), words[end + 1 :]
    if words[:2] == ["sh", "-c"] and len(words) > 2 and "the artifact" in words[2]:
        words = words[list(words).index("--") + 1 :]
    if words[:2] == ["sh", "-c"] and len(words) > 2 and "mktemp" in words[2]:
        script, words = words[4], words[5:]
    return list(words), script, names
