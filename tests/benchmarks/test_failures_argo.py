"""Retries are decided on as Argo decides on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from benchmarks.failures_argo import ArgoRetries, Template, again, scope_of
from benchmarks.failures_forms import FORMS, Form
from benchmarks.failures_replay import MEMORY, Failure

BY_NAME = {form.name: form for form in FORMS}
FAILED, ERROR = BY_NAME["exit code 1"], BY_NAME["pod deleted by force, or with its node"]
KILLED = BY_NAME["out of memory"]
REFUSED = BY_NAME["store of artifacts starting"]
WAITS = {"duration": "10s", "factor": "2", "cap": "1m"}


def failures(*forms: Form) -> list[Failure]:
    return [Failure(form, 100.0 * number, 50.0) for number, form in enumerate(forms)]


@pytest.mark.parametrize(
    ("strategy", "forms", "answer"),
    [
        ({"limit": 2}, [FAILED], (True, 0.0)),
        ({"limit": "2"}, [FAILED] * 3, (False, 0.0)),
        ({}, [FAILED] * 20, (True, 0.0)),
        ({"limit": 2}, [ERROR], (False, 0.0)),
        ({"limit": 2, "retryPolicy": "OnError"}, [ERROR], (True, 0.0)),
        ({"limit": 2, "retryPolicy": "OnError"}, [FAILED], (False, 0.0)),
        ({"limit": 2, "retryPolicy": "Always"}, [ERROR], (True, 0.0)),
        ({"limit": 2, "expression": "true"}, [ERROR], (True, 0.0)),
        ({"limit": 2, "retryPolicy": "OnTransientError"}, [REFUSED], (True, 0.0)),
        ({"limit": 2, "retryPolicy": "OnTransientError"}, [FAILED], (False, 0.0)),
        ({"limit": 9, "backoff": WAITS}, [FAILED], (True, 10.0)),
        ({"limit": 9, "backoff": WAITS}, [FAILED] * 3, (True, 40.0)),
        ({"limit": 9, "backoff": WAITS}, [FAILED] * 4, (True, 60.0)),
        ({"limit": 9, "backoff": WAITS, "expression": "false"}, [FAILED], (False, 10.0)),
        ({"limit": 9, "backoff": WAITS}, [ERROR], (False, 10.0)),
        ({"limit": 2, "backoff": WAITS}, [FAILED] * 3, (False, 0.0)),
        ({"backoff": WAITS, "expression": "false"}, [FAILED], (False, 0.0)),
        ({"limit": 9, "backoff": WAITS | {"maxDuration": "59s"}}, [FAILED], (False, 0.0)),
        ({"limit": 9, "backoff": WAITS | {"maxDuration": "60s"}}, [FAILED], (True, 10.0)),
    ],
)
def test_it_waits_first_and_asks_then(
    strategy: Mapping[str, Any], forms: list[Form], answer: tuple[bool, float]
) -> None:
    assert again(strategy, failures(*forms)) == answer


@pytest.mark.parametrize(
    ("expression", "form", "answer"),
    [
        ("lastRetry.exitCode == '-1' && lastRetry.status == 'Error'", ERROR, True),
        ("asInt(lastRetry.exitCode) in [137, 143]", KILLED, True),
        ("asInt(lastRetry.exitCode) in [137, 143]", FAILED, False),
        ("lastRetry.message matches 'retries|OOMKilled' && retries == '0'", KILLED, True),
        ('lastRetry.message contains "lastRetry.message"', KILLED, False),
        ("asInt(lastRetry.duration) > 49", FAILED, True),
    ],
)
def test_expressions_see_what_is_recorded(expression: str, form: Form, answer: bool) -> None:
    assert again({"limit": 2, "expression": expression}, failures(form)) == (answer, 0.0)


def test_what_is_no_condition_is_refused() -> None:
    with pytest.raises(SystemExit, match="neither true nor false"):
        again({"limit": 2, "expression": "1 + 1"}, failures(FAILED))


def test_codes_that_are_not_there_have_other_values_in_templates() -> None:
    assert dict(scope_of(failures(ERROR), "-1"))["lastRetry.exitCode"] == "-1"
    assert dict(scope_of(failures(ERROR), "0"))["lastRetry.exitCode"] == "0"
    assert dict(scope_of((), "0")) == {
        "retries": "0",
        "lastRetry.exitCode": "0",
        "lastRetry.duration": "0",
        "lastRetry.status": "",
        "lastRetry.message": "",
    }


@pytest.mark.parametrize(
    "limit",
    ["{{=asInt(retries) == 0 ? '1Gi' : '2Gi'}}", "{{=lastRetry.message contains 'OOMKilled' ? '2Gi' : '1Gi'}}"],
)
def test_a_patch_grows_the_memory(limit: str) -> None:
    patch = f'{{"containers":[{{"name":"main","resources":{{"limits":{{"memory":"{limit}"}}}}}}]}}'
    retries = ArgoRetries([Template(None, patch), Template()])
    assert retries.memory(0, ()) == MEMORY
    assert retries.memory(0, failures(KILLED)) == 2 * MEMORY
    assert retries.memory(1, failures(KILLED)) == MEMORY
    assert retries.again(1, failures(KILLED)) == (False, 0.0)
