"""The replay of failures fills in patches and asks expressions as Argo's own code does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.failures_argo import Template, again, filled, scope_of
from benchmarks.failures_forms import FORMS, RARE
from benchmarks.failures_replay import Failure
from benchmarks.failures_workflows import _generated, argo_document, cut, guarded, templates_of
from couler_plugins.plugins import load_plugins
from oracles.argo_oracle import Oracle, Retry, build

pytestmark = pytest.mark.oracle
BY_HAND = (
    Template({"expression": "asInt(lastRetry.exitCode) in [137, 143] || lastRetry.status == 'Error'"}, "{{retries}}"),
    Template(
        {"expression": "lastRetry.message matches '(?i)^(main|wait): .*exit code 1(37)?[)]' && retries != '2'"},
        "{{=lastRetry.message contains 'OOMKilled' ? '2Gi' : '1Gi'}}",
    ),
    Template(
        {"expression": 'not (lastRetry.message matches "oomkilled|low on resource") and asFloat(retries) < 2'},
        "{{=string(asInt(retries) * 512 + 1024)}}Mi {{lastRetry.exitCode}}",
    ),
)


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


def templates() -> Iterator[Template]:
    yield from BY_HAND
    work = cut(_generated("layered"), "oracle")
    yield from {
        repr(template): template for template in templates_of(guarded(argo_document(work), "guard", load_plugins()))
    }.values()


def test_argo_decides_as_the_replay_does(oracle: Oracle) -> None:
    asked, ours = [], []
    for template in templates():
        assert template.strategy is not None
        expression = {"expression": template.strategy["expression"]}
        for form in (*FORMS, *RARE):
            for count in (1, 2, 3):
                failures = [Failure(form, 0.0, 30.0)] * count
                scope, params = scope_of(failures, "-1"), scope_of(failures, "0")
                asked.append(Retry(expression["expression"], dict(scope), template.patch, dict(params)))
                ours.append((again(expression, failures)[0], filled(template.patch, params)))
    answers = oracle.retries(asked)
    assert {answer.error for answer in answers} == {None}
    assert [(answer.again, answer.patch) for answer in answers] == ours
    assert {verdict for verdict, _ in ours} == {True, False}
