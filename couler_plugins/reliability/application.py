"""Application of retries and timeouts to a plan: which step gets which, where its engine keeps them, and why not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace as with_fields
from typing import NamedTuple

import msgspec

from couler_plugins.documents.mappings import by_key
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import EngineCache
from couler_plugins.hookspecs.causes import Cause
from couler_plugins.ir import (
    Call,
    CallSite,
    Literal,
    Operation,
    Retry,
    Scalar,
    SettableStep,
    Step,
    Value,
    Workflow,
    call_sites,
    replace,
    replace_callables,
)
from couler_plugins.options.rows import Row
from couler_plugins.plan import Decision, Plan
from couler_plugins.reliability.classification import classify
from couler_plugins.reliability.optimizer import Guard
from couler_plugins.reliability.rules import Rule, check_rows, rule_at, together
from couler_plugins.reliability.timeouts import Durations, durations_of, retries_within, seconds_of, timeout_after
from couler_plugins.runs import Attempt

Figures = tuple[tuple[str, Scalar], ...]
REPEATED, MEMORY = ("infrastructure", "throttled"), "resource"
DECLARE = 'couler.io/idempotent: "true", or idempotent = true in a row [[guard.declare]], says that it may run twice'
UNDECLARED = f"nobody says that it may run twice, and its engine cannot tell what never began: {DECLARE}"
OWN = "it has a retry already, which stays as it is"
NOT_TWICE = "its owner says that it must not run twice"


class Wish(NamedTuple):
    """What is decided on one setting.

    Attributes:
        value: what is written; None where nothing is.
        action: what is done, in a few words.
        reason: why; why not, where nothing is done.
        figures: the numbers behind it.
    """

    value: Retry | Value | None = None
    action: str = ""
    reason: str = ""
    figures: Figures = ()


def apply_guard(options: Guard, plan: Plan, ctx: Context) -> Plan:
    """Give the steps of all workflows retries by cause and timeouts from past runs."""
    check_rows(rows := ctx.rows(options.name))
    caches = {engine: ctx.adapter(engine).cache(plan) for engine in {item.engine for item in plan.workflows}}
    for workflow in plan.workflows:
        ctx.progress(f"looking for what may be repeated in {workflow.label}")
        cache = caches[workflow.engine](workflow)
        if cache is not None:
            cache.rows = ctx.rows("cache")
        plan = _Guarding(options, plan, workflow, ctx, rows, cache).plan
    return plan


class _Guarding:
    """Guards one workflow of a plan.

    Attributes:
        plan: the plan, with the workflow as it is to be.
    """

    def __init__(
        self,
        options: Guard,
        plan: Plan,
        workflow: Workflow,
        ctx: Context,
        rows: Sequence[Row],
        cache: EngineCache[object, object] | None,
    ) -> None:
        self._options, self._plan, self._workflow, self._ctx = options, plan, workflow, ctx
        self._rows, self._cache, self._causes = rows, cache, ctx.causes()
        self._adapter = ctx.adapter(workflow.engine)
        self._homes, self._written = self._adapter.homes(), {item.feature for item in self._adapter.capabilities}
        self._around = self._adapter.pod_sizes(workflow, None).annotations
        self._graphs = {graph.name: graph for graph in workflow.graphs}
        self._operations = {item.name: item for item in workflow.operations}
        self._calls = by_key(
            (site.step.call.name, site) for site in call_sites(workflow) if isinstance(site.step.call, Call)
        )
        self._wishes: dict[tuple[str, str], Wish] = {}
        self._patched: dict[str, Operation] = {}
        self._said: dict[tuple[str, str, Figures], list[str]] = defaultdict(list)
        alone = with_fields(plan, workflows=(workflow,), decisions=())
        new = alone.map_steps(Guard.name, self._guarded, action="set retries and timeouts", reason="")
        guarded = replace_callables(new.workflows[0], self._with_settings(new.workflows[0]))
        refused = [item for item in new.decisions if not item.action]
        decisions = [*self._decisions(), *refused]
        self.plan = plan.with_workflow(workflow, guarded, *decisions) if decisions else plan

    def _with_settings(self, workflow: Workflow) -> dict[str, Operation]:
        """Return the operations whose memory grows from attempt to attempt, with the settings that they have got."""
        own = {item.name: item for item in workflow.operations}
        return {
            name: replace(item, retry=own[name].retry, timeout=own[name].timeout)
            for name, item in self._patched.items()
            if name in own
        }

    def _guarded(self, step: SettableStep) -> SettableStep:
        """Return a call with the timeout and the retry that it needs."""
        site = CallSite(self._graphs.get(step.graph), step)
        operation = self._operations.get(step.call.name) if isinstance(step.call, Call) else None
        timeout, retry = step.timeout, step.retry
        if (wish := self._wish("timeout", site, operation, step)).value is not None:
            timeout = wish.value  # type: ignore[assignment]  # no retry
        if (wish := self._wish("retry", site, operation, replace(step, timeout=timeout))).value is not None:
            retry = wish.value  # type: ignore[assignment]  # a retry
        return step if (timeout, retry) == (step.timeout, step.retry) else replace(step, timeout=timeout, retry=retry)

    def _wish(self, setting: str, site: CallSite, operation: Operation | None, step: SettableStep) -> Wish:
        """Return what is decided on a setting of a call; of an operation once, where the engine keeps it there."""
        home = self._homes[setting].of(self._workflow, site, operation)
        shared = operation is not None and home.at == "operation"
        sites = self._calls.get(operation.name, ()) if shared and operation is not None else ()
        subject = operation.name if shared and operation is not None else site.label
        if (setting, subject) not in self._wishes:
            rule = together([self._rule(one, operation) for one in sites or [site]])
            limits = self._adapter.attempt_limits(self._workflow, site.step, operation)
            objection = rule.refusal or home.objection(operation)
            unit = _Unit(subject, tuple(sites or [site]), operation, step, self._attempts(subject, sites))
            if setting == "timeout":
                wish = Wish(reason=objection or limits.timed)
                if not wish.reason and self._options.timeouts:
                    wish = self._timeout(unit, rule, limits)
            else:
                wish = Wish(reason=objection or limits.refusal) 
                if not wish.reason:
                    wish = self._retry(unit, rule, limits)
            self._wishes[setting, subject] = wish
            if wish.reason:
                self._said[wish.action, wish.reason, wish.figures].append(subject)
        return self._wishes[setting, subject]
