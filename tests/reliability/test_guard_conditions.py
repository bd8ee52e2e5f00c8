"""Conditions that `guard` writes for Argo say yes where the table of causes does, as far as they are meant to."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

import pytest
from msgspec.structs import replace

from couler_argo.retries import LINES, PASSING, condition_of
from couler_argo.run.local.evaluating import evaluated
from couler_plugins.hookspecs.causes import Cause
from couler_plugins.reliability.classification import classify
from couler_plugins.reliability.table import CAUSES
from couler_plugins.runs import Attempt
from reliability.recorded_argo import CASES, MESSAGES

SPELLED = {name for line in LINES for name in line.words} | {"inputs-throttled", "inputs-not-loaded", "container-lost"}
"""The rows of the table that a condition is about."""
LEFT_OUT = {
    *("etcd-leader-changed", "etcd-timed-out", "etcd-throttled", "client-throttled", "service-unavailable"),
    *("quota-exceeded", "quota-conflict", "quota-timeout", "webhook-unavailable", "connection-closed"),
    *("response-cut-off", "rpc-unavailable"),  # so far: what an API server answers a controller that then waits
    *("image-interrupted", "registry-unavailable", "container-not-created", "sandbox-not-created", "sandbox-gone"),
    *("evicted", "preempted", "disrupted", "node-shutdown", "node-lost", "not-admitted", "disruption-in-text"),
    "connection-failed",  # so far: reasons of pods, and names of exceptions, which no message of a node shows
    *("container-disk-limit", "pod-disk-limit", "emptydir-limit", "disk-full"),  # more memory is no help
    *("out-of-memory-in-text", "memory-error"),  # the first is in the pattern of `out-of-memory`
}
"""Rows that pass and that no condition is about."""
BY_ITSELF = (
    "the server has received too many requests",
    "Post: dial tcp 10.96.0.1:443: connect: connection refused",
    "Pod failed before main container starts due to ErrImagePull",
)
"""How messages begin of spelled rows for which Argo fails no attempt: its controller waits for APIs and images."""
ATTEMPTS: list[Attempt] = [attempt for _, _, attempt in CASES]


def repeated(*names: str) -> list[Cause]:
    """The table of which only these rows are repeated; without any, all that pass are."""
    chosen = names or [one.name for one in CAUSES if "disk" not in one.name and "emptydir" not in one.name]
    return [
        one if one.name in chosen or one.cause_class not in PASSING else replace(one, cause_class="deterministic")
        for one in CAUSES
    ]


NEVER_BEGAN = repeated(*(one.name for one in CAUSES if one.before_start))
NO_MEMORY = [replace(one, cause_class="timeout") if one.cause_class == "resource" else one for one in CAUSES]


def says_yes(causes: Collection[Cause], attempt: Attempt) -> bool:
    """Whether a condition holds for an attempt, as the local engine reads it."""
    text = condition_of(tuple(causes)).replace("lastRetry.message", json.dumps(attempt.message))
    text = text.replace("lastRetry.exitCode", json.dumps(str(attempt.exit_code)))
    return evaluated(text, ()) is True


@pytest.mark.parametrize("causes", [repeated(), NEVER_BEGAN, NO_MEMORY], ids=["all", "never-began", "no-memory"])
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.message[:60])
def test_a_condition_says_what_the_table_says(causes: list[Cause], attempt: Attempt) -> None:
    row = classify(attempt, "argo", causes)
    if row.cause_class not in PASSING:
        assert not says_yes(causes, attempt)
    elif row.name in SPELLED and not attempt.message.startswith(BY_ITSELF):
        assert says_yes(causes, attempt)


@pytest.mark.parametrize("name", ["workflow-shutdown", "pod-deadline", "workflow-deadline", "emptydir-limit"])
def test_a_stop_or_a_deadline_is_no_cause_to_repeat_whatever_follows(name: str) -> None:
    for message in MESSAGES[name]:
        for attempt in ATTEMPTS:
            assert not says_yes(repeated(), replace(attempt, message=f"{message} {attempt.message}", exit_code=143))


def test_each_row_that_passes_is_in_conditions_or_left_out_on_purpose() -> None:
    passing = {one.name for one in CAUSES if one.cause_class in PASSING and one.engines in ((), ("argo", "kfp"))}
    assert passing - SPELLED == LEFT_OUT


OF_PLUGINS = [
    Cause(name="own-quota", cause_class="deterministic", exit_codes=(137,), message="quota of 'us'", source="us"),
    Cause(name="own-lock", cause_class="throttled", message=r"lock \d+ is 'busy'", source="us"),
    Cause(name="own-reason", cause_class="infrastructure", reasons=("Kaputt",), exit_codes=(3,), source="us"),
    Cause(name="own-code", cause_class="deterministic", engines=("argo",), exit_codes=(143,), source="us"),
    Cause(name="own-tekton", cause_class="infrastructure", engines=("tekton",), exit_codes=(1,), source="us"),
    *CAUSES,
]
"""The table with rows of a plugin in front."""
SEEN = {
    "main: Error (exit code 137)": True,
    "main: Error (exit code 137): quota of 'us'": False,
    "main: Error (exit code 1): lock 17 is 'busy'": True,
    "main: Error (exit code 1): lock x is 'busy'": False,
    "main: Kaputt (exit code 3)": True,
    "main: Kaputt (exit code 4)": False,
    "main: Error (exit code 143)": False,
    "main: Error (exit code 1)": False,
    "pod deleted": True,
    "main: OOMKilled (exit code 1)": True,
}


@pytest.mark.parametrize(("message", "answer"), SEEN.items())
def test_rows_of_plugins_go_first(message: str, answer: bool) -> None:
    code = re.search(r"exit code (\d+)", message)
    reason = re.search(r": (\w+) [(]", message)
    attempt = Attempt(message=message, exit_code=int(code[1]) if code else None, reason=reason[1] if reason else "")
    assert says_yes(OF_PLUGINS, attempt) is answer
    assert (classify(attempt, "argo", OF_PLUGINS).cause_class in PASSING) is answer
