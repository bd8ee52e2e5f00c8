"""What Argo repeats: failures whose message says that they pass.

An expression sees `lastRetry.message`, `.exitCode` and `.status` as texts, and never the reason of a pod
(`buildRetryStrategyLocalScope` and `inferFailedReason` in workflow/controller/operator.go). It is expr-lang, whose
patterns are RE2's. Without a limit there are no delays, and an expression goes with the policy `Always` from 3.5 on
only (`RetryPolicyActual`), so both are written.

A person reads the expression, in each template. So rows of the built-in table are in it as Argo spells them, from the
beginning of a message on: no stop, deadline or full disk begins like that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from couler_argo.documents import rest_of, spec_of
from couler_argo.footprint import POD_KINDS
from couler_argo.memory_patch import GROWN, OURS
from couler_argo.references import expression
from couler_argo.run.local.facts import pause
from couler_argo.spelling import write_native
from couler_argo.templates import ROLES
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.hookspecs.causes import Cause
from couler_plugins.hookspecs.local import Ended
from couler_plugins.ir import Expression, Native, Operation, Retry, Step, Workflow, parse_quantity, replace
from couler_plugins.ir.attempts import QUEUED, AttemptLimits, is_queued
from couler_plugins.reliability.table import CAUSES
from couler_plugins.runs import Attempt

PASSING = ("infrastructure", "throttled", "resource")
POLICY = "retryPolicy"
ALONE = ("container", "script", "resource", "data")
"""The kinds of templates whose program is one container: nothing of it has run before that starts."""
BUILT_IN = frozenset(cause.name for cause in CAUSES)


class Line(NamedTuple):
    """What messages look like for some rows of the built-in table.

    Attributes:
        start, end: what is around the words.
        words: what tells the rows apart, by their names.
    """

    start: str
    words: Mapping[str, str]
    end: str = ""


LINES = (
    Line("^(main: )?Error [(]exit code ", {"killed": "137", "terminated": "143"}, "[)]$"),
    Line(
        "^([a-z]+: )?",
        {
            "out-of-memory": "OOMKilled ",
            "container-status-unknown": "ContainerStatusUnknown ",
            "exit-status-lost": "Unknown [(]exit code 255[)]",
        },
    ),
    Line(
        "^Pod failed before ",
        {"init-not-started": "init", "main-not-started": "main", "containers-not-started": "[^ ]+"},
        " container starts due to (PodInitializing|ContainerCreating)",
    ),
    Line(
        "^",
        {"init-killed": "init", "executor-killed": "wait|supervisor"},
        ": (Error [(]exit code (137|143)[)]$|ContainerStatusUnknown)",
    ),
    Line(
        "^",
        {
            "pod-deleted": "pod deleted|container deleted",
            "pod-failed-alone": "pod failed: ",
            "pod-without-status": "can.t find failed message for pod",
            "preempted-by-kubelet": "Preempted in order to admit critical pod",
        },
    ),
    Line(
        "^(Pod was rejected: )?",
        {
            "node-pressure": "The node was low on resource",
            "node-condition": "The node had condition:",
            "node-shutdown-in-text": "Pod was (terminated|rejected) [a-z ]+ node|Node is in progress of shutting down",
            "node-unresponsive": "Node [^ ]+ which was running pod",
            "pod-rejected": "Node didn.t have enough resource|Predicate NodeAffinity failed|Allocate failed due to",
        },
    ),
    Line(
        "(?s)^init: .*",
        {
            "inputs-throttled": "429 Too Many Requests|SlowDown|reduce your request rate|received too many requests",
            "inputs-not-loaded": "i/o timeout|TLS handshake timeout|connection (reset by peer|refused)"
            "|server misbehaving|encountered an internal error, please try again",
        },
    ),
    Line(
        "(?s)^wait: .*",
        {
            "too-many-requests": "429 Too Many Requests|received too many requests",
            "store-throttled": "SlowDown|reduce your request rate",
            "store-failed": "encountered an internal error",
            "name-not-resolved": "server misbehaving",
            "connection-timed-out": "i/o timeout|TLS handshake timeout",
            "connection-reset": "connection reset by peer",
            "connection-refused": "connection refused",
        },
    ),
)
"""What an expression says of the rows of the built-in table. What Argo repeats by itself (`util/errors`), or what a pod
shows only while Argo waits for it, is not in it."""


def attempt_limits(workflow: Workflow, step: Step, operation: Operation | None) -> AttemptLimits:
    """Return why a template cannot be repeated or stopped: it has no pod, or what is around it says something."""
    if operation is None:
        return AttemptLimits()
    spec = spec_of(workflow)
    usual = mapping_at(spec, "templateDefaults")
    refusal = timed = ""
    if operation.daemon:
        refusal = timed = "a daemon runs for as long as others need it"
    elif operation.kind not in POD_KINDS - {"unknown"}:
        refusal = "it starts no pod of its own"
    elif "retryStrategy" in spec or "retryStrategy" in usual:
        refusal = "its workflow has a retry for all templates, which stays as it is"
    if operation.locks is not None or "synchronization" in usual:
        timed = timed or "its wait for a lock would count, however long others have that"
    elif is_queued(workflow, step, operation):
        timed = timed or QUEUED
    if {"timeout", "activeDeadlineSeconds"} & usual.keys():
        timed = "its workflow has a timeout for all templates, which stays as it is"
    deadline = parse_quantity(spec.get("activeDeadlineSeconds"))
    alone = operation.kind in ALONE and len(operation.containers) < 2 and not usual.keys() & ROLES.keys()
    patches = [str(holder.get("podSpecPatch", "")) for holder in (spec, usual, rest_of(operation))]
    said = any(patches[:2]) or any(mapping_at(usual, kind, "resources") for kind in ("container", "script"))
    memory = "its workflow may say how much there is, by podSpecPatch or templateDefaults" if said else ""
    own = (GROWN, OURS)
    others = [one for one in patches if not any(form.fullmatch(one) for form in own)]
    exact = alone and not any("ontainers" in one or "{{" in one for one in others)  # the run may fill in some
    return AttemptLimits(refusal, timed, deadline or None, "activeDeadlineSeconds of its workflow", exact, memory)


def retry_by_cause(retry: Retry, causes: Sequence[Cause], old: Retry | None) -> Retry | None:
    """Return a retry with a condition on what a failure says; the policy of an owner's retry stays what it was.

    None where that policy reads the message as well: both would have to hold, and no failure would be repeated.
    """
    text = condition_of(causes) or "false"
    rest = write_native(retry.native_extra) if retry.native_extra is not None else {}
    if rest.get(POLICY) == "OnTransientError":
        return None
    policy = {POLICY: rest.get(POLICY, "OnFailure") if old is not None else "Always"}
    return replace(
        retry, condition=Expression(language="expr", parts=(text,)), native_extra=Native.of({**rest, **policy})
    )


def without_memory(retry: Retry | None) -> Retry | None:
    """Return a retry as `retry_by_cause` wrote it, but not of what ran out of memory."""
    if retry is None or not isinstance(retry.condition, Expression):
        return retry
    parts = (one.replace("(OOMKilled |", "(") if isinstance(one, str) else one for one in retry.condition.parts)
    return replace(retry, condition=replace(retry.condition, parts=tuple(parts)))


def repeats(retry: Retry, attempt: Attempt) -> bool:
    """Return whether the condition of a retry holds for an attempt, as the engine in this process reads it."""
    assert isinstance(retry.condition, Expression)
    whole = replace(retry, condition=expression("".join(map(str, retry.condition.parts))))
    return pause(whole, [Ended(outcome="errored", message=attempt.message, code=attempt.exit_code)], str) is not None


def condition_of(causes: Sequence[Cause]) -> str:
    """Return the expression that holds for a failure whose first row passes; empty where no row does.

    Args:
        causes: the rows in their order. Those of plugins come first, and are written as they are.
    """
    rows = [one for one in causes if not one.engines or "argo" in one.engines]
    passing = {one.name for one in rows if one.cause_class in PASSING}
    chosen = ((line, [word for name, word in line.words.items() if name in passing]) for line in LINES)
    text = "\n|| ".join(_matches(line.start, words, line.end) for line, words in chosen if words)
    for one in reversed([one for one in rows if one.name not in BUILT_IN]):
        if one.cause_class in PASSING:
            text = "\n|| ".join(filter(None, (_test(one), text)))
        elif text:
            text = f"!{_test(one)}\n&& ({text})"
    return text


def _matches(start: str, words: Sequence[str], end: str) -> str:
    either = "|".join(words)
    is_bare = "|" not in either or not (start or end)
    return f"lastRetry.message matches '{start}{either if is_bare else f'({either})'}{end}'"


def _test(cause: Cause) -> str:
    """Return what a row of a plugin says of a failure; its reasons count where a message shows them."""
    codes = ", ".join(f"'{code}'" for code in cause.exit_codes)
    tests = [
        _matches("^([a-z-]+: )?", cause.reasons, " [(]exit code") if cause.reasons else "",
        f"lastRetry.exitCode in [{codes}]" if codes else "",
        _matches("", [cause.message.replace("\\", "\\\\").replace("'", "\\'")], "") if cause.message else "",
    ]
    return f"({' && '.join(filter(None, tests))})"
