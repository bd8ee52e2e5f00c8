"""What documents become: which go first, under which names, with which parameters; and which are refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from adapters.argo.running.cluster import bundle
from couler_argo.run.jobs import jobs_of, memoizes
from couler_plugins.engine_kit.kubernetes.naming import LONGEST
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.hookspecs.running import Job, Request

Object = dict[str, Any]


def jobs(documents: list[Any], namespace: str = "", fallback: str = "default", **request: Any) -> list[Job]:
    return jobs_of(documents, Request(**{"run": "r", **request}), namespace, fallback)


def workflow(**metadata: Any) -> Object:
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": {"entrypoint": "a"}}


def core(kind: str, name: str = "x") -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}


def values(job: Job) -> dict[str, str]:
    return {item["name"]: item["value"] for item in job.content["spec"]["arguments"]["parameters"]}


def test_what_others_refer_to_comes_first_and_workflows_last() -> None:
    cron = {"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "metadata": {"name": "nightly"}, "spec": {}}
    documents = [
        *bundle(),
        cron,
        core("Secret"),
        None,
        {"apiVersion": "v1", "kind": "List", "items": [core("ServiceAccount")]},
    ]
    found = jobs(documents)
    assert [item.name.partition(" ")[0] for item in found] == [
        "ServiceAccount",
        "Secret",
        "Role",
        "RoleBinding",
        "WorkflowTemplate",
        "WorkflowTemplate",
        "CronWorkflow",
        "Workflow",
    ]
    assert [item.runs for item in found] == [False] * 7 + [True]
    assert found[-1].needs == tuple(item.name for item in found[:-1])


def test_the_documents_stay_as_they_are() -> None:
    documents = bundle()
    before = copy.deepcopy(documents)
    jobs(documents, parameters={"date": "x"})
    assert documents == before


def test_what_only_a_cluster_adds_is_left_out() -> None:
    labels = {"workflows.argoproj.io/completed": "true", "workflows.argoproj.io/phase": "Failed", "team": "ml"}
    exported = workflow(name="a", uid="1", resourceVersion="7", managedFields=[{}], generation=3, labels=labels)
    (found,) = jobs([{**exported, "status": {"phase": "Failed"}}])
    labels = {"team": "ml", "couler.io/run": "r"}
    assert found.content == {**exported, "metadata": {"name": "a", "namespace": "default", "labels": labels}}


def test_the_namespace_is_the_documents_own_the_one_asked_for_or_the_fallback() -> None:
    assert jobs([workflow(name="a", namespace="own")])[0].place == "own/a"
    assert jobs([workflow(name="a")], "asked")[0].place == "asked/a"
    assert jobs([workflow(name="a")])[0].place == "default/a"
    cluster = {"apiVersion": "argoproj.io/v1alpha1", "kind": "ClusterWorkflowTemplate", "metadata": {"name": "lib"}}
    assert jobs([cluster])[0].place == "lib"
    with pytest.raises(InvalidInput, match="says namespace own"):
        jobs([workflow(name="a", namespace="own")], "asked")


def test_a_name_follows_from_the_run() -> None:
    prefix = "x" * 80
    (one,), (again,), (other,) = (jobs([workflow(generateName=prefix)], run=run) for run in ("r", "r", "s"))
    assert one.place == again.place != other.place
    assert len(one.place.removeprefix("default/")) == LONGEST
    assert one.content["metadata"]["generateName"] == prefix, "past runs are known by it"


def test_parameters_are_set_where_they_are_declared() -> None:
    *_, parent = jobs(bundle(), parameters={"date": "2026"})
    assert values(parent) == {"date": "2026", "couler-run": "r"}
    declared = bundle()
    declared[0]["spec"]["arguments"]["parameters"][1]["value"] = "mine"
    assert values(jobs(declared)[-1])["couler-run"] == "mine", "who has said it, means it"


def test_parameters_of_a_template_that_is_referred_to() -> None:
    library = bundle()[1]
    library["spec"]["arguments"] = {"parameters": [{"name": "couler-run", "value": ""}, {"name": "date"}]}
    known = workflow(name="a")
    known["spec"] = {"workflowTemplateRef": {"name": "big-part-1"}}
    assert values(jobs([library, known], parameters={"date": "d"})[-1]) == {"date": "d", "couler-run": "r"}
    with pytest.raises(InvalidInput, match="no workflow has a parameter 'other'"):
        jobs([library, known], parameters={"other": "d"})
    assert values(jobs([known], parameters={"other": "d"})[-1]) == {"other": "d"}, "it may be in the cluster"


@pytest.mark.parametrize(
    ("documents", "request_", "message"),
    [
        ([workflow(name="a"), workflow(name="a")], {}, "two documents for Workflow default/a"),
        ([workflow()], {}, "a Workflow has no name"),
        ([workflow(name="A_b")], {}, "cannot be the name of a workflow"),
        ([workflow(name="a" * 64)], {}, "cannot be the name of a workflow"),
        ([core("Pod")], {}, "couler does not submit a 'Pod' of 'v1'"),
        ([{**core("Role")}], {}, "couler does not submit a 'Role' of 'v1'"),
        (["text"], {}, "couler does not submit"),
        ([workflow(name="a")], {"run": "Not A Label"}, "cannot name a run"),
        ([workflow(name="a")], {"run": "x" * 37}, "cannot name a run"),
        ([workflow(name="a")], {"parameters": {"couler-run": "x"}}, "is the identity of the run"),
        ([workflow(name="a")], {"parameters": {"data": "x"}}, "no workflow has a parameter 'data'"),
        ([{**workflow(name="a"), "spec": None}], {"parameters": {"data": "x"}}, "no workflow has a parameter 'data'"),
        ([{**workflow(name="a"), "metadata": {"name": 7}}], {}, "a Workflow has no name"),
    ],
)
def test_what_makes_no_sense_is_refused(documents: list[Any], request_: dict[str, Any], message: str) -> None:
    with pytest.raises(CoulerError, match=message) as caught:
        jobs(documents, **request_)
    assert isinstance(caught.value, (InvalidInput, Unsupported))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        ({"kind": "Workflow", "spec": {"templates": [{"name": "a"}, {"name": "b", "memoize": {"key": "k"}}]}}, True),
        ({"kind": "Workflow", "spec": {"templates": [{"name": "memoize"}]}}, False),
        ({"kind": "Workflow", "spec": {"workflowTemplateRef": {"name": "memoize"}}}, False),
        ({"kind": "Workflow", "spec": None}, False),
        ({"kind": "Role", "rules": []}, False),
    ],
)
def test_only_a_memoized_template_needs_the_right_to_memoize(thing: dict[str, Any], expected: bool) -> None:
    assert memoizes(thing) is expected
