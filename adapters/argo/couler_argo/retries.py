"""What Argo repeats: failures whose message says that they pass.

An expression sees `lastRetry.message`, `.exitCode` and `.status` as texts, and never the reason of a pod
(`buildRetryStrategyLocalScope` and `inferFailedReason` in workflow/controller/operator.go). It is expr-lang, whose
patterns are RE2's. Without a limit there are no delays, and an expression goes with the policy `Always` from 3.5 on only
(`RetryPolicyActual`), so both are written.

A person reads the expression, in each template. So rows of the built-in table are in it as Argo spells them, in whole
messages: no stop, deadline or full disk looks like that. What Argo's controller and executor repeat by themselves
(util/errors, workflow/executor/retry) is left out, as far as it is not throttling or a lost connection.
"""

from __future__ import annotations

from collections.abc import Sequence

from couler_argo.documents import spec_of
from couler_argo.footprint import POD_KINDS
from couler_argo.spelling import write_native
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.hookspecs.causes import Cause
from couler_plugins.ir import Expression, Native, Operation, Retry, Step, Workflow, replace
from couler_plugins.ir.attempts import AttemptLimits
from couler_plugins.ir.quantities import parse_quantity
from couler_plugins.reliability.table import CAUSES

PASSING = ("infrastructure", "throttled", "resource")
POLICY = "retryPolicy"
BUILT_IN = frozenset(cause.name for cause in CAUSES)
STARTS = "container starts due to (PodInitializing|ContainerCreating)"
MAIN = {
    "out-of-memory": "OOMKilled",
    "container-status-unknown": "ContainerStatusUnknown",
    "killed": "Error [(]exit code 137[)]$",
    "terminated": "Error [(]exit code 143[)]$",
    "exit-status-lost": "Unknown [(]exit code 255[)]",
}
"""What follows the name of the main container, by the row of the table."""
PODS = {
    "init-not-started": f"Pod failed before init {STARTS}",
    "main-not-started": f"Pod failed before main {STARTS}",
    "init-killed": "init: Error [(]exit code (137|143)",
    "executor-killed": "(wait|supervisor): Error [(]exit code (137|143)",
    "pod-deleted": "(pod|container) deleted",
    "pod-failed-alone": "pod failed: ",
    "pod-without-status": "can.t find failed message for pod",
}
"""How whole messages begin."""
NODES = frozenset(
    {
        *("node-pressure", "node-condition", "node-shutdown-in-text", "node-unresponsive"),
        *("preempted-by-kubelet", "pod-rejected", "container-lost"),
    }
)
"""Rows whose messages are those of pods, word by word."""
EXECUTOR = {
    "too-many-requests": "429 Too Many Requests",
    "store-throttled": "SlowDown|RequestLimitExceeded|Throttling",
    "connection-timed-out": "i/o timeout|TLS handshake timeout",
    "connection-reset": "connection reset by peer",
    "connection-refused": "connection refused",
}
"""What the containers of Argo beside the main one say."""


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
    if {"timeout", "activeDeadlineSeconds"} & usual.keys():
        timed = "its workflow has a timeout for all templates, which stays as it is"
    deadline = parse_quantity(spec.get("activeDeadlineSeconds"))
    return AttemptLimits(refusal, timed, deadline or None, "activeDeadlineSeconds of its workflow", exact=True)


def retry_by_cause(retry: Retry, causes: Sequence[Cause], *, own: bool) -> Retry | None:
    """Return a retry with a condition on what a failure says; the policy of an owner's retry stays what it was."""
    text = condition_of(causes)
    if not text:
        return None
    rest = write_native(retry.native_extra) if retry.native_extra is not None else {}
    policy = {POLICY: rest.get(POLICY, "OnFailure") if own else "Always"}
    return replace(
        retry, condition=Expression(language="expr", parts=(text,)), native_extra=Native.of({**rest, **policy})
    )


def condition_of(causes: Sequence[Cause]) -> str:
    """Return the expression that holds for a failure whose first row passes; empty where no row does.

    Args:
        causes: the rows in their order. Those of plugins come first, and are written as they are.
    """
    rows = [one for one in causes if not one.engines or "argo" in one.engines]
    passing = {one.name: one.message for one in rows if one.cause_class in PASSING and one.name in BUILT_IN}
    lines = [
        _matches("^(main: )?(", [text for name, text in MAIN.items() if name in passing], ")"),
        _matches("^(", [text for name, text in PODS.items() if name in passing], ")"),
        _matches("", [text for name, text in passing.items() if name in NODES], ""),
        _matches("(?s)^(init|wait): .*(", [text for name, text in EXECUTOR.items() if name in passing], ")"),
    ]
    text = "\n|| ".join(filter(None, lines))
    for one in reversed([one for one in rows if one.name not in BUILT_IN]):
        if test := _test(one):
            passes = one.cause_class in PASSING
            text = f"{test}\n|| {text}" if passes and text else test if passes else text and f"!({test})\n&& ({text})"
    return text


def _matches(before: str, patterns: Sequence[str], after: str) -> str:
    return f"lastRetry.message matches '{before}{'|'.join(patterns)}{after}'" if patterns else ""


def _test(cause: Cause) -> str:
    """Return what a row of a plugin says of a failure; reasons are those that messages show."""
    shown = [_matches("^([a-z-]+: )?(", cause.reasons, ") [(]exit code")]
    shown.append(_matches("", [cause.message.replace("\\", "\\\\").replace("'", "\\'")] if cause.message else [], ""))
    codes = ", ".join(f"'{code}'" for code in cause.exit_codes)
    shown.append(f"lastRetry.exitCode in [{codes}]" if codes else "")
    tests = [test for test in shown if test]
    return " && ".join(tests) if len(tests) < 2 else f"({' && '.join(tests)})"
