"""Application of queues to a plan: labels on the pods of steps, time for their wait, and a decision on each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace as with_fields

import msgspec

from couler_plugins.documents.mappings import by_key, reached
from couler_plugins.hookspecs import Context
from couler_plugins.ir import (
    Call,
    CallSite,
    Container,
    External,
    Literal,
    Operation,
    SettableStep,
    Workflow,
    call_sites,
    replace,
    with_settings,
)
from couler_plugins.ir.attempts import PodWait, is_queued
from couler_plugins.plan import Decision, Plan
from couler_plugins.queues.optimizer import Queue
from couler_plugins.queues.rules import NEVER, Figures, Room, check_rows, demand_of
from couler_plugins.rightsizing.rules import selects

QUEUE, PRIORITY = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/priority-class"
LONGER = "leave time to wait"
ACTION, REASON = "put into a queue", "its pod starts when its team has quota for it"
OWN = "its owner says something of Kueue already, of its pod or of all pods"
ELSEWHERE = "it is said of what it calls, which is in another of the files"
LOCKED = "what calls it would hold its lock while this waits for a quota"


def apply_queues(options: Queue, plan: Plan, ctx: Context) -> Plan:
    """Put the pods of all workflows into queues."""
    check_rows(ctx.rows(options.name))
    room = Room(options)
    for workflow in plan.workflows:
        plan = _Queueing(options, plan, workflow, ctx, room).apply()
    return plan


class _Queueing:
    """Puts the pods of one workflow into queues."""

    def __init__(self, options: Queue, plan: Plan, workflow: Workflow, ctx: Context, room: Room) -> None:
        self._options, self._plan, self._workflow, self._room = options, plan, workflow, room
        self._adapter, self._rows = ctx.adapter(workflow.engine), ctx.rows(options.name)
        self._home, self._waiting = self._adapter.homes()["labels"], self._adapter.waiting()
        self._graphs = {graph.name: graph for graph in workflow.graphs}
        self._operations = {item.name: item for item in workflow.operations}
        calls = by_key(
            (site.graph.name, site.step.call.name)
            for site in call_sites(workflow)
            if site.graph is not None and isinstance(site.step.call, Call)
        )
        holders = [graph.name for graph in workflow.graphs if graph.locks is not None]
        self._locked = {name for one in holders for name in reached(calls.get(one, ()), lambda key: calls.get(key, ()))}
        self._reasons: dict[tuple[str, Figures], list[str]] = {}
        self._figures: dict[str, Figures] = {}
        self._waits: dict[str, PodWait] = {}

    def apply(self) -> Plan:
        """Return the plan with the workflow as it is to be."""
        alone = with_fields(self._plan, workflows=(self._workflow,), decisions=())
        new = alone.map_steps(Queue.name, self._with_queue, action=ACTION, reason=REASON)
        labelled, said = new.workflows[0], [*self._refusals(), *map(self._with_reason, new.decisions)]
        names = {item.name for item in labelled.operations if self._operations.get(item.name) is not item}
        workflow = labelled
        if labelled is not self._workflow:
            workflow = self._waiting.lengthen(labelled, names, self._options.wait)
        around = sorted({wait.around for wait in self._waits.values() if wait.around})
        if around and workflow is not labelled:
            figures: Figures = (("seconds added", self._options.wait),)
            said.append(self._decision("", LONGER, f"the wait counts for {' and '.join(around)}", figures))
        return self._plan.with_workflow(self._workflow, workflow, *said) if said else self._plan

    def _with_queue(self, step: SettableStep) -> SettableStep:
        """Return a call whose pod waits in its queue, and whose timeout leaves it the time for that."""
        site = CallSite(self._graphs.get(step.graph), step)
        operation = self._operations.get(step.call.name) if isinstance(step.call, Call) else None
        queue, priority, is_said = self._names(site, operation)
        wait = self._waiting.of(self._workflow, step, operation)
        reason, figures = self._objection(site, step, operation, queue, wait, is_said=is_said)
        if reason == ELSEWHERE:
            return step
        if reason := reason or self._room.missing(priority):
            self._reasons.setdefault((reason, figures), []).append(site.label)
            return step
        own = dict(step.labels)
        labels = {QUEUE: queue, **({PRIORITY: priority} if priority and PRIORITY not in own else {})}
        new = with_settings(step, labels=labels)
        self._waits[site.label] = wait
        added: Figures = (("queue", queue), *([("priority", priority)] if priority else []))
        if wait.timeout is not None:
            new = replace(new, timeout=Literal(value=int(wait.timeout) + self._options.wait))
            added += (("timeout seconds before", wait.timeout), ("timeout seconds", wait.timeout + self._options.wait))
        self._figures[site.label] = added
        return new

    def _names(self, site: CallSite, operation: Operation | None) -> tuple[str, str, bool]:
        """Return the queue and the priority of a call, and whether a row says that it waits."""
        task = self._adapter.pod_sizes(self._workflow, operation).task
        steps = [site.label] if site.graph is not None else []
        rows = [row.content for row in self._rows if selects(row, self._workflow, task, operation, steps)]
        said = {key: value for row in reversed(rows) for key, value in row.items()}
        if any(row.get("queue") == NEVER for row in rows):
            said["queue"] = NEVER
        return said.get("queue", self._options.name_), said.get("priority", self._options.priority), "queue" in said

    def _objection(
        self,
        site: CallSite,
        step: SettableStep,
        operation: Operation | None,
        queue: str,
        wait: PodWait,
        *,
        is_said: bool,
    ) -> tuple[str, Figures]:
        """Return why a pod waits in no queue of ours, with figures; an empty text where it may."""
        if queue == NEVER:
            return "a row of the settings says never", ()
        if QUEUE in dict(step.labels) or is_queued(self._workflow, operation):
            return OWN, ()
        if objection := self._home.of(self._workflow, site, operation).objection(operation):
            call = site.step.call
            if not isinstance(call, External):
                return objection, ()
            if self._plan.libraries.candidates(self._workflow, call):
                return ELSEWHERE, ()
            return f"{objection}: name the file of {call.description} as well", ()
        if operation is not None and operation.name in self._locked and not is_said:
            return LOCKED, ()
        if wait.refusal and not is_said:
            return wait.refusal, ()
        counts = " and ".join(filter(None, ["its timeout" if wait.timeout is not None else "", wait.around]))
        if counts and not self._options.wait:
            return f"the wait would count for {counts}: say how long it may wait, with the option `wait`", ()
        containers = self._adapter.pod_sizes(self._workflow, operation).containers
        pod = containers or (Container(requests=step.requests, limits=step.limits),)
        return self._room.objection(queue, self._workflow.namespace, demand_of(pod))

    def _refusals(self) -> Iterator[Decision]:
        """Return a decision for each reason, with all steps that it is about."""
        for (reason, figures), (first, *others) in sorted(self._reasons.items(), key=lambda item: item[0][0]):
            decision = self._decision(first, "", reason, figures)
            yield msgspec.structs.replace(decision, affects=tuple(others))

    def _decision(self, subject: str, action: str, reason: str, figures: Figures) -> Decision:
        decision = Decision(optimizer=Queue.name, workflow=self._workflow.label, subject=subject, action=action)
        return msgspec.structs.replace(decision, reason=reason, figures=figures)

    def _with_reason(self, decision: Decision) -> Decision:
        """Return a decision with its figures, and with what its owner has to know besides."""
        remark = self._waits.get(decision.subject, PodWait()).remark
        if not decision.action:
            return decision
        reason = f"{decision.reason}; {remark}" if remark else decision.reason
        return msgspec.structs.replace(decision, reason=reason, figures=self._figures.get(decision.subject, ()))
