"""Pods of the steps of a workflow: what they request, what they used, and the nodes that they run on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from couler_plugins.costs.estimate import Reservation, reserved
from couler_plugins.documents.mappings import by_key
from couler_plugins.ir import (
    Call,
    CallSite,
    Container,
    Graph,
    Homes,
    Libraries,
    Literal,
    Operation,
    SettableStep,
    Value,
    Workflow,
    call_sites,
    parse_quantity,
    replace,
)
from couler_plugins.ir.homes import change_steps
from couler_plugins.runs import Attempt, ContainerUse, median

WAITING = ("gate", "suspend")
"""Kinds of operations that only wait, without a pod."""


class Site(NamedTuple):
    """A call that runs a pod, with the settings in force; what it calls, None where that is in none of the files."""

    step: SettableStep
    operation: Operation | None

    @property
    def node_selector(self) -> dict[str, str]:
        """The labels that its pod asks of a node."""
        return {name: str(value.value) for name, value in self.step.node_selector if isinstance(value, Literal)}


def sites_of(workflow: Workflow, homes: Homes | None, libraries: Libraries) -> dict[str, Site]:
    """Return the calls that need pods, by label: those that a run can come to, or all where nothing says its beginning.

    Args:
        workflow: the workflow.
        homes: where its engine keeps settings of steps.
        libraries: the workflows that it may call.
    """
    settings: dict[str, SettableStep] = {}

    def note(step: SettableStep) -> SettableStep:
        label = f"{step.graph}/{step.name or 'handler'}" if step.graph else CallSite(None, step).label
        settings.setdefault(label, step)
        return step

    change_steps(workflow, homes, note)
    by_graph = by_key(("" if site.graph is None else site.graph.name, site) for site in call_sites(workflow))
    sites: dict[str, Site] = {}
    pending = [""] if workflow.entry is not None else list(by_graph)
    while pending:
        for site in by_graph.pop(pending.pop(), ()):
            callee = libraries.callee(workflow, site.step)
            operation = callee if isinstance(callee, Operation) else None
            if isinstance(callee, Graph) and isinstance(site.step.call, Call):
                pending.append(callee.name)
            elif site.label in settings and (operation is None or operation.kind not in WAITING):
                sites[site.label] = Site(settings[site.label], operation)
    return sites


def reservation(site: Site, homes: Homes | None, names: Sequence[str], tries: Sequence[Attempt]) -> Reservation:
    """Return what the pod of a call has of its node.

    Where a container requests no number, the request of its past attempts counts: it may come from a parameter, a
    LimitRange or the engine. What is in none of the files is known by its attempts alone.

    Args:
        site: the call.
        homes: where its engine keeps settings of steps.
        names: what the pod calls the containers of its operation.
        tries: its attempts in the past.
    """
    uses = by_key((use.container, use) for attempt in tries for use in attempt.containers)
    pod: list[_Container] = []
    if site.operation is not None and site.operation.containers:
        for container, name in zip(site.operation.containers, names, strict=True):
            pod.append((container.role, _requests(site.operation, container, homes), uses.get(name, ())))
    elif site.step.requests:  # of the whole pod: Tekton's taskRunSpecs
        pod.append(("main", dict(site.step.requests), ()))
    else:
        pod += [("main", {}, own) for own in uses.values()]
    gpus = [name for _, requests, _ in pod for name in requests if "gpu" in name.rpartition("/")[2]]
    return Reservation(
        _amount(pod, "cpu", "cpu_request", "cpu"),
        _amount(pod, "memory", "memory_request", "memory"),
        sum(_amount(pod, name) or 0.0 for name in dict.fromkeys(gpus)),
    )


_Container = tuple[str, Mapping[str, Value], Sequence[ContainerUse]]
"""The role of a container, what it requests, and what it requested and used in the past."""


def _amount(pod: Sequence[_Container], resource: str, *fields: str) -> float | None:
    """Return how much a pod has of a resource, which records have under these fields: the request, and the use."""
    asks = []
    for role, requests, uses in pod:
        past = [[figure for use in uses if (figure := getattr(use, name)) is not None] for name in fields]
        recorded, used = (median(figures) if figures else None for figures in past or ((), ()))
        value = requests.get(resource)
        request = parse_quantity(value.value) if isinstance(value, Literal) else None
        if value is not None and request is None and recorded is None and used is None:
            return None  # the run decides, and no run says what
        asks.append((role, recorded if request is None else request, used))
    return reserved(asks)


def _requests(operation: Operation, container: Container, homes: Homes | None) -> dict[str, Value]:
    """Return what a container requests; as much as its limit where it says only that, as in Kubernetes."""
    requests: dict[str, Value] = {}
    for setting in ("limits", "requests"):
        home = (homes or {}).get(setting)
        if home is not None and home.at == "operation" and container.role == "main":
            requests |= dict(home.read(setting, replace(operation, containers=(container,))))
        requests |= dict(getattr(container, setting))
    return requests
