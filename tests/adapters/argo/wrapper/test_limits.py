"""What a wrapper does to the limits of a step, and what its containers ask for: no step fails for it."""

from __future__ import annotations

import copy

import pytest

from adapters.argo.caching.small import made, workflow
from adapters.argo.crd import violations
from adapters.argo.wrapper.manifests import OURS, TASKS, TEMPLATES, WRAPPER, container, document, option, template
from couler_plugins.api import lint

DEADLINES = [
    ("activeDeadlineSeconds: 7200", "activeDeadlineSeconds", 7200 + 2 * 600 + 60, 600),
    ("activeDeadlineSeconds: 600", "activeDeadlineSeconds", 600 + 2 * 60 + 60, 60),
    ("activeDeadlineSeconds: '600'", "activeDeadlineSeconds", str(600 + 2 * 60 + 60), 60),
    ("activeDeadlineSeconds: 20", "activeDeadlineSeconds", 20 + 2 * 30 + 60, 30),
    ("timeout: 10m", "timeout", "10m180s", 60),
    ("timeout: 1h30m", "timeout", "1h30m1140s", 540),
    ("timeout: 1.5h\n  activeDeadlineSeconds: 500", "activeDeadlineSeconds", 500 + 2 * 50 + 60, 50),
]


@pytest.mark.parametrize(("said", "field", "expected", "limit"), DEADLINES)
def test_a_deadline_is_moved_by_what_the_store_may_take(said: str, field: str, expected: object, limit: int) -> None:
    before = document(TEMPLATES.replace("  container:\n", f"  {said}\n  container:\n"))
    found = made(copy.deepcopy(before), pipeline=WRAPPER)
    size = template(found, "size")
    assert size[field] == expected
    assert size["container"]["command"][3] == str(limit)
    for kind, one in (("initContainers", "couler-restore"), ("sidecars", "couler-save")):
        assert option(container(size, kind, one), "timeout") == str(limit)
    assert f"{2 * limit + 60} s later" in found.decision("main/a").reason
    assert "s later" not in found.decision("main/b").reason
    assert violations(found.documents[0]) == violations(before)
    assert not lint(found.documents).findings
    assert not made(copy.deepcopy(found.documents[0]), pipeline=WRAPPER).changed
    assert made(copy.deepcopy(found.documents[0]), pipeline="cache{via=memoize}").documents == [before]


@pytest.mark.parametrize(
    "said", ["activeDeadlineSeconds: '{{inputs.parameters.x}}'", "timeout: '{{inputs.parameters.x}}'"]
)
def test_a_deadline_that_only_the_run_knows_is_not_moved(said: str) -> None:
    found = made(document(TEMPLATES.replace("  container:\n", f"  {said}\n  container:\n")), pipeline=WRAPPER)
    assert "not a constant time" in found.decision("main/a").reason
    assert "memoize" not in template(found, "size")


def test_they_are_told_when_the_whole_run_is_to_have_ended() -> None:
    size = template(made(document(), pipeline=WRAPPER), "size")
    for kind, one in (("initContainers", "couler-restore"), ("sidecars", "couler-save")):
        assert option(container(size, kind, one), "deadline") == "$(ARGO_DEADLINE)"


def test_they_are_what_a_restricted_namespace_with_a_quota_takes() -> None:
    size = template(made(document(), pipeline=WRAPPER), "size")
    for kind, name in OURS:
        one = container(size, kind, name)
        assert one["resources"] == {amount: {"cpu": "250m", "memory": "512Mi"} for amount in ("requests", "limits")}
        context = one["securityContext"]
        assert (context["runAsNonRoot"], context["allowPrivilegeEscalation"]) == (True, False)
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert "runAsUser" not in context


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("cpu=2", {"cpu": "2", "memory": "512Mi"}),
        ("memory=1.5Gi,cpu=none", {"memory": "1.5Gi"}),
        ("memory=none,cpu=none", None),
    ],
)
def test_what_they_get_is_an_option(said: str, expected: dict[str, str] | None) -> None:
    pipeline = WRAPPER.replace("}", f",{said}}}")
    found = made(document(), pipeline=pipeline)
    for kind, name in OURS:
        resources = container(template(found, "size"), kind, name).get("resources", {})
        assert resources.get("limits") == resources.get("requests") == expected
    assert not made(copy.deepcopy(found.documents[0]), pipeline=pipeline).changed
    assert made(copy.deepcopy(found.documents[0]), pipeline="cache{via=memoize}").documents == [document()]


ROOT = "securityContext: {runAsUser: 0}"


@pytest.mark.parametrize(
    ("said", "option", "expected"),
    [
        ("", "", True),
        ("", ",security=inherit", False),
        ("securityContext: {runAsUser: 1000, runAsNonRoot: true}", "", True),
        (ROOT, "", False),
        (f"templateDefaults: {{{ROOT}}}", "", False),
        (f"templateDefaults: {{securityContext: {{runAsUser: 7}}}}\n{ROOT}", "", True),
    ],
)
def test_a_pod_that_runs_as_root_by_order_is_not_told_to_be_none(said: str, option: str, expected: bool) -> None:
    """Kubernetes does not start a container that is told to be no root, and to run as root."""
    pipeline = WRAPPER.replace("}", f"{option}}}")
    before = workflow(TASKS, TEMPLATES, said)
    found = made(copy.deepcopy(before), pipeline=pipeline)
    size = template(found, "size")
    assert ["securityContext" in container(size, kind, name) for kind, name in OURS] == [expected, expected]
    assert not made(copy.deepcopy(found.documents[0]), pipeline=pipeline).changed
    assert made(copy.deepcopy(found.documents[0]), pipeline="cache{via=memoize}").documents == [before]
