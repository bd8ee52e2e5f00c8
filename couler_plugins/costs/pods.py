"""Pods of the steps of a workflow: what they request, what they used, and the nodes that they run on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from couler_plugins.costs.estimate import Reservation, reserved
from couler_plugins.ir import (
    Call,
    Container,
    External,
    Graph,
    Homes,
    Libraries,
    Literal,
    Operation,
    SettableStep,
    Value,
    Workflow,
    call_sites,
    callables,
    replace,
)
from couler_plugins.ir.homes import change_steps
from couler_plugins.ir.quantities import parse_quantity
from couler_plugins.ir.walk import CallSite
from couler_plugins.runs import Attempt
from couler_plugins.runs.run import median
from couler_plugins.runs.usage import ContainerUse

WAITING = ("gate", "suspend")
"""Kinds of operations that only wait, without a pod."""
USE = {"cpu": ("cpu_request", "cpu"), "memory": ("memory_request", "memory")}
"""The fields of `ContainerUse` for what a container requested and used of each resource."""


class Site(NamedTuple):
    """A call that runs a pod.

    Attributes:
        label, name: `graph/step`, and the step alone.
        callee: what it calls, by name.
        operation: that; None where it is in none of the files.
        step: the call with the settings in force.
    """

    label: str
    name: str
    callee: str
    operation: Operation | None
    step: SettableStep

    @property
    def node_selector(self) -> dict[str, str]:
        """The labels that its pod asks of a node."""
        return {name: str(value.value) for name, value in self.step.node_selector if isinstance(value, Literal)}


def sites_of(workflow: Workflow, homes: Homes | None, libraries: Libraries) -> dict[str, Site]:
    """Return the calls of a run that need pods, by label: those that the entry and the handlers lead to.

    Args:
        workflow: the workflow.
        homes: where its engine keeps settings of steps.
        libraries: the workflows that it may call.
    """
    settings: dict[str, SettableStep] = {}

    def note(step: SettableStep) -> SettableStep:
        label = f"{step.graph}/{step.name or 'handler'}" if step.graph else CallSite(None, step).label
        return settings.setdefault(label, step) and step

    change_steps(workflow, homes, note)
    sites: dict[str, Site] = {}
    for site in _reached(workflow):
        call, operation = site.step.call, libraries.callee(workflow, site.step)
        if isinstance(operation, Graph):
            if isinstance(call, Call):
                continue
            operation = None  # its steps are those of another workflow
        if operation is None or operation.kind not in WAITING:
            callee = call.name if isinstance(call, (Call, External)) else ""
            sites[site.label] = Site(site.label, site.step.name, callee, operation, settings[site.label])
    return sites


def _reached(workflow: Workflow) -> Iterator[CallSite]:
    """Yield the calls that a run can come to; all of them where nothing says where it begins."""
    by_graph: dict[str, list[CallSite]] = defaultdict(list)
    for site in call_sites(workflow):
        by_graph["" if site.graph is None else site.graph.name].append(site)
    graphs = {name for name, item in callables(workflow).items() if isinstance(item, Graph)}
    pending = [""] if workflow.entry is not None else list(by_graph)
    for name in pending:
        for site in by_graph[name]:
            yield site
            call = site.step.call
            if isinstance(call, Call) and call.name in graphs and call.name not in pending:
                pending.append(call.name)


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
    uses: dict[str, list[ContainerUse]] = defaultdict(list)
    for attempt in tries:
        for use in attempt.containers:
            uses[use.container].append(use)
    containers = site.operation.containers if site.operation is not None else ()
    rows = [
        (container.role, _requests(site.operation, container, homes), uses.get(name, ()))
        for container, name in zip(containers, names, strict=True)
        if site.operation is not None
    ]
    if site.operation is None and site.step.requests:  # of the whole pod: Tekton's taskRunSpecs
        rows = [("main", dict(site.step.requests), ())]
    rows = rows or [("main", {}, own) for own in uses.values()]
    amounts = {resource: _amount(resource, rows) for resource in USE}
    pairs = (pair for _, requests, _ in rows for pair in requests.items())
    gpus = sum(parse_quantity(_plain(value)) or 0.0 for name, value in pairs if "gpu" in name.rpartition("/")[2])
    return Reservation(amounts["cpu"], amounts["memory"], gpus)


Row = tuple[str, Mapping[str, Value], Sequence[ContainerUse]]


def _amount(resource: str, rows: Sequence[Row]) -> float | None:
    asks = []
    for role, requests, uses in rows:
        recorded, use = (_median(uses, name) for name in USE[resource])
        request = parse_quantity(_plain(requests[resource])) if resource in requests else None
        request = recorded if request is None else request
        if resource in requests and request is None and use is None:
            return None  # the run decides, and no run says what
        asks.append((role, request, use))
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


def _plain(value: Value) -> object:
    return value.value if isinstance(value, Literal) else value


def _median(uses: Sequence[ContainerUse], name: str) -> float | None:
    figures = [figure for use in uses if (figure := getattr(use, name)) is not None]
    return median(figures) if figures else None
