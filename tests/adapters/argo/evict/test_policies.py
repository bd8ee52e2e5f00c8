"""Policies that fail: eviction goes on without them, and says so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from adapters.argo.evict.apiserver import ApiServer
from adapters.argo.evict.cluster import NAMESPACE, config_map, entry, node, workflow
from couler_argo.evict.evictor import ArgoEvictor
from couler_plugins.caching.policies.simple import Everything
from couler_plugins.cli.eviction import Round, print_round
from couler_plugins.hookspecs.eviction import Evicted, Limits

Make = Callable[..., ArgoEvictor]
CACHE = "couler-cache-train-00"


def limits(capacity: int) -> Limits:
    return Limits(capacity=capacity, settle=0.0, grace=0.0, assumed=1000)


def held(server: ApiServer) -> set[str]:
    return set(server.get("configmaps", NAMESPACE, CACHE).get("data") or {})


class Bad(Everything):
    """A policy that does whatever it is made to."""

    name = "bad"

    def __init__(self, does: Callable[[set[str]], Any]) -> None:
        self.does = does

    def keep(self, candidates, capacity, history):  # type: ignore[no-untyped-def]  # as a plugin's author may
        return self.does({candidate.key for candidate in candidates})


BAD: dict[str, tuple[Callable[[set[str]], Any], str]] = {
    "keeps too much": (lambda keys: keys, "kept"),
    "keeps what there is not": (lambda keys: {"other"}, "no candidate"),
    "gives no set": (list, "not a set"),
    "gives nothing": (lambda keys: None, "not a set"),
    "raises": (lambda keys: keys.remove("other"), "KeyError"),
    "leaves": (lambda keys: sys.exit(0), "SystemExit"),
}


@pytest.mark.parametrize(("does", "said"), BAD.values(), ids=BAD)
def test_a_policy_that_fails_is_named_and_stops_no_eviction(
    does: Callable[[set[str]], Any], said: str, server: ApiServer, evictor: Make
) -> None:
    """Steps would fail once their ConfigMap is full: what was used longest ago goes in its place."""
    data = {key: entry(f"train-{key}-1", used=used, pad=1000) for key, used in (("a", 5), ("b", 9), ("c", 7))}
    server.put("configmaps", config_map(CACHE, data))
    found = evictor().evict(NAMESPACE, Bad(does), limits(2 * len(data["a"]) + 100))
    assert held(server) == {"b", "c"}
    assert "'bad'" in found.failure
    assert said in found.failure


def test_a_policy_that_fails_leaves_what_is_waited_for(server: ApiServer, evictor: Make) -> None:
    tasks = [{"name": "a", "template": "pod"}, {"name": "b", "template": "pod", "depends": "a"}]
    spec = {"templates": [{"name": "main", "dag": {"tasks": tasks}}, {"name": "pod", "container": {"image": "i"}}]}
    done = node("w-1", "pod", name="a", boundary="w", memo="a")
    going = node("w", "main", kind="DAG", phase="Running", children=["w-1"])
    server.put("workflows", workflow("w", {"entrypoint": "main", **spec}, [going, done], phase="Running"))
    data = {key: entry(f"w-{key}", used=used, pad=1000) for key, used in (("a", 5), ("b", 9), ("c", 7))}
    server.put("configmaps", config_map(CACHE, data))
    found = evictor().evict(NAMESPACE, Bad(lambda keys: 1), limits(2 * len(data["a"]) + 100))
    assert held(server) == {"a", "b"}
    assert found.failure


def test_a_round_without_its_policy_is_no_success(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    done = Round((Evicted(namespace="ml", failure="the policy 'bad' failed"), Evicted(namespace="nlp")), ())
    assert print_round(done, Everything(), limits(1), as_json=True) == 1
    assert "the policy 'bad' failed" in capsys.readouterr().out
    assert "the namespace ml: the policy 'bad' failed" in caplog.text
    assert Round((Evicted(namespace="nlp"),), ()).exit_code == 0
