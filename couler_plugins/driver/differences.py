"""Differences between engines: what a conversion leaves out, and what somebody has to write by hand.

A difference is a detail of how something is run, or concerns whole runs, or is what a step computes. A detail is left
out, and told. The others refuse their file, unless the caller says otherwise.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from couler_plugins.driver.descriptions import omissions
from couler_plugins.driver.remedies import Placeholders, without
from couler_plugins.engine_kit.legalize.legality import merge
from couler_plugins.engine_kit.legalize.native_fields import fields_of
from couler_plugins.engine_kit.legalize.passes import reached
from couler_plugins.engine_kit.legalize.placeholders import is_placeholder
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.ir import Workflow, leaf_call_sites
from couler_plugins.plan import Decision, Plan
from couler_plugins.plan.plan import Loss

log = logging.getLogger(__name__)
T = TypeVar("T")
OnUnsupported = Literal["error", "warn", "drop", "todo"]
POLICIES = ("error", "warn", "drop", "todo")
MOST = 60
"""Attempts at one file, after which it becomes one placeholder."""

DETAIL_FEATURES = frozenset(
    {
        "Graph.metrics",
        "Graph.memoized",
        "Graph.parallelism",
        "Loop.limit",
        "Operation.directives",
        "Operation.memoized",
        "Operation.metrics",
        "Step.directives",
        "Workflow.kind",
    }
)
"""Features that say how something is run, how fast, or what is remembered of it, and not what it computes."""
RUN_FEATURES = frozenset(
    {
        "Graph.fail_fast",
        "Graph.locks",
        "Graph.retry",
        "Graph.timeout",
        "Operation.locks",
        "Operation.timeout",
        "Output.exported",
        "Retry.condition",
        "Retry.native_extra",
        "Step.handlers",
        "Step.retry",
        "Step.timeout",
        "Workflow.handlers",
    }
)
"""Features that concern when a run starts, waits or ends, and that no step reads."""
DETAIL_FIELDS = frozenset(
    str.split(
        """
        affinity annotations archiveLocation archiveLogs arguments artifactGC
        automountServiceAccountToken cachingOptions computeResources description displayName enum executor
        failedJobsHistoryLimit hostAliases imagePullPolicy imagePullSecrets labels livenessProbe
        managedBy metadata nodeSelector parallelism podDisruptionBudget podGC podMetadata podPriority
        podPriorityClassName podSpecPatch ports priority priorityClassName readinessProbe resources
        runtimeClassName schedule schedulerName schedules serviceAccountName startingDeadlineSeconds
        startupProbe stepSpecs successfulJobsHistoryLimit taskInfo taskRunSpecs templateDefaults
        terminationGracePeriodSeconds terminationMessagePath terminationMessagePolicy timezone tolerations
        topologySpreadConstraints ttlSecondsAfterFinished ttlStrategy tty workflowMetadata
        """
    )
)
"""Fields of engines that say where and how pods run, what is kept of a run, and what people read."""
RUN_FIELDS = frozenset(
    str.split(
        """
        activeDeadlineSeconds concurrencyPolicy failFast hooks status stopStrategy suspend synchronization timeout
        timeouts when
        """
    )
)
"""Fields of engines that concern when a run starts, waits or ends."""


@dataclass(frozen=True)
class Policy:
    """What becomes of differences.

    Attributes:
        on_unsupported: what becomes of those that are no details: `error` refuses the file; `warn` leaves out what
            concerns whole runs, and tells it; `drop` does that, and does not tell it; `todo` also puts a placeholder
            in the place of each step that cannot be carried.
        strict: whether details refuse the file, too.
    """

    on_unsupported: OnUnsupported = "error"
    strict: bool = False

    def refuses(self, loss: Loss) -> bool:
        """Return whether a difference of a kind refuses its file."""
        if loss == "detail":
            return self.strict
        return self.on_unsupported == "error" or (loss == "step" and self.on_unsupported != "todo")


def loss_of(error: CoulerError) -> Loss:
    """Return what is lost where what an error is about is left out."""
    feature = error.feature or ""
    fields = getattr(error, "fields", ())
    if feature.endswith("native_extra") and fields:
        last = {field.rpartition(".")[2] for field in fields}
        return "detail" if last <= DETAIL_FIELDS else "run" if last <= DETAIL_FIELDS | RUN_FIELDS else "step"
    return "detail" if feature in DETAIL_FEATURES else "run" if feature in RUN_FEATURES else "step"


class Carrying:
    """Carries the workflows of one file, again and again with less of what refuses it, and notes what that was.

    Args:
        plan: the workflows as they were read.
        image: what placeholders run in.
        policy: what becomes of differences.
    """

    def __init__(self, plan: Plan, image: str, policy: Policy) -> None:
        self._policy = policy
        self._placeholders = Placeholders(plan.bundle, plan.workflows, image)
        self._originals = plan.workflows
        self._noted: dict[tuple[str, str], tuple[Decision, CoulerError]] = {}

    def carry(self, plan: Plan, write: Callable[[Plan], T]) -> T:
        """Return what `write` makes of a plan, whatever it takes.

        Raises:
            CoulerError: it refuses the file as a whole, whatever is in it.
        """
        for attempt in range(MOST):
            try:
                return write(plan)
            except (Unsupported, InvalidInput) as error:
                if not plan.workflows or error.feature == "Workflow.library":
                    raise
                plan = self._without(plan, error, last=attempt == MOST - 2)
        return write(plan)

    def judge(self, decisions: Iterable[Decision], text: str) -> tuple[Decision, ...]:
        """Return all differences, with those that adapters told of themselves.

        Args:
            decisions: those of the adapters.
            text: what was written.

        Raises:
            Unsupported: the policy refuses some.
        """
        pairs = [*self._noted.values(), *((item, _error_of(item)) for item in decisions if item.loss)]
        losses = [decision for decision, _ in pairs]
        pairs += [(item, _error_of(item)) for item in omissions(self._originals, text, losses)]
        refused = [error for decision, error in pairs if self._policy.refuses(decision.loss)]
        if len(refused) > 1:
            raise merge([self._with_line(error) for error in refused])
        if refused:
            raise refused[0]
        silent = "run" if self._policy.on_unsupported == "drop" else None
        return tuple(decision for decision, _ in pairs if decision.loss != silent)

    def _with_line(self, error: CoulerError) -> Unsupported:
        """Return one of several errors with the line that it is about."""
        line = error.line or self._placeholders.line_of(error.step or "")
        place: dict[str, Any] = {
            name: getattr(error, name) for name in ("file", "path", "engine", "step", "feature", "hint")
        }
        text = error.message if line is None else f"line {line}: {error.message}"
        return Unsupported(text, fields=getattr(error, "fields", ()), **place)

    def _without(self, plan: Plan, error: CoulerError, *, last: bool) -> Plan:
        parts: Sequence[CoulerError] = getattr(error, "parts", ()) or (error,)
        before = plan.workflows
        replaced: set[str] = set()  # several errors about one step are one reason for one placeholder
        for part in parts:
            subject = part.step or ""
            workflows = plan.workflows
            if subject not in replaced:
                workflows = tuple(self._remedied(workflow, part) for workflow in plan.workflows)
            if subject and _has_placeholder(workflows, plan.workflows):
                replaced.add(subject)
            if all(new is old for new, old in zip(workflows, plan.workflows, strict=True)) and part is not error:
                self._note(workflows[0], part, loss_of(part))  # what it is about is gone with another part
            plan = replace(plan, workflows=workflows)
        if last or all(new is old for new, old in zip(plan.workflows, before, strict=True)):
            for item in plan.workflows:
                self._note(item, error, "step", item.label)
            return replace(plan, workflows=tuple(self._placeholders.whole(item, error) for item in plan.workflows))
        return plan

    def _remedied(self, workflow: Workflow, error: CoulerError) -> Workflow:
        loss = loss_of(error)
        if loss != "step" and isinstance(error, Unsupported):
            changed = without(workflow, error)
            if changed is not workflow:
                self._note(workflow, error, loss, more=_losses(workflow, changed))
                return changed
        changed, replaced = self._placeholders.replace(workflow, error)
        if changed is not workflow:
            self._note(workflow, error, "step", replaced)
        return changed

    def _note(
        self, workflow: Workflow, error: CoulerError, loss: Loss, replaced: str = "", more: Sequence[str] = ()
    ) -> None:
        """Note what is lost.

        Args:
            workflow: the workflow.
            error: what it is about.
            loss: what is lost.
            replaced: what a placeholder takes the place of, which may be more than what the error names.
            more: the engine's own fields, and what else is lost with it.
        """
        action = f"{'put a placeholder for' if loss == 'step' else 'leave out'} {error.feature or 'it'}"
        message, *_ = error.message.splitlines()
        subject = (error.step or "").rpartition("/")[2]
        is_more = replaced not in ("", subject)
        line = error.line or self._placeholders.line_of(error.step or "")
        whole = f"all of {replaced!r}: " if is_more else ""
        message = f"{message} ({', '.join(more)})" if more else message
        decision = Decision(
            optimizer="convert",
            workflow=workflow.label,
            subject=replaced if is_more else error.step or "",
            action=action,
            reason=f"{whole}{message}",
            figures=() if line is None else (("line", line),),
            loss=loss,
        )
        if loss in WAYS and isinstance(error, Unsupported):
            error.hint = f"{WAYS[loss]}; or {error.hint}" if error.hint else WAYS[loss]
        key = (workflow.label, message)
        if is_more or key not in self._noted or (loss == "step" and self._noted[key][0].loss != "step"):
            self._noted[key] = (decision, error)


def _losses(workflow: Workflow, changed: Workflow) -> list[str]:
    """Return the names of the fields that say when a workflow starts by itself, or of what does not run."""
    if changed.kind != workflow.kind:
        return sorted(fields_of(workflow.native_extra).get("spec", {}).keys() - {"workflowSpec"})
    before, after = (
        Counter(getattr(site.step.call, "name", site.step.name) for site in leaf_call_sites(reached(item)))
        for item in (workflow, changed)
    )
    return sorted(name.rpartition("/")[2] for name in before - after)


def _has_placeholder(workflows: Sequence[Workflow], before: Sequence[Workflow]) -> bool:
    """Return whether there are more placeholders than before."""
    counts = [
        sum(map(is_placeholder, (item for one in items for item in one.operations))) for items in (workflows, before)
    ]
    return counts[0] > counts[1]


WAYS: dict[Loss, str] = {
    "run": "--on-unsupported warn leaves it out, and says so",
    "detail": "it is left out without --strict",
}


def _error_of(decision: Decision) -> Unsupported:
    """Return the error in place of a decision that a policy does not allow."""
    subject = f"{decision.subject!r}: " if decision.subject else ""
    message, hint = f"{subject}{decision.reason}", WAYS.get(decision.loss)
    return Unsupported(message, step=decision.subject or None, engine=decision.optimizer, hint=hint)
