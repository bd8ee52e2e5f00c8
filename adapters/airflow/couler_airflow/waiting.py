"""What it means to Airflow that the pod of a task waits for a quota of Kueue.

An operator that starts a pod gives it two minutes to be scheduled, and a gate counts as not scheduled
(`PodManager.await_pod_start`). Where the Kubernetes executor runs a task, the installation's `task_queued_timeout`
counts, which no DAG can change.
"""

from __future__ import annotations

from collections.abc import Collection

from couler_airflow.homes import POD, rest_of, written
from couler_plugins.ir import Literal, Operation, Step, Workflow, replace, replace_callables
from couler_plugins.ir.attempts import PodWait

WAIT = "wait"
"""The key beside the settings of a pod for the seconds that it may wait."""
OF_WORKERS = "Airflow gives up on a worker that waits ([scheduler] task_queued_timeout), and no DAG can change that"


def pod_wait(workflow: Workflow, step: Step, operation: Operation | None) -> PodWait:
    """Return the time of a task, the wait included, and that its operator gives a pod two minutes to start."""
    starts_pod = operation is not None and any(port.name == "container_resources" for port in operation.inputs)
    timeout = step.timeout.value if isinstance(step.timeout, Literal) else None
    run = " and dagrun_timeout" if any(graph.timeout is not None for graph in workflow.graphs) else ""
    return PodWait(
        "" if starts_pod else OF_WORKERS,
        timeout if isinstance(timeout, int | float) else None,
        f"the operator's timeout of pods that are not scheduled{run}",
    )


def with_wait(workflow: Workflow, operations: Collection[str], seconds: int) -> Workflow:
    """Return a DAG whose pods, and whose runs as a whole, have more time to start."""
    changed = {}
    for item in workflow.operations:
        if item.name in operations:
            data = rest_of(item.native_extra)
            changed[item.name] = replace(item, native_extra=written({**data, POD: {**data[POD], WAIT: seconds}}))
    new = replace_callables(workflow, changed)
    graphs = tuple(
        replace(graph, timeout=Literal(value=graph.timeout.value + seconds))
        if isinstance(graph.timeout, Literal) and isinstance(graph.timeout.value, int | float)
        else graph
        for graph in new.graphs
    )
    return replace(new, graphs=graphs)
