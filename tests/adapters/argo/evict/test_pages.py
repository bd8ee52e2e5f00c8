"""Lists of the API server, those included that are none: nothing is deleted since a proxy has answered in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.evict.apiserver import ApiServer, Request
from adapters.argo.evict.cluster import NAMESPACE, artifact, config_map, entry, workflow
from couler_argo.evict.evictor import ArgoEvictor
from couler_plugins.caching.policies.simple import Nothing
from couler_plugins.engine_kit.kubernetes.calls import IDLE, Expired, pages
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.eviction import Limits

Make = Callable[..., ArgoEvictor]
CACHE = "couler-cache-train-00"
KEY = "train-a/train-a-pod-11/x"
GARBAGE: list[Any] = [
    {},
    {"items": None},
    {"items": []},
    {"kind": "Status", "status": "Success"},
    {"error": "who are you?"},
    {"kind": "List", "items": []},
    {"kind": "ConfigMapList", "items": []},
    {"kind": "WorkflowList"},
    {"kind": "WorkflowList", "items": "x"},
    {"kind": "WorkflowList", "items": {}},
    {"kind": "WorkflowList", "items": ""},
    {"kind": "WorkflowList", "items": [None]},
    {"kind": "WorkflowList", "items": [{}]},
    {"kind": "WorkflowList", "items": [{"metadata": "x"}]},
    {"kind": "WorkflowList", "items": [], "metadata": "x"},
    {"kind": ["WorkflowList"], "items": []},
]


@pytest.mark.parametrize("answer", GARBAGE, ids=str)
def test_what_is_no_list_of_workflows_does_not_say_that_none_runs(
    answer: Any, server: ApiServer, evictor: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running workflow refers to an artifact whose time is up: it stays, and so does every entry."""
    kept = tmp_path / "bucket" / KEY
    kept.parent.mkdir(parents=True)
    kept.write_text("data")
    at_work = evictor(store=tmp_path / "bucket")
    limits = Limits(capacity=0, settle=0.0, grace=0.0)
    server.put("configmaps", config_map(CACHE, {"k": entry("train-a-11", [artifact(KEY)])}))
    server.put("workflows", workflow("train-a", {"arguments": {"parameters": [{"name": "x", "value": KEY}]}}))
    at_work.evict(NAMESPACE, Nothing(), limits)  # the entry goes, and the artifact waits for the workflow to end
    server.put("configmaps", config_map("couler-cache-train-01", {"l": entry("train-a-21")}))
    real = server._list

    def listed(request: Request) -> Any:
        return answer if request.plural == "workflows" else real(request)

    monkeypatch.setattr(server, "_list", listed)
    with pytest.raises(EngineError, match="no list of workflows"):
        at_work.evict(NAMESPACE, Nothing(), limits)
    assert kept.exists()
    assert set(server.get("configmaps", NAMESPACE, "couler-cache-train-01")["data"]) == {"l"}


def page(number: int, following: str) -> dict[str, Any]:
    items = [{"metadata": {"name": f"{number}"}}]
    return {"kind": "ThingList", "items": items, "metadata": {"continue": following}}


def read(answers: Iterator[Any]) -> list[str]:
    def ask(**asked: Any) -> Any:
        answer = next(answers)
        if answer is None:
            raise Expired
        return answer

    return [thing["metadata"]["name"] for thing in pages(ask, "ThingList", "things")]


def test_a_list_that_goes_round_in_circles_has_an_end() -> None:
    circle = (page(number % 3, f"token-{number % 3}") for number in range(10**6))
    with pytest.raises(EngineError, match="no end"):
        read(circle)


def test_a_list_that_says_the_same_under_new_names_of_pages_has_an_end() -> None:
    same = (page(0, f"token-{number}") for number in range(10**6))
    with pytest.raises(EngineError, match="no end"):
        read(same)


def test_a_long_list_that_expires_near_its_end_is_read_again() -> None:
    count = 5 * IDLE
    first = [page(number, f"a-{number}") for number in range(count)]
    again = [page(number, f"b-{number}" if number < count else "") for number in range(count + 1)]
    found = read(iter([*first, None, *again]))
    assert found == [str(number) for number in range(count + 1)]


def test_pages_may_be_empty_for_a_while() -> None:
    empty = [{"kind": "ThingList", "items": None, "metadata": {"continue": f"e-{number}"}} for number in range(IDLE)]
    assert read(iter([*empty, page(1, "")])) == ["1"]
