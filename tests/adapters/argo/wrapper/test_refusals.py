"""Which steps are not wrapped, and why."""

from __future__ import annotations

import copy
import json

import pytest

from adapters.argo.caching.small import made, workflow
from adapters.argo.wrapper.manifests import TASKS, TEMPLATES, WRAPPER, document, template
from couler_plugins.errors import Unsupported

MOUNTS = "[{name: t, mountPath: /couler}]"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("command: [python, -u], ", "", "does not say which command"),
        ("path: /out/mean", "path: '{{inputs.parameters.x}}'", "not at a path"),
        ("path: /out/mean}}]", "path: /out/mean}}], artifacts: [{name: all, path: /out}]", "inside of another"),
        (
            "path: /out/mean}}]",
            "path: /out/mean}}], artifacts: [{name: all, path: /x/../out//mean}]",
            "inside of another",
        ),
        ("path: /out/mean", "path: /in/table", "mounted at"),
        ("path: /out/mean", "path: /in", "mounted at"),
        (
            'source: "print(1)"}',
            "source: x, volumeMounts: [{name: v, mountPath: /out/mean/}]}\n  volumes: [{name: v, emptyDir: {}}]",
            "mounted at",
        ),
        (
            'source: "print(1)"}',
            "source: x, volumeMounts: [{name: v, mountPath: /couler}]}\n  volumes: [{name: v, emptyDir: {}}]",
            "where the launcher is",
        ),
        ("path: /out/mean", "path: /couler/x", "where the launcher is"),
        ('source: "print(1)"}', 'source: "print(1)"}\n  sidecars: [{name: s, image: i}]', "other containers"),
        ('source: "print(1)"}', "source: \"print(1)\"}\n  podSpecPatch: '{}'", "podSpecPatch"),
        (
            'source: "print(1)"}',
            'source: "print(1)"}\n  volumes: [{name: couler-cache, emptyDir: {}}]',
            "a name that couler reserves",
        ),
        (
            'source: "print(1)"}',
            f"source: x}}\n  volumes: [{{name: t, emptyDir: {{}}}}]\n  initContainers: [{{volumeMounts: {MOUNTS}}}]",
            "where the launcher is",
        ),
        ('source: "print(1)"}', "source: x, resources: {limits: {ephemeral-storage: 1Gi}}}", "ephemeral storage"),
        ("path: /out/mean", "path: /out/$(HOME)", "not at a path"),
    ],
)
def test_what_cannot_be_wrapped_says_why(old: str, new: str, reason: str) -> None:
    assert TEMPLATES.count(old) == 1
    found = made(document(TEMPLATES.replace(old, new)), pipeline=WRAPPER)
    assert found.rules["main/b"] == "unbounded-output"
    assert reason in found.decision("main/b").reason
    assert found.documents[0]["spec"]["templates"][-1]["script"].get("command", []) in ([], ["python", "-u"])


AROUND = {
    "a deadline of all templates": ("templateDefaults: {activeDeadlineSeconds: 100}", "templateDefaults set its"),
    "a timeout of all templates": ("templateDefaults: {timeout: 10m}", "templateDefaults set its"),
    "a deadline by a patch": ("podSpecPatch: '{\"activeDeadlineSeconds\": 9}'", "podSpecPatch says something"),
    "a command by a patch": ("templateDefaults: {podSpecPatch: 'containers: [{command: [x]}]'}", "podSpecPatch says"),
    "a volume of our name": ("volumes: [{name: couler-cache, emptyDir: {}}]", "a name that couler reserves"),
    "windows": ("nodeSelector: {kubernetes.io/os: windows}", "for Windows"),
    "a limited disk": ("templateDefaults: {container: {resources: {limits: {ephemeral-storage: 1Gi}}}}", "ephemeral"),
}


@pytest.mark.parametrize(("said", "reason"), AROUND.values(), ids=AROUND)
def test_what_a_workflow_says_around_its_templates_counts(said: str, reason: str) -> None:
    found = made(workflow(TASKS, TEMPLATES, said), pipeline=WRAPPER)
    for name in ("main/a", "main/b"):
        assert reason in found.decision(name).reason
    assert "couler-restore" not in json.dumps(found.documents)


@pytest.mark.parametrize("rule", ["never", "always"])
def test_a_wrapper_overrules_nobody(rule: str) -> None:
    said = document(TEMPLATES.replace("cache: pure", f"cache: {rule}"))
    found = made(copy.deepcopy(said), pipeline=WRAPPER)
    assert found.rules["main/a"] == rule
    assert template(found, "size") == template(made(said, pipeline="cache{via=memoize}"), "size")


def test_what_nobody_declared_is_not_wrapped() -> None:
    undeclared = TEMPLATES.replace("couler.io/cache: pure", 'a: "1"').replace("couler.io/cache: ttl=24h", 'a: "1"')
    assert not made(document(undeclared), pipeline=WRAPPER).changed
    assert "couler-restore" in json.dumps(
        made(document(undeclared), pipeline=WRAPPER.replace("}", ",assume-pure=true}")).documents
    )


def test_a_store_in_a_workspace_is_refused() -> None:
    """No pod of Argo's has one; the steps would find no store, in every run."""
    pipeline = WRAPPER.replace("store=s3://", "store=workspace://")
    assert pipeline != WRAPPER
    with pytest.raises(Unsupported, match="pods of this engine have no workspaces") as caught:
        made(document(TEMPLATES), pipeline=pipeline)
    assert caught.value.hint
