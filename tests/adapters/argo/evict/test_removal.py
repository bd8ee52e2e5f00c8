"""`couler cache rm --engine argo`: what a template has made goes, and what nobody can tell of is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters.argo.evict.apiserver import ApiServer, Request
from adapters.argo.evict.cluster import NAMESPACE, Controller, artifact, config_map, entry, kubeconfig, node, workflow
from couler_argo.evict.artifacts import graves_in
from couler_argo.evict.evictor import ArgoEvictor
from couler_argo.evict.removal import makers_in, templates_of
from couler_argo.memo_entries import shard_of
from couler_plugins.cli.group import couler
from couler_plugins.hookspecs.eviction import Evicted, Limits, Selection

Make = Callable[..., ArgoEvictor]
CACHE, OTHER, FOREIGN = "couler-cache-churn-0a", "couler-cache-sales-0a", "my-cache"
NOW = Limits(settle=0.0)


@pytest.fixture(autouse=True)
def in_cluster(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with kubeconfig(server, tmp_path) as path:
        monkeypatch.setenv("KUBECONFIG", str(path))
        monkeypatch.chdir(tmp_path)


@pytest.fixture
def caches(server: ApiServer) -> None:
    """Entries of which a pod, a status, another run's hit or nothing tells who made them."""
    pod = artifact("churn-a/churn-a-train-77/model")
    churn = {
        "pod": entry("churn-a-77", [pod]),
        "retried": entry("churn-a-70", [artifact("churn-a/churn-a-train-79/model")]),
        "status": entry("churn-b-11"),
        "hit": entry("churn-gone-5"),
        "other": entry("churn-b-12", [artifact("churn-b/churn-b-retrain-12/model")]),
        "unknown": entry("churn-gone-6"),
    }
    server.put("configmaps", config_map(CACHE, churn))
    server.put("configmaps", config_map(OTHER, {"sales": entry("sales-a-1", [artifact("sales-a/sales-a-train-1/x")])}))
    server.put("configmaps", config_map(FOREIGN, {"mine": entry("x-a-1", [artifact("x-a/x-a-train-1/x")])}))
    nodes = [node("churn-b-11", "train"), node("churn-b-9", "train", memo="hit", hit=True)]
    server.put("workflows", workflow("churn-b", {}, nodes, phase="Succeeded"))


def rm(*arguments: str) -> Result:
    command = ["cache", "rm", "--engine", "argo", "--settle", "0s", *arguments]
    return CliRunner().invoke(couler, command, catch_exceptions=False)


def keys(server: ApiServer, name: str = CACHE) -> set[str]:
    return set(server.get("configmaps", NAMESPACE, name).get("data") or {})


def outcomes(evicted: Evicted) -> dict[str, str]:
    return {decision.key: decision.outcome for decision in evicted.decisions}


@pytest.mark.usefixtures("caches")
def test_what_a_template_made_goes_and_the_unknown_is_named(server: ApiServer) -> None:
    made = {"pod", "retried", "status", "hit"}
    dry = rm("--step", "churn/train", "--dry-run")
    assert (dry.exit_code, len(keys(server))) == (1, 6)
    assert "4 results would go" in dry.stderr
    done = rm("--step", "churn/train", "--format", "json")
    assert done.exit_code == 1
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["schema"], set(found["removed"]), found["bytes"] > 400) == ("couler.cache-rm/v1", made, True)
    assert keys(server) == {"other", "unknown"}
    assert (keys(server, OTHER), keys(server, FOREIGN)) == ({"sales"}, {"mine"})
    assert "error: nothing tells which step made 1 result: they stay\n  hint: raise couler.io/cache-version" in (
        done.stderr
    )
    (item,) = [item for item in found["namespaces"][0]["decisions"] if item["outcome"] == "kept"]
    assert (item["key"], item["figures"]["node"]) == ("unknown", "churn-gone-6")


@pytest.mark.usefixtures("caches")
def test_a_workflow_goes_as_a_whole_without_a_look_at_workflows(server: ApiServer) -> None:
    server.before = lambda request: None if request.plural != "workflows" else pytest.fail("workflows were listed")
    done = rm("--workflow", "churn")
    assert (done.exit_code, keys(server), keys(server, OTHER)) == (0, set(), {"sales"})
    assert done.stderr.startswith("6 results went, ")
    assert f"ml/{CACHE}/unknown: evicted: in a cache of churn (entry_bytes " in done.stdout


@pytest.mark.usefixtures("caches")
def test_what_others_keep_stays_unless_all_is_meant(server: ApiServer) -> None:
    assert rm("--step", "train", "--workflow", "sales").exit_code == 0
    assert (len(keys(server)), keys(server, OTHER), keys(server, FOREIGN)) == (6, set(), {"mine"})
    rm("--step", "train", "--all")
    assert keys(server, FOREIGN) == set()


def test_what_is_hit_meanwhile_goes_all_the_same(server: ApiServer, evictor: Make) -> None:
    data = {"old": entry("churn-a-7", [artifact("churn-a/churn-a-train-7/x")])}
    server.put("configmaps", config_map(CACHE, data))
    controller = Controller(server)
    changes = iter((lambda: controller.hit(CACHE, "old", 2000.0), lambda: controller.save(CACHE, "new", entry("b-1"))))

    def intervene(request: Request) -> None:
        if request.verb == "patch":
            next(changes, lambda: None)()

    server.before = intervene
    found = evictor().remove(NAMESPACE, Selection(step="train"), NOW)
    assert outcomes(found) == {"old": "evicted"}
    assert (keys(server), controller.failed) == ({"new"}, 0)


def test_nothing_else_goes_from_a_full_or_damaged_cache(server: ApiServer, evictor: Make) -> None:
    data = {
        "big": entry("churn-a-1", pad=600_000),
        "bad": "{",
        "old": entry("churn-a-2", [artifact("churn-a/churn-a-train-2/x")]),
    }
    server.put("configmaps", config_map(CACHE, data))
    evictor().remove(NAMESPACE, Selection(step="train"), NOW)
    assert keys(server) == {"big", "bad"}


def test_artifacts_are_written_down_for_the_eviction(server: ApiServer, evictor: Make, tmp_path: Path) -> None:
    server.put("configmaps", config_map(CACHE, {"old": entry("churn-a-7", [artifact("churn-a/churn-a-train-7/x")])}))
    found = evictor(tmp_path).remove(NAMESPACE, Selection(step="train"), NOW)
    assert (found.waiting, found.remaining) == (1, 0)
    assert list(graves_in(server.get("configmaps", NAMESPACE, CACHE)["metadata"]["annotations"])) == [
        "churn-a/churn-a-train-7/x"
    ]


@pytest.mark.parametrize(
    ("ident", "pod", "template"),
    [
        ("wf-x-1", "wf-x-train-model-2", "train-model"),
        ("wf-x-1", "wf-x-1", None),  # the older form of names has no template
        ("wf-x-1", "wf-x-2", None),  # an inline template
        ("wf-x-1", "wf-y-train-1", None),
        ("wf-x-1", f"wf-x-{'t' * 237}-1", None),  # cut
    ],
)
def test_the_name_of_a_pod_tells_of_its_template(ident: str, pod: str, template: str | None) -> None:
    shard = shard_of(config_map(CACHE, {"k": entry(ident, [artifact(f"wf-x/{pod}/x")])}))
    assert templates_of(shard.entries["k"], {}) == ({template} if template else frozenset())


def test_a_status_that_cannot_be_read_is_left_out() -> None:
    broken: list[Any] = [{"status": {"nodes": {"a": None}}}, {"status": {"compressedNodes": "?"}}, {"status": None}]
    good = workflow("w", {}, [node("w-1", "train", memo="k")])
    assert makers_in([*broken, good]) == {"w-1": {"train"}, "k": {"train"}}
