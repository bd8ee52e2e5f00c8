"""What `couler why` says of `guard` is what the manifest does that `guard` writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from cli.conftest import Couler
from couler_argo.plugin import ArgoAdapter
from couler_argo.run.local.evaluating import evaluated
from couler_plugins import Text, optimize
from couler_plugins.hookspecs.causes import Cause
from couler_plugins.ir import Retry
from couler_plugins.reliability.optimizer import Guard
from couler_plugins.reliability.table import CAUSES
from couler_plugins.reliability.wishes import Decider
from couler_plugins.runs import Attempt
from reliability.recorded_argo import CASES
from reliability.test_guard_conditions import OF_PLUGINS, says_yes
from why.conftest import RECORDED

NAMES = [path.stem for path in sorted(RECORDED.glob("argo-*.json"))]


def written(document: dict[str, Any], template: str, *, declared: bool) -> str | None:
    """The expression of the retry that `guard` writes into a template of a workflow; None where it writes none."""
    annotations = {"couler.io/idempotent": "true"} if declared else {}
    data = {**document, "metadata": {**document["metadata"], "annotations": annotations}, "status": {}}
    (file,) = optimize(Text(json.dumps(data)), "guard").files
    templates = {one["name"]: one for one in file.documents[0]["spec"]["templates"]}
    expression: str | None = templates[template].get("retryStrategy", {}).get("expression")
    return expression


def holds(expression: str, attempt: dict[str, Any]) -> bool:
    text = expression.replace("lastRetry.message", json.dumps(attempt.get("message", "")))
    return evaluated(text.replace("lastRetry.exitCode", json.dumps(str(attempt.get("exit_code", -1)))), ()) is True


@pytest.mark.parametrize("name", NAMES)
def test_guard_repeats_what_it_says(why: Couler, name: str) -> None:
    path = RECORDED / f"{name}.json"
    said = json.loads(why(str(path), "--format", "json").stdout)
    verdict = next(line for line in said["help"] if line.startswith("`guard` "))
    document = json.loads(path.read_text())
    always, never_began = (written(document, said["type"], declared=declared) for declared in (True, False))
    if "leaves the retry" in verdict:
        assert always == never_began is None
        return
    assert always is not None
    last = said["attempts"][-1]
    assert verdict.startswith("`guard` repeats it") is holds(always, last)
    if never_began is not None:  # its template has no more containers
        assert ("nothing of its program has run" in verdict) is holds(never_began, last)


@pytest.mark.parametrize("attempt", [attempt for _, _, attempt in CASES], ids=lambda attempt: attempt.message[:60])
@pytest.mark.parametrize("causes", [CAUSES, OF_PLUGINS], ids=["built-in", "plugins"])
def test_a_failure_is_repeated_if_its_condition_holds(causes: Sequence[Cause], attempt: Attempt) -> None:
    argo = ArgoAdapter()
    assert Decider(Guard(), argo, causes).repeats(attempt, declared=True) is says_yes(causes, attempt)
    retry = argo.retry_by_cause(Retry(), causes, None)
    assert retry is not None
    assert argo.repeats(retry, attempt) is says_yes(causes, attempt)


KILLED = "OOMKilled (exit code 137)"
LIMITED = {"container": {"image": "a", "command": ["x"], "resources": {"limits": {"memory": "1Gi"}}}}


@pytest.mark.parametrize(
    ("template", "spec", "message", "said"),
    [
        ({}, {}, KILLED, "repeats it with more memory if it is declared idempotent"),
        (
            {"container": {"image": "a", "command": ["x"]}},
            {},
            KILLED,
            "does not repeat it: it would need as much again",
        ),
        ({}, {"podSpecPatch": "{}"}, KILLED, "does not repeat it: it would need as much again"),
        ({"metadata": {"annotations": {"couler.io/guard": "never"}}}, {}, KILLED, "leaves it as it is: its annotation"),
        ({"retryStrategy": {"limit": 2, "expression": "false"}}, {}, KILLED, "leaves it as it is: it has a retry"),
        ({}, {"templateDefaults": {"retryStrategy": {"limit": 1}}}, KILLED, "leaves it as it is: its workflow has"),
        ({"daemon": True}, {}, "pod deleted", "leaves it as it is: a daemon runs"),
        (
            {"metadata": {"annotations": {"couler.io/idempotent": "true"}}},
            {},
            "pod deleted",
            "repeats it: its owner says that it may run twice",
        ),
    ],
)
def test_guard_itself_decides_where_the_record_has_the_workflow(
    why: Couler, template: dict[str, Any], spec: dict[str, Any], message: str, said: str
) -> None:
    node = {"id": "r-1", "name": "r-1", "displayName": "r-1", "type": "Pod", "templateName": "t", "phase": "Failed"}
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "r-1"},
        "spec": {"entrypoint": "t", "templates": [{"name": "t", **LIMITED, **template}], **spec},
        "status": {"phase": "Failed", "nodes": {"r-1": {**node, "message": message}}},
    }
    help_lines = json.loads(why("-", "--format", "json", stdin=json.dumps(document).encode()).stdout)["help"]
    assert help_lines[-1].startswith(f"`guard` {said}")
