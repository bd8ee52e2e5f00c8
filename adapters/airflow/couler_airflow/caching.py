"""Which tasks of a DAG may be cached: what their workers will find when they run, told as far as a DAG tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_airflow.marks import Declaration
from couler_airflow.wrapped import Owner, directives_of, is_branch
from couler_plugins.hookspecs.caching import Objection, Request
from couler_plugins.ir import GraphView, Workflow

__all__ = ["AirflowCaching"]

ALWAYS = "it decides what else runs and so runs every time, under a key for what comes after it"


class AirflowCaching:
    """The facet of one DAG.

    Args:
        dag: the DAG.
        workflow: what it was lifted to.
    """

    def __init__(self, dag: Any, workflow: Workflow) -> None:
        self._dag = dag
        self._graph = workflow.graphs[0]
        self._owner = Owner(dag)

    def requests(self, *, assume_pure: bool) -> Mapping[tuple[str, str], Request]:
        """What to ask of each task, those that run first before the others."""
        found: dict[str, Request] = {}
        for name in GraphView(self._graph).order():
            found[name] = self._request(self._dag.task_dict[name], found, assume_pure)
        return {(self._graph.name, step.name): found[step.name] for step in self._graph.steps}

    def _request(self, task: Any, found: Mapping[str, Request], assume_pure: bool) -> Request:
        said = self._owner.says(task)
        where, declaration = said or ("--assume-pure", Declaration())
        reason = self._owner.objection(task, declaration) or _replaced(task)
        if reason is not None:
            return Request(objection=Objection("operator", reason))
        if said is None and not assume_pure:
            advice = "@couler_airflow.cached above its function, or couler_airflow.cached(…) of the task or the DAG"
            return Request(objection=Objection("not-declared", "its owner has not declared it pure"), advice=advice)
        before = self._without_key(task, found)
        if before is not None:
            return Request(objection=Objection("producer", f"{before!r} runs before it, and has no key"))
        return Request(declared=where, note=ALWAYS if is_branch(task) else "")

    def _without_key(self, task: Any, found: Mapping[str, Request]) -> str | None:
        """A task before this one of which no key tells what it has done, and which hands over no value."""
        from couler_airflow.runtime.before import handed, upstream

        by_order = upstream(self._dag, task) - handed(task)
        return next((name for name in sorted(by_order) if found[name].objection is not None), None)


def _replaced(task: Any) -> str | None:
    """Why a task cannot be wrapped although nothing else is against it."""
    if directives_of(task) or "execute" not in vars(task):
        return None
    return "somebody else has replaced its execute"
