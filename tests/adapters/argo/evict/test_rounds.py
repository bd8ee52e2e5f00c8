"""Whole rounds through the real Kubernetes client: what goes, what stays, and what is said of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from adapters.argo.evict.apiserver import ApiServer
from adapters.argo.evict.cluster import NAMESPACE, artifact, config_map, entry, node, workflow
from couler_argo.evict.choice import HALF
from couler_argo.evict.evictor import ArgoEvictor
from couler_plugins.caching.policies.simple import Everything, Lru, Nothing
from couler_plugins.hookspecs.eviction import Evicted, Limits

Make = Callable[..., ArgoEvictor]
NOW = Limits(settle=0.0, grace=0.0)
CACHE = "couler-cache-train-00"


def limits(capacity: int | None = None, **others: object) -> Limits:
    return Limits(**{"capacity": capacity, "settle": 0.0, "grace": 0.0, "assumed": 1000, **others})  # type: ignore[arg-type]


def outcomes(evicted: Evicted) -> dict[str, str]:
    return {decision.key: decision.outcome for decision in evicted.decisions}


def held(server: ApiServer, name: str = CACHE) -> set[str]:
    return set(server.get("configmaps", NAMESPACE, name).get("data") or {})


def test_the_policy_decides_under_the_capacity(server: ApiServer, evictor: Make) -> None:
    data = {
        f"k{age}": entry(f"train-a-{age}1", [artifact(f"train-a/train-a-{age}1/x.tgz")], used=age)
        for age in range(1, 5)
    }
    server.put("configmaps", config_map(CACHE, data))
    size = len(data["k1"]) + 2 + 1000
    found = evictor().evict(NAMESPACE, Lru(), limits(2 * size + 10))
    assert outcomes(found) == {"k1": "evicted", "k2": "evicted", "k3": "kept", "k4": "kept"}
    assert held(server) == {"k3", "k4"}
    assert (found.before, found.after) == (4 * size, 2 * size)
    figures = dict(next(decision for decision in found.decisions if decision.key == "k1").figures)
    assert figures["bytes"] == size
    assert figures["bytes_measured"] == "no"
    assert float(figures["idle_seconds"]) > 0


def test_without_a_capacity_nothing_goes(server: ApiServer, evictor: Make) -> None:
    server.put("configmaps", config_map(CACHE, {"k": entry("train-a-1")}))
    found = evictor().evict(NAMESPACE, Lru(), limits())
    assert outcomes(found) == {"k": "kept"}
    assert [request.verb for request in server.requests] == ["list", "list"]


def test_a_config_map_stays_under_half_of_its_limit_whatever_the_capacity(server: ApiServer, evictor: Make) -> None:
    data = {f"k{age:03}": entry(f"train-a-{age}1", used=1000 + age, pad=9000) for age in range(100)}
    server.put("configmaps", config_map(CACHE, data))
    server.put("configmaps", config_map("couler-cache-train-01", {"small": entry("train-b-11", used=1)}))
    found = evictor().evict(NAMESPACE, Lru(), limits())
    left = server.get("configmaps", NAMESPACE, CACHE)["data"]
    assert HALF - 10_000 < sum(len(key) + len(text) for key, text in left.items()) <= HALF
    assert set(left) == set(sorted(data)[-len(left) :])  # the last used stay
    assert held(server, "couler-cache-train-01") == {"small"}
    assert all("half" in decision.reason for decision in found.decisions if decision.outcome == "evicted")


def test_entries_that_argo_could_not_read_go(server: ApiServer, evictor: Make) -> None:
    bad = {
        "not-json": "{",
        "no-node": "{}",
        "a-list": "[]",
        "deep": "[" * 5000,
        "time": '{"nodeID":"n","creationTimestamp":1}',
    }
    server.put("configmaps", config_map(CACHE, {**bad, "good": entry("train-a-1")}))
    found = evictor().evict(NAMESPACE, Everything(), limits())
    assert outcomes(found) == {**dict.fromkeys(bad, "dropped"), "good": "kept"}
    assert held(server) == {"good"}


def test_what_is_not_ours_is_left_alone(server: ApiServer, evictor: Make) -> None:
    foreign = config_map("my-cache", {"k": entry("train-a-1"), "bad": "{"})
    other = config_map("couler-cache-train-02", {"k": entry("train-a-1")})
    other["metadata"]["labels"] = {}  # not one of Argo's caches, whatever it is called
    server.put("configmaps", foreign)
    server.put("configmaps", other)
    found = evictor().evict(NAMESPACE, Nothing(), limits(0))
    assert found.decisions == ()
    assert "1 ConfigMaps that are not ours" in found.remarks[0]
    assert held(server, "my-cache") == {"k", "bad"}
    assert held(server, "couler-cache-train-02") == {"k"}
    found = evictor(foreign=True).evict(NAMESPACE, Nothing(), limits(0))
    assert outcomes(found) == {"k": "evicted", "bad": "kept"}
    assert held(server, "my-cache") == {"bad"}
    assert "not ours, and not readable" in found.decisions[0].reason


def test_a_dry_run_says_the_same_and_writes_nothing(server: ApiServer, evictor: Make) -> None:
    server.put("configmaps", config_map(CACHE, {"k": entry("train-a-1"), "bad": "{"}))
    dry = evictor().evict(NAMESPACE, Nothing(), limits(0, dry_run=True))
    assert held(server) == {"k", "bad"}
    assert {request.verb for request in server.requests} == {"list"}
    wet = evictor().evict(NAMESPACE, Nothing(), limits(0))
    assert outcomes(dry) == outcomes(wet) == {"k": "evicted", "bad": "dropped"}
    assert held(server) == set()


def test_the_same_key_in_two_caches_is_one_result(server: ApiServer, evictor: Make) -> None:
    for name in (CACHE, "couler-cache-other-00"):
        server.put("configmaps", config_map(name, {"k": entry("train-a-1", used=5), "l": entry("train-a-2", used=9)}))
    one = len(entry("train-a-1", used=5)) + 1
    found = evictor().evict(NAMESPACE, Lru(), limits(2 * one))
    assert outcomes(found) == {"k": "evicted", "l": "kept"}
    assert len(found.decisions) == 4
    assert found.before == 4 * one
    assert found.after == 2 * one


def test_what_runs_said_of_a_result_reaches_the_figures(server: ApiServer, evictor: Make) -> None:
    spec = {"entrypoint": "fit", "templates": [{"name": "fit", "container": {"image": "a"}}]}
    done = node("train-a", "fit", memo="k", seconds=90.0)
    again = node("train-b", "fit", memo="k", hit=True, at=5000.0)
    server.put("workflows", workflow("train-a", spec, [done], phase="Succeeded", at=2000.0))
    server.put("workflows", workflow("train-b", spec, [again], phase="Succeeded", at=5000.0))
    server.put("configmaps", config_map(CACHE, {"k": entry("train-a")}))
    (decision,) = evictor().evict(NAMESPACE, Lru(), limits()).decisions
    figures = dict(decision.figures)
    assert figures["compute_seconds"] == 90.0
    assert figures["uses"] == 2
    assert figures["step"] == "fit"


def test_artifacts_are_measured_where_the_store_can_be_asked(
    server: ApiServer, evictor: Make, tmp_path: object
) -> None:
    store = tmp_path / "bucket"  # type: ignore[operator]
    for name, size in (
        ("train-a/train-a-1/x.tgz", 70),
        ("train-a/train-a-2/tree/a", 30),
        ("train-a/train-a-2/tree/b/c", 5),
    ):
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_bytes(b"x" * size)
    data = {
        "file": entry("train-a-1", [artifact("train-a/train-a-1/x.tgz")]),
        "folder": entry("train-a-2", [artifact("train-a/train-a-2/tree")]),
        "gone": entry("train-a-3", [artifact("train-a/train-a-3/x.tgz")]),
    }
    server.put("configmaps", config_map(CACHE, data))
    found = evictor(store).evict(NAMESPACE, Everything(), limits())
    sizes = {decision.key: dict(decision.figures) for decision in found.decisions}
    assert sizes["file"]["bytes"] == 70 + 4 + len(data["file"])
    assert sizes["file"]["bytes_measured"] == "yes"
    assert sizes["folder"]["bytes"] == 35 + 6 + len(data["folder"])
    assert sizes["gone"]["bytes"] == 1000 + 4 + len(data["gone"])
    assert sizes["gone"]["bytes_measured"] == "no"


@pytest.mark.slow
def test_a_full_namespace_takes_seconds(server: ApiServer, evictor: Make) -> None:
    for shard in range(64):
        data = {f"{shard:02}{number:04}": entry(f"train-a-{number}1", used=number + 1) for number in range(500)}
        server.put("configmaps", config_map(f"couler-cache-train-{shard:02x}", data))
    started = time.process_time()
    found = evictor().evict(NAMESPACE, Lru(), limits(1_000_000))
    assert found.after <= 1_000_000
    assert len(found.decisions) == 32_000
    assert time.process_time() - started < 20
    assert max(len(json.dumps(thing)) for thing in server.objects.values()) < HALF
