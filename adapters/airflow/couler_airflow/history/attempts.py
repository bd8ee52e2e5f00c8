"""Tries of task instances, and the pods that they ran in.

A task has a pod of its own where its operator has started one, which an XCom names, and where the Kubernetes executor
runs it: its host is that pod then, whose name begins with those of the DAG and the task (`create_unique_id` of
`airflow.providers.cncf.kubernetes.kubernetes_helper_functions`). A worker that runs many tasks is no pod of any.

A pod that no record names can be told by its labels: `dag_id`, `task_id`, `run_id`, `map_index` and `try_number`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from couler_airflow.history.logs import FAILED
from couler_airflow.history.records import Document, Instance, Pod
from couler_plugins.runs import Attempt
from couler_plugins.runs.usage import message_of

ENDED = {"success": True, **dict.fromkeys(FAILED, False)}
STARTS_POD = "PodOperator"
SUFFIX = 9
"""Characters after the names of DAG and task: a hyphen, and what tells pods of a task apart."""


class Pods:
    """The pods of task instances.

    Args:
        document: what tells of them.
    """

    def __init__(self, document: Document) -> None:
        self._are_known = document.pods is not None
        self._started = {pod.place: pod for pod in document.pods or ()}
        self._starting = {(dag, task) for dag, _, task, _ in self._started}

    def attempts(self, tries: Sequence[Instance]) -> tuple[Attempt, ...]:
        """Return the attempts of a task instance, of which the last one is as its last try left it."""
        pods = [self._own(item) for item in tries[:-1]]
        pods.append(self._started.get(tries[-1].place) or self._own(tries[-1]))
        return tuple(
            Attempt(
                start=None if item.start_date is None else item.start_date.timestamp(),
                end=None if item.end_date is None else item.end_date.timestamp(),
                succeeded=ENDED.get(item.state or ""),
                reason=item.reason,
                message=message_of(item.message or item.state_reason) if item.state in FAILED else "",
                pod=pod.name,
                namespace=pod.namespace,
            )
            for item, pod in zip(tries, pods, strict=True)
        )

    def _own(self, item: Instance) -> Pod:
        """The pod that an executor has made for a try; one without a name where that is not known."""
        starts_another = (item.dag_id, item.task_id) in self._starting or (item.operator or "").endswith(STARTS_POD)
        host = (item.hostname or "").partition(".")[0]
        slug = re.sub(r"[^a-z0-9]+", "-", f"{item.dag_id}-{item.task_id}".lower()).strip("-")
        is_own = self._are_known and not starts_another and host[:-SUFFIX] == slug[: 63 - SUFFIX].strip("-")
        return Pod(**item.fields, name=host if is_own else "")
