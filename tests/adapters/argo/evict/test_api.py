"""The Kubernetes API as it is on bad days: pages that expire, servers that are busy, slow or closed to us."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.argo.evict.apiserver import TOKEN, ApiServer, Refused, Request
from adapters.argo.evict.cluster import NAMESPACE, config_map, entry, kubeconfig, workflow
from couler_argo.evict.api import Changed, Cluster
from couler_argo.evict.evictor import ArgoEvictor
from couler_plugins.caching.policies.simple import Nothing
from couler_plugins.engine_kit.kubernetes import access as api_access
from couler_plugins.engine_kit.kubernetes import calls as api_calls
from couler_plugins.engine_kit.kubernetes import calls as api_pages
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.eviction import Limits

Make = Callable[..., ArgoEvictor]
CACHE = "couler-cache-train-00"
ALL = Limits(capacity=0, settle=0.0, grace=0.0)


@pytest.fixture
def cluster(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    with kubeconfig(server, tmp_path) as path:
        monkeypatch.setenv("KUBECONFIG", str(path))
        return Cluster()


def failing(server: ApiServer, times: int, code: int, verb: str = "list", **options: Any) -> None:
    """Lets the first calls of a verb fail."""
    left = [times]

    def refuse(request: Request) -> None:
        if request.verb == verb and left[0]:
            left[0] -= 1
            raise Refused(code, f"code {code}", **options)

    server.before = refuse


def many(server: ApiServer, count: int) -> set[str]:
    names = {f"couler-cache-train-{number:03}" for number in range(count)}
    for name in names:
        server.put("configmaps", config_map(name, {"k": entry("train-a-1")}))
    return names


def names(cluster: Cluster) -> list[str]:
    return [thing["metadata"]["name"] for thing in cluster.caches(NAMESPACE)]


def test_lists_are_read_page_by_page(server: ApiServer, cluster: Cluster) -> None:
    wanted = many(server, 3 * api_pages.PAGE + 1)
    assert sorted(names(cluster)) == sorted(wanted)
    assert len(server.requests) == 4
    assert all(request.query["limit"] == str(api_pages.PAGE) for request in server.requests)


def test_a_list_that_expires_starts_again_and_tells_nothing_twice(server: ApiServer, cluster: Cluster) -> None:
    wanted = many(server, 3 * api_pages.PAGE)
    expired = [3]

    def expire(request: Request) -> None:
        if "continue" in request.query and expired[0]:
            expired[0] -= 1
            server.expire_tokens()

    server.before = expire
    assert sorted(names(cluster)) == sorted(wanted)


def test_a_list_that_always_expires_is_an_error(server: ApiServer, cluster: Cluster) -> None:
    many(server, 2 * api_pages.PAGE)
    server.before = lambda request: server.expire_tokens()
    with pytest.raises(EngineError, match="forgets its list"):
        names(cluster)


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(server: ApiServer, cluster: Cluster, code: int) -> None:
    many(server, 2)
    failing(server, 3, code)
    assert len(names(cluster)) == 2
    assert len(server.requests) == 4


@pytest.mark.parametrize("verb", ["list", "patch"])
def test_what_does_not_pass_is_an_error(server: ApiServer, evictor: Make, verb: str) -> None:
    many(server, 1)
    failing(server, 1000, 500, verb)
    with pytest.raises(EngineError, match=f"refused to {verb} .*: 500"):
        evictor().evict(NAMESPACE, Nothing(), ALL)
    assert sum(request.verb == verb for request in server.requests) == api_calls.ATTEMPTS


def test_a_server_says_how_long_to_wait() -> None:
    class Busy(Exception):
        status, headers = 429, {"Retry-After": "3"}

    assert api_calls._pause(Busy()) == 3.0
    Busy.headers = {"Retry-After": "86400"}
    assert api_calls._pause(Busy()) == api_calls.PATIENCE
    Busy.headers = {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}
    assert api_calls._pause(Busy()) is True
    Busy.status = 403
    assert api_calls._pause(Busy()) is False


def test_slow_answers_are_waited_for_and_silence_is_not(
    server: ApiServer, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(server, 1)
    server.before = lambda request: time.sleep(0.3)
    assert len(names(cluster)) == 1
    monkeypatch.setattr(api_calls, "TIMEOUT", (1.0, 0.1))
    with pytest.raises(EngineError, match="does not answer"):
        names(cluster)


def test_a_closed_port_is_no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ApiServer() as server, kubeconfig(server, tmp_path) as path:
        monkeypatch.setenv("KUBECONFIG", str(path))
        cluster = Cluster()
    with pytest.raises(EngineError, match="does not answer") as caught:
        names(cluster)
    assert caught.value.exit_code == 3
    assert caught.value.hint


@pytest.mark.parametrize(
    ("right", "hint"),
    [
        (("list", "workflows"), "needs list on workflows.argoproj.io"),
        (("list", "configmaps"), "needs list on configmaps"),
        (("patch", "configmaps"), "needs patch on configmaps"),
    ],
)
def test_a_right_that_is_missing_is_named(server: ApiServer, evictor: Make, right: tuple[str, str], hint: str) -> None:
    many(server, 1)
    server.forbidden = {right}
    with pytest.raises(EngineError, match="403") as caught:
        evictor().evict(NAMESPACE, Nothing(), ALL)
    assert hint in str(caught.value.hint)
    assert len(server.requests) <= 3


def test_a_change_is_made_for_one_version(server: ApiServer, cluster: Cluster) -> None:
    made = server.put("configmaps", config_map(CACHE, {"a": "1", "b": "2"}))
    version = made["metadata"]["resourceVersion"]
    cluster.change(NAMESPACE, CACHE, version, {"a": None}, {"note": "x"})
    with pytest.raises(Changed):
        cluster.change(NAMESPACE, CACHE, version, {"b": None}, {"note": None})
    with pytest.raises(Changed):
        cluster.change(NAMESPACE, "not-there", version, {"b": None}, {})
    left = server.get("configmaps", NAMESPACE, CACHE)
    assert left["data"] == {"b": "2"}
    assert left["metadata"]["annotations"] == {"note": "x"}
    assert left["metadata"]["labels"] == made["metadata"]["labels"]
    assert cluster.cache(NAMESPACE, "not-there") is None


def test_all_namespaces_are_those_with_caches(server: ApiServer, evictor: Make) -> None:
    for namespace in ("b", "a"):
        server.put("configmaps", config_map(CACHE, {}, namespace))
    server.put("configmaps", {**config_map(CACHE, {}, "c"), "metadata": {"name": "other", "namespace": "c"}})
    assert list(evictor(every_namespace=True).namespaces()) == ["a", "b"]


def test_where_not_all_may_be_listed_those_that_may_are_taken(server: ApiServer, evictor: Make) -> None:
    for namespace in ("a", "b", "c"):
        server.put("namespaces", {"metadata": {"name": namespace}})
        server.put("configmaps", config_map(CACHE, {}, namespace))
    server.forbidden = {("list", "configmaps", ""), ("list", "configmaps", "b")}
    assert list(evictor(every_namespace=True).namespaces()) == ["a", "c"]
    server.forbidden = {("list", "configmaps", ""), ("list", "namespaces")}
    with pytest.raises(EngineError, match="list namespaces: 403"):
        evictor(every_namespace=True).namespaces()


def test_the_namespace_is_that_of_the_context(evictor: Make) -> None:
    assert list(evictor().namespaces()) == [NAMESPACE]
    assert list(evictor(namespaces=("x", "y")).namespaces()) == ["x", "y"]


@pytest.mark.parametrize("text", [None, "", "{", "- a", "users: [{name: x, user: {token: not-a-real-secret}}]"])
def test_a_kubeconfig_that_cannot_be_used_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(InvalidInput, match="no cluster is configured") as caught:
        Cluster()
    assert "not-a-real-secret" not in str(caught.value)


def test_a_context_that_is_not_there_is_bad_input(server: ApiServer, evictor: Make) -> None:
    with pytest.raises(InvalidInput, match="no cluster") as caught:
        evictor(context="production").namespaces()
    assert "'production'" in str(caught.value.hint)


def test_in_a_pod_the_service_account_is_used(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kubernetes.config import incluster_config

    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "ca.crt").write_text("certificate")
    (tmp_path / "namespace").write_text("of-the-pod\n")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(api_access, "OWN_NAMESPACE", tmp_path / "namespace")
    host, _, port = server.url.removeprefix("http://").partition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    configuration, namespace = api_access.configuration_of("")
    assert namespace == "of-the-pod"
    assert configuration.host == f"https://{host}:{port}"
    assert TOKEN in str(configuration.api_key)


def test_a_token_that_is_not_taken_is_said_and_never_told(
    server: ApiServer, evictor: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "kubeconfig"
    text = path.read_text()
    path.write_text(text.replace(TOKEN, f"{TOKEN}-expired"))
    with pytest.raises(EngineError, match="401") as caught:
        evictor().evict(NAMESPACE, Nothing(), ALL)
    assert "token" in str(caught.value.hint)
    path.write_text(text)
    many(server, 1)
    server.put("workflows", workflow("w-1", {}))
    failing(server, 2, 429)
    evictor().evict(NAMESPACE, Nothing(), ALL)
    told = caplog.text + str(caught.value) + repr(caught.value) + repr(caught.value.__cause__)
    assert TOKEN not in told
    assert yaml.safe_load(text)["users"][0]["user"]["token"] == TOKEN
