"""`couler cache install`: what it writes is accepted by Argo, and its role allows what eviction does and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters.argo.crd import violations
from adapters.argo.evict.apiserver import ApiServer, Refused, Request
from adapters.argo.evict.cluster import NAMESPACE, config_map, entry, workflow
from couler_argo.evict.evictor import ArgoEvictor
from couler_plugins.caching.policies.simple import Nothing
from couler_plugins.cli.group import couler
from couler_plugins.documents import read
from couler_plugins.hookspecs.eviction import Limits
from oracles.argo_oracle import build

OPTIONS = ("--namespace", NAMESPACE, "--image", "registry.example/couler@sha256:0123")


def install(*arguments: str) -> Result:
    return CliRunner().invoke(couler, ["cache", "install", *OPTIONS, *arguments], catch_exceptions=False)


def documents(*arguments: str) -> dict[str, dict[str, Any]]:
    """What is written for eviction, by kind; what the controller gets stands before it."""
    result = install(*arguments)
    assert result.exit_code == 0, result.stderr
    found = [item.data for item in read(result.stdout_bytes, "out.yaml").documents]
    assert [item["kind"] for item in found[:2]] == ["Role", "RoleBinding"]
    return {item["kind"]: item for item in found[2:]}


def test_without_an_image_only_the_controller_gets_rights() -> None:
    result = CliRunner().invoke(couler, ["cache", "install", "--namespace", NAMESPACE], catch_exceptions=False)
    role, binding = (item.data for item in read(result.stdout_bytes, "out.yaml").documents)
    assert role["rules"] == [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "update"]}]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "argo", "namespace": NAMESPACE}]
    assert result.stderr == f"grants {NAMESPACE}/argo: create, update configmaps in {NAMESPACE}\n"


def test_where_workflows_run_in_one_namespace_the_role_is_for_that() -> None:
    found = documents("--managed-namespace", "team")
    assert "ClusterRole" not in found
    assert found["Role"]["metadata"]["namespace"] == "team"
    container = found["CronWorkflow"]["spec"]["workflowSpec"]["templates"][0]["container"]
    assert container["command"][-2:] == ["--managed-namespace", "team"]
    assert "ClusterRole" not in documents("--managed-namespace", NAMESPACE)


def test_six_documents_are_written(tmp_path: Path) -> None:
    found = documents(
        "--cron", "5 * * * *", "--secret", "keys", "--", "--capacity", "30GB", "--artifacts", "s3://bucket"
    )
    roles = ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"]
    assert list(found) == ["ServiceAccount", *roles, "CronWorkflow"]
    assert {item["metadata"].get("namespace", NAMESPACE) for item in found.values()} == {NAMESPACE}
    spec = found["CronWorkflow"]["spec"]
    assert spec["schedules"] == ["5 * * * *"]
    assert spec["concurrencyPolicy"] == "Forbid"
    container = spec["workflowSpec"]["templates"][0]["container"]
    assert container["args"] == ["--capacity", "30GB", "--artifacts", "s3://bucket"]
    assert container["envFrom"] == [{"secretRef": {"name": "keys"}}]
    assert spec["workflowSpec"]["serviceAccountName"] == found["ServiceAccount"]["metadata"]["name"]
    subject = found["RoleBinding"]["subjects"][0]
    assert subject == {"kind": "ServiceAccount", "name": "couler-cache-evict", "namespace": NAMESPACE}
    assert found["RoleBinding"]["roleRef"]["name"] == found["Role"]["metadata"]["name"]
    assert install("-o", str(tmp_path / "out.yaml")).stdout == ""
    assert (tmp_path / "out.yaml").read_text() == install().stdout


def test_our_lint_finds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.yaml"
    install("-o", str(path), "--secret", "keys")
    result = CliRunner().invoke(couler, ["lint", str(path)])
    assert result.exit_code == 0
    assert result.stdout == ""


def test_the_crds_accept_it() -> None:
    assert violations(documents("--secret", "keys", "--", "--capacity", "1GB")["CronWorkflow"]) == {}


@pytest.mark.oracle
def test_argo_accepts_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = documents("--secret", "keys")["CronWorkflow"]
    ((verdict,),) = build(tmp_path_factory).judge([[found]])
    assert (verdict.skipped, verdict.parse_error, verdict.error) == (False, None, None)


def test_credentials_do_not_get_into_the_workflow() -> None:
    result = install("--", "--artifacts", "s3://AKIA:secret@bucket")
    assert result.exit_code == 2
    assert "AKIA" not in result.output


REFUSED = {
    "a size": (("--", "--capacity", "bogus"), "bogus"),
    "an option": (("--", "--nonsense"), "--nonsense"),
    "a policy": (("--", "--policy", "nope"), "nope"),
    "an option of a policy": (("--", "--policy", "lru{rho=x}"), "rho"),
    "a time": (("--", "--grace", "soon"), "soon"),
    "a place": (("--", "--artifacts", "/data"), "/data"),
    "another namespace": (("--", "--namespace", "other"), "--namespace"),
    "all namespaces": (("--", "--all-namespaces"), "--all-namespaces"),
    "a loop": (("--", "--loop", "10m"), "--loop"),
    "no eviction": (("--", "--dry-run"), "--dry-run"),
    "another engine": (("--", "--engine", "argo"), "--engine"),
    "another cluster": (("--", "--context", "x"), "--context"),
    "a store": (("--", "--store", "s3://b"), "--store"),
    "help": (("--", "--help"), "--help"),
    "a stray word": (("--", "evict"), "evict"),
    "a reference": (("--", "--policy", "lru", "--artifacts", "s3://{{workflow.name}}"), "workflow.name"),
    "a namespace": (("--namespace", "Bad Name/.."), "a namespace"),
    "no image": (("--image", "", "--", "--capacity", "1GB"), "--image"),
    "an account": (("--account", "Bad_Name"), "a service account"),
    "another managed namespace": (("--", "--managed-namespace", "x"), "--managed-namespace"),
    "an image": (("--image", "a b"), "an image"),
    "a schedule": (("--cron", "not cron"), "schedule"),
    "a schedule of fractions": (("--cron", "@every 1.5h"), "schedule"),
    "a secret": (("--secret", "Bad_Name"), "a secret"),
}


@pytest.mark.parametrize(("arguments", "said"), REFUSED.values(), ids=REFUSED)
def test_what_would_fail_in_every_round_is_refused(arguments: tuple[str, ...], said: str) -> None:
    result = install(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_the_command_is_one_that_there_is() -> None:
    container = documents("--", "--capacity", "1GB", "--grace", "2h")["CronWorkflow"]["spec"]["workflowSpec"][
        "templates"
    ][0]
    command = [*container["container"]["command"][1:], *container["container"]["args"]]
    result = CliRunner().invoke(couler, [*command, "--context", "none"], env={"KUBECONFIG": "/nowhere"})
    assert result.exit_code == 2
    assert "no cluster is configured" in result.stderr


def test_the_role_allows_what_eviction_does(server: ApiServer, evictor: Any) -> None:
    """With these rights it runs; without any one of those that are its own, it says which is missing."""
    found = documents()
    rules = [rule for kind in ("Role", "ClusterRole") for rule in found[kind]["rules"]]
    allowed = {(verb, plural) for rule in rules for plural in rule["resources"] for verb in rule["verbs"]}

    def check(request: Request) -> None:
        if (request.verb, request.plural) not in allowed:
            raise Refused(403, "Forbidden")
        used.add((request.verb, request.plural))

    used: set[tuple[str, str]] = set()
    server.put("workflows", workflow("w-1", {}))
    server.put("configmaps", config_map("couler-cache-a-00", {"k": entry("a-1"), "l": entry("a-2")}))
    server.before = check
    moved = [False]

    def move(request: Request) -> None:
        if request.plural == "configmaps" and not moved[0]:
            moved[0] = True
            server.put("configmaps", server.get("configmaps", NAMESPACE, "couler-cache-a-00"))

    server.after = move  # a conflict, so that it is read again
    made: ArgoEvictor = evictor()
    made.evict(NAMESPACE, Nothing(), Limits(capacity=0, settle=0.0))
    assert server.get("configmaps", NAMESPACE, "couler-cache-a-00")["data"] == {}
    for_pods = {("create", "workflowtaskresults"), ("patch", "workflowtaskresults")}
    assert used == allowed - for_pods
