"""What parts get of the workflow that they leave, and what stays with it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from adapters.argo.crd import violations
from adapters.argo.split.chains import Chain
from adapters.argo.split.test_split import STORED, differences
from couler_plugins.api import lint, optimize

HALVES = "split{into=workflows,max-steps=2}"


def cut(data: Any, pipeline: str = HALVES) -> list[Any]:
    """All documents; those that Argo stores are sound."""
    documents = list(optimize([copy.deepcopy(data)], pipeline).documents)
    for document in documents:
        if document["kind"] in (*STORED, "CronWorkflow"):
            assert not violations(document), document["metadata"]
    assert not [finding for finding in lint(copy.deepcopy(documents)).findings if finding.severity == "error"]
    return documents


def of_kind(documents: list[Any], kind: str) -> list[Any]:
    return [document for document in documents if document["kind"] == kind]


@pytest.mark.parametrize(
    ("field", "content", "parts", "parent"),
    [
        ("podSpecPatch", "terminationGracePeriodSeconds: 1", True, False),
        ("templateDefaults", {"retryStrategy": {"limit": 1}}, True, False),
        ("retryStrategy", {"limit": 1}, True, False),
        ("volumes", [{"name": "v", "emptyDir": {}}], True, False),
        ("nodeSelector", {"a": "b"}, True, True),
        ("serviceAccountName", "runner", True, True),
        ("activeDeadlineSeconds", 60, True, True),
        ("podGC", {"strategy": "OnPodSuccess"}, True, True),
        ("artifactGC", {"strategy": "OnWorkflowDeletion"}, True, True),
        ("artifactRepositoryRef", {"configMap": "c"}, True, True),
        ("ttlStrategy", {"secondsAfterCompletion": 60}, False, True),
        ("workflowMetadata", {"labels": {"a": "b"}}, False, True),
        ("suspend", True, False, True),
    ],
)
def test_fields_of_the_spec_go_where_they_count(field: str, content: Any, parts: bool, parent: bool) -> None:
    documents = cut(Chain(**{field: content}).data)
    (workflow,) = of_kind(documents, "Workflow")
    assert workflow["spec"].get(field) == (content if parent else None)
    for library in of_kind(documents, "WorkflowTemplate"):
        assert library["spec"].get(field) == (content if parts else None)


def test_a_long_name_is_cut_and_stays_unique() -> None:
    names = set()
    for end in "ab":
        data = Chain().data
        data["metadata"]["name"] = "n" * 62 + end
        documents = cut(data)
        found = [library["metadata"]["name"] for library in of_kind(documents, "WorkflowTemplate")]
        assert all(len(name) <= 63 for name in found)
        assert differences(data, [document for document in documents if document["kind"] in STORED]) == []
        names |= set(found)
    assert len(names) == 4


def test_a_generated_name_and_a_namespace_are_kept() -> None:
    data = Chain().data
    data["metadata"] = {"generateName": "gen-", "namespace": "there"}
    documents = cut(data)
    (workflow,) = of_kind(documents, "Workflow")
    assert workflow["metadata"]["generateName"] == "gen-"
    assert {document["metadata"]["namespace"] for document in documents} == {"there"}
    assert [library["metadata"]["name"] for library in of_kind(documents, "WorkflowTemplate")] == [
        "gen-part-1",
        "gen-part-2",
    ]


def test_a_cron_workflow_starts_parts() -> None:
    data = Chain().data
    cron = {**data, "kind": "CronWorkflow", "spec": {"schedules": ["0 0 * * *"], "workflowSpec": data["spec"]}}
    documents = cut(cron)
    (parent,) = of_kind(documents, "CronWorkflow")
    assert parent["spec"]["schedules"] == ["0 0 * * *"]
    as_run = {**parent, "kind": "Workflow", "spec": parent["spec"]["workflowSpec"]}
    assert differences(data, [as_run, *of_kind(documents, "WorkflowTemplate")]) == []


def test_parts_belong_to_the_controller_of_their_parent() -> None:
    data = Chain().data
    data["metadata"]["labels"] = {"workflows.argoproj.io/controller-instanceid": "mine", "other": "x"}
    (workflow,) = of_kind(cut(data), "Workflow")
    texts = [template["resource"]["manifest"] for template in workflow["spec"]["templates"] if "resource" in template]
    assert len(texts) == 2
    assert all('workflows.argoproj.io/controller-instanceid: "mine"\n' in text for text in texts)
    assert not any("other" in text for text in texts)


@pytest.mark.parametrize(
    ("spec", "account"),
    [
        ({}, "default"),
        ({"serviceAccountName": "runner"}, "runner"),
        ({"serviceAccountName": "runner", "executor": {"serviceAccountName": "executor"}}, "executor"),
    ],
)
def test_the_account_that_applies_parts_may(spec: Any, account: str) -> None:
    documents = cut(Chain(**spec).data)
    (binding,), (role,) = of_kind(documents, "RoleBinding"), of_kind(documents, "Role")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["create", "get", "patch"]} in role[
        "rules"
    ]


@pytest.mark.parametrize(
    ("declared", "place"),
    [
        ({}, {"s3": {}}),
        ({"s3": {"key": "a/b"}}, {"s3": {}}),
        ({"s3": {"endpoint": "e", "bucket": "b", "key": "a"}}, {"s3": {"endpoint": "e", "bucket": "b"}}),
        ({"gcs": {"bucket": "b", "key": "a"}}, {"gcs": {"bucket": "b"}}),
        ({"oss": {"endpoint": "e", "bucket": "b", "key": "a"}}, {"oss": {"endpoint": "e", "bucket": "b"}}),
        (
            {"azure": {"endpoint": "e", "container": "c", "blob": "a"}},
            {"azure": {"endpoint": "e", "container": "c"}},
        ),
    ],
)
def test_an_artifact_is_looked_for_where_it_is_stored(declared: Any, place: Any) -> None:
    documents = cut(Chain().crossing(**declared))
    second = of_kind(documents, "WorkflowTemplate")[1]
    (task,) = second["spec"]["templates"][0]["dag"]["tasks"]
    ((kind, fields),) = place.items()
    key = {"azure": "blob"}.get(kind, "key")
    (artifact,) = task["arguments"]["artifacts"]
    assert artifact == {"name": "t1-a", kind: {**fields, key: "{{workflow.parameters.t1-a-key}}"}}


def test_facts_with_names_alike_are_not_mixed_up() -> None:
    chain = Chain()
    chain.data["metadata"]["annotations"] = {"a.b": "1", "a-b": "2"}
    data = chain.task(
        3,
        arguments={
            "parameters": [
                {"name": "x", "value": "{{workflow.annotations.a.b}} {{workflow.annotations.a-b}} {{workflow.name}}"}
            ]
        },
    )
    chain.spec["arguments"]["parameters"].append({"name": "couler-name", "value": "mine"})
    documents = cut(data)
    assert differences(data, [document for document in documents if document["kind"] in STORED]) == []
    (workflow,) = of_kind(documents, "Workflow")
    (part,) = [task for task in workflow["spec"]["templates"][0]["dag"]["tasks"] if task["name"] == "part-2"]
    values = [item["value"] for item in part["arguments"]["parameters"]]
    assert {"{{workflow.annotations.a.b}}", "{{workflow.annotations.a-b}}", "{{workflow.name}}"} <= set(values)


def test_a_template_elsewhere_may_read_any_parameter() -> None:
    chain = Chain()
    chain.spec["arguments"]["parameters"].append({"name": "only-there", "value": "1"})
    data = chain.task(3, templateRef={"name": "library", "template": "t"})
    del chain.tasks[3]["template"]
    first, second = of_kind(list(optimize([data], HALVES).documents), "WorkflowTemplate")
    assert "only-there" not in json.dumps(first)
    assert {"name": "only-there"} in second["spec"]["arguments"]["parameters"]


def test_only_who_mounts_a_claim_of_the_run_gets_one() -> None:
    names = ("work", "other", "patched")
    claims = [{"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"]}} for name in names]
    chain = Chain(volumeClaimTemplates=claims, podSpecPatch="volumes: patched")
    mounting = copy.deepcopy({**chain.leaf, "name": "mounting"})
    mounting["container"]["volumeMounts"] = [{"name": "work", "mountPath": "/w"}]
    chain.spec["templates"].append(mounting)
    for number in (2, 3):
        chain.task(number, template="mounting")
    first, second = of_kind(cut(chain.data), "WorkflowTemplate")
    assert [claim["metadata"]["name"] for claim in first["spec"]["volumeClaimTemplates"]] == ["patched"]
    assert [claim["metadata"]["name"] for claim in second["spec"]["volumeClaimTemplates"]] == ["work", "patched"]


def test_a_template_elsewhere_may_mount_any_claim() -> None:
    claims = [{"metadata": {"name": "work"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]
    chain = Chain(volumeClaimTemplates=claims)
    data = chain.task(3, templateRef={"name": "library", "template": "t"})
    del chain.tasks[3]["template"]
    first, second = of_kind(list(optimize([data], HALVES).documents), "WorkflowTemplate")
    assert "volumeClaimTemplates" not in first["spec"]
    assert second["spec"]["volumeClaimTemplates"] == claims
