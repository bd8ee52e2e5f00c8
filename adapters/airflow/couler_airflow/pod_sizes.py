"""The container of a task in its pod: what it is called there, and its size."""

from __future__ import annotations

from couler_airflow.homes import POD, rest_of
from couler_airflow.pod_settings import BASE, BASE_CONTAINER
from couler_plugins.ir import Operation, PodSizes, Workflow


def pod_containers(operation: Operation) -> tuple[str, ...]:
    """Return what the container of a task is called in its pod."""
    return (rest_of(operation.native_extra).get(BASE_CONTAINER, BASE),) * len(operation.containers)


def pod_sizes(workflow: Workflow, operation: Operation | None) -> PodSizes:
    """Return what a DAG says of the size of a task's container; its pod has annotations, and a DAG has none."""
    if operation is None:
        return PodSizes()
    annotations = rest_of(operation.native_extra).get(POD, {}).get("annotations", {})
    return PodSizes(
        operation.name.removeprefix("task/"), operation.containers, ("",) * len(operation.containers), annotations
    )
