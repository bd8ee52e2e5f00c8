"""Application of sizes to a plan: to the containers of operations, and to the pods of what is in other objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace as with_fields

import msgspec

from couler_plugins.documents.mappings import by_key
from couler_plugins.hookspecs import Context
from couler_plugins.ir import (
    Call,
    CallSite,
    Container,
    External,
    Literal,
    Operation,
    PodSizes,
    Scalar,
    SettableStep,
    Step,
    Workflow,
    call_sites,
    parse_quantity,
    replace,
    replace_callables,
)
from couler_plugins.options.rows import Row
from couler_plugins.plan import Decision, Plan
from couler_plugins.rightsizing.attempts import Demand, demand_of
from couler_plugins.rightsizing.by_item import attempts_by_item, size_items
from couler_plugins.rightsizing.growth import growth_of
from couler_plugins.rightsizing.optimizer import Rightsize
from couler_plugins.rightsizing.rules import Rule, check_rows, rule_of
from couler_plugins.rightsizing.sizes import Sized, Targets, size_text, sized
from couler_plugins.runs import Attempt

ACTION, REASON = "set requests and limits", "past attempts used that much"
NOTHING_KNOWN = (
    "no past attempt of its steps is known: `couler history fetch` fetches some, and --history names its file"
)
BY_ITEM = "set memory by item"
GROWS = "its memory follows its input: the request is for the largest that was seen"
FOLLOWS = 0.5
"""The share of the variance of peaks from which on they are said to follow inputs."""
POD = "all of the pod"
Figures = tuple[tuple[str, Scalar], ...]


def apply_sizes(options: Rightsize, plan: Plan, ctx: Context) -> Plan:
    """Give the containers of all workflows the sizes that their past attempts needed."""
    check_rows(rows := ctx.rows(options.name))
    lows = {"min-memory": parse_quantity(options.min_memory), "min-cpu": parse_quantity(options.min_cpu)}
    targets = Targets(
        resources=tuple(name for name in ("memory", "cpu") if getattr(options, name)),
        margin=options.margin,
        change=options.change,
        min_samples=options.min_samples,
        bounds={name: amount for name, amount in lows.items() if amount is not None},
        parameters=options.parameters,
    )
    for workflow in plan.workflows:
        ctx.progress(f"looking for what the steps of {workflow.label} used")
        plan = _Sizing(plan, workflow, ctx, rows, targets, options.by_item).plan
    return plan


class _Sizing:
    """Sizes one workflow of a plan.

    Attributes:
        plan: the plan, with the workflow as it is to be.
    """

    def __init__(
        self, plan: Plan, workflow: Workflow, ctx: Context, rows: Sequence[Row], targets: Targets, by_item: bool
    ) -> None:
        self.plan, self._workflow, self._ctx, self._by_item = plan, workflow, ctx, by_item
        self._rows, self._targets, self._adapter = rows, targets, ctx.adapter(workflow.engine)
        self._home = self._adapter.homes()["requests"]
        self._calls = by_key(
            (site.step.call.name, site) for site in call_sites(workflow) if isinstance(site.step.call, Call)
        )
        self._known = False
        self._decisions: list[Decision] = []
        changed = {old.name: new for old in workflow.operations if (new := self._operation(old)) is not old}
        sized_workflow = self._with_pods(replace_callables(workflow, changed) if changed else workflow)
        if not self._known and any(item.figures for item in self._decisions):
            others = [item for item in self._decisions if not item.figures]
            self._decisions = [self._decision("", reason=NOTHING_KNOWN), *others]
        decisions = sorted(self._decisions, key=lambda item: (not item.action, item.reason))
        self.plan = plan.with_workflow(workflow, sized_workflow, *decisions) if decisions else plan

    def _attempts(self, name: str) -> Sequence[Attempt]:
        attempts = self._own(self._ctx.profile(self._workflow, name).tries or ())
        self._known = self._known or bool(attempts)
        return attempts

    def _own(self, attempts: Iterable[Attempt]) -> Sequence[Attempt]:
        """Return attempts without those of another namespace: what has this name there may be something else."""
        space = self._workflow.namespace
        return [one for one in attempts if one.namespace in ("", space) or not space]

    def _operation(self, operation: Operation) -> Operation:
        """Return an operation whose containers have the sizes that they need."""
        sizes = self._adapter.pod_sizes(self._workflow, operation)
        steps = [site.label for site in self._calls.get(operation.name, ())]
        attempts = self._attempts(operation.name)
        rule = rule_of(self._workflow, sizes, operation, steps, self._rows)
        call = CallSite(None, Step(name=operation.name, call=Call(name=operation.name)))
        refusal = rule.refusal or self._home.of(self._workflow, call, operation).objection(operation)
        if not operation.containers and any(one.containers for one in attempts):
            self._decisions.append(self._decision(operation.name, reason=refusal))
        containers = []
        names = self._adapter.pod_containers(operation)
        for name, old, now, reason in zip(names, operation.containers, sizes.containers, sizes.refusals, strict=True):
            demand = demand_of(attempts, name)
            reasons = tuple(filter(None, [refusal or reason]))
            new = Sized(old, now, reasons) if reasons else sized(old, now, demand, rule, self._targets)
            figures = _figures(name, demand, now, new.now)
            affects = tuple(steps) if operation.inline else ()
            if new.container is not old:
                done = self._decision(operation.name, ACTION, REASON, figures)
                self._decisions.append(msgspec.structs.replace(done, affects=affects))
            self._say_reasons(operation.name, new, figures)
            self._say_growth(operation.name, name, attempts)
            containers.append(new.container)
        same = all(new is old for new, old in zip(containers, operation.containers, strict=True))
        new_operation = operation if same else sizes.settle(replace(operation, containers=tuple(containers)))
        is_sized = self._by_item or (sizes.by_item is not None and sizes.by_item.is_written(operation))
        is_sized = is_sized and "memory" in self._targets.resources and not refusal
        return self._with_items(new_operation, sizes, rule) if is_sized else new_operation

    def _with_items(self, operation: Operation, sizes: PodSizes, rule: Rule) -> Operation:
        """Return an operation whose main container gets memory by item of the loop that calls it."""
        sites = self._calls.get(operation.name, ())
        if sizes.by_item is None:
            reason = "its engine has one size for all items" if any(site.step.loop for site in sites) else ""
            new = operation
        else:
            label = next((site.label for site in sites if site.step.loop is not None), "")
            by_item = attempts_by_item(self._ctx.runs(self._workflow), label)
            own = {item: self._own(some) for item, some in by_item.items()}
            is_alone = sum(map(len, own.values())) >= len(self._attempts(operation.name))
            new, reason = size_items(sizes.by_item, operation, sites, own, rule, self._targets, is_alone=is_alone)
        if reason:
            self._decisions.append(self._decision(operation.name, "" if new == operation else BY_ITEM, reason))
        return operation if new == operation else new

    def _with_pods(self, workflow: Workflow) -> Workflow:
        """Return a workflow that says the sizes of pods whose operations are elsewhere, where its engine can."""
        pods: dict[tuple[str, str], str] = {}
        elsewhere: dict[str, list[str]] = {}
        for site in call_sites(workflow):
            call, name = site.step.call, (site.graph.name if site.graph else "", site.step.name)
            if isinstance(call, Call):
                continue
            if not (objection := self._home.of(workflow, site, None).objection(None)):
                pods[name] = site.label
            elif not isinstance(call, External) or not self.plan.libraries.candidates(workflow, call):
                advice = f": name the file of {call.description} as well" if isinstance(call, External) else ""
                elsewhere.setdefault(f"{objection}{advice}", []).append(site.label)
        for reason, (first, *others) in elsewhere.items():
            decision = self._decision(first, reason=reason)
            self._decisions.append(msgspec.structs.replace(decision, affects=tuple(others)))
        if not pods:
            return workflow
        figures: dict[str, Figures] = {}

        def change(step: SettableStep) -> SettableStep:
            label = pods.get((step.graph, step.name))
            if label is None:
                return step
            callee = self.plan.libraries.callee(workflow, step)
            if callee is not None and not step.requests and not step.limits:  # it has sizes of its own
                return step
            return self._pod(step, label, figures)

        alone = with_fields(self.plan, workflows=(workflow,), decisions=())
        new = alone.map_steps(Rightsize.name, change, action=ACTION, reason=REASON)
        self._decisions += [
            msgspec.structs.replace(item, figures=figures.get(item.subject, ())) for item in new.decisions
        ]
        return new.workflows[0]

    def _pod(self, step: SettableStep, label: str, figures: dict[str, Figures]) -> SettableStep:
        """Return a call with the sizes of the pod that it starts: what its largest container needs at a time."""
        around = self._adapter.pod_sizes(self._workflow, None)
        own = {name: value.value for name, value in step.annotations if isinstance(value, Literal)}
        task = step.call.workflow if isinstance(step.call, External) else ""
        sizes = PodSizes(task=task, annotations={**around.annotations, **own})
        rule = rule_of(self._workflow, sizes, None, [label], self._rows)
        demand, pod = demand_of(self._attempts(label)), Container(requests=step.requests, limits=step.limits)
        new = Sized(pod, pod, (rule.refusal,)) if rule.refusal else sized(pod, pod, demand, rule, self._targets)
        figures[label] = _figures(POD, demand, pod, new.now)
        self._say_reasons(label, new, figures[label])
        return replace(step, requests=new.container.requests, limits=new.container.limits)

    def _say_growth(self, subject: str, container: str, attempts: Sequence[Attempt]) -> None:
        """Say how memory follows the bytes that attempts read, where it does."""
        growth = growth_of(attempts, container)
        if growth is not None and growth.slope > 0 and growth.r_squared >= FOLLOWS:
            figures = (
                ("container", container),
                ("attempts", growth.attempts),
                ("bytes of memory per byte of input", round(growth.slope, 3)),
                ("R²", round(growth.r_squared, 2)),
            )
            self._decisions.append(self._decision(subject, reason=GROWS, figures=figures))

    def _say_reasons(self, subject: str, new: Sized, figures: Figures) -> None:
        if new.reasons:
            self._decisions.append(self._decision(subject, reason="; ".join(new.reasons), figures=figures[:2]))

    def _decision(self, subject: str, action: str = "", reason: str = "", figures: Figures = ()) -> Decision:
        return Decision(
            optimizer=Rightsize.name,
            workflow=self._workflow.label,
            subject=subject,
            action=action,
            reason=reason,
            figures=figures,
        )


def _figures(name: str, demand: Demand, before: Container, after: Container) -> Figures:
    return (
        ("container", name),
        ("attempts", max(demand.memory_attempts, demand.cpu_attempts)),
        ("killed for memory", demand.killed),
        ("peak bytes", "unknown" if demand.peak is None else round(demand.peak)),
        ("cpu cores", "unknown" if demand.cpu is None else round(demand.cpu, 3)),
        ("memory before", size_text(before, "memory")),
        ("memory after", size_text(after, "memory")),
        ("cpu before", size_text(before, "cpu")),
        ("cpu after", size_text(after, "cpu")),
    )
