"""Several at once, and evictors that die: nothing that was saved is lost, nothing that is referred to is deleted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.evict.apiserver import ApiServer, Refused, Request
from adapters.argo.evict.cluster import NAMESPACE, Controller, artifact, config_map, entry, node, workflow
from couler_argo.evict.artifacts import graves_in
from couler_argo.evict.choice import HALF
from couler_argo.evict.evictor import ArgoEvictor
from couler_plugins.caching.artifacts.stores import FolderStore
from couler_plugins.caching.policies.simple import Everything, Lru, Nothing
from couler_plugins.engine_kit.kubernetes import calls as api_calls
from couler_plugins.hookspecs.eviction import Evicted, Limits

Make = Callable[..., ArgoEvictor]
CACHE = "couler-cache-train-00"
ALL = Limits(capacity=0, settle=0.0, grace=0.0)


def outcomes(evicted: Evicted) -> dict[str, str]:
    return {decision.key: decision.outcome for decision in evicted.decisions}


def held(server: ApiServer) -> dict[str, str]:
    data: dict[str, str] = server.get("configmaps", NAMESPACE, CACHE).get("data") or {}
    return data


def before_writes(server: ApiServer, times: int, do: Callable[[], object]) -> None:
    """Does something just before each of the first writes of an evictor reaches the server."""
    left = [times]

    def intervene(request: Request) -> None:
        if request.verb == "patch" and left[0]:
            left[0] -= 1
            do()

    server.before = intervene


def test_what_the_controller_saves_meanwhile_stays(server: ApiServer, evictor: Make) -> None:
    server.put("configmaps", config_map(CACHE, {"old": entry("train-a-1")}))
    controller = Controller(server)
    before_writes(server, 3, lambda: controller.save(CACHE, f"new{len(controller.saved)}", entry("train-b-1")))
    found = evictor().evict(NAMESPACE, Nothing(), ALL)
    assert outcomes(found)["old"] == "evicted"
    assert "old" not in held(server)
    assert held(server) == controller.saved
    assert len(controller.saved) == 3
    assert controller.failed == 0


def test_what_is_used_meanwhile_stays(server: ApiServer, evictor: Make) -> None:
    server.put("configmaps", config_map(CACHE, {"hit": entry("train-a-1"), "old": entry("train-a-2")}))
    before_writes(server, 1, lambda: Controller(server).hit(CACHE, "hit", 5000.0))
    found = evictor().evict(NAMESPACE, Nothing(), ALL)
    assert outcomes(found) == {"hit": "kept", "old": "evicted"}
    assert set(held(server)) == {"hit"}
    assert "used again" in next(decision.reason for decision in found.decisions if decision.key == "hit")


def test_what_is_computed_again_meanwhile_stays(server: ApiServer, evictor: Make) -> None:
    server.put("configmaps", config_map(CACHE, {"k": entry("train-a-1")}))
    new = entry("train-b-1")
    before_writes(server, 1, lambda: Controller(server).save(CACHE, "k", new))
    assert outcomes(evictor().evict(NAMESPACE, Nothing(), ALL)) == {"k": "kept"}
    assert held(server) == {"k": new}


def test_a_config_map_that_is_never_left_alone_waits(server: ApiServer, evictor: Make) -> None:
    server.put("configmaps", config_map(CACHE, {"old": entry("train-a-1")}))
    controller = Controller(server)
    before_writes(server, 1000, lambda: controller.save(CACHE, "busy", entry("train-b-1")))
    found = evictor().evict(NAMESPACE, Nothing(), ALL)
    assert outcomes(found)["old"] == "postponed"
    assert "old" in held(server)
    assert controller.failed == 0
    assert sum(request.verb == "patch" for request in server.requests) <= 6


def test_a_config_map_is_written_to_only_after_it_was_left_alone(
    server: ApiServer, evictor: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pauses are between reading it and writing it: who writes meanwhile makes our write fail, not theirs."""
    server.put("configmaps", config_map(CACHE, {"old": entry("train-a-1")}))
    story: list[str] = []
    before_writes(server, 1, lambda: Controller(server).save(CACHE, "new", entry("train-b-1")))
    server.after = lambda request: story.append(request.verb)
    monkeypatch.setattr("time.sleep", lambda seconds: story.append("pause") if seconds > 5 else None)
    evictor().evict(NAMESPACE, Nothing(), Limits(capacity=0, settle=9.0, grace=0.0))
    assert story == ["list", "list", "pause", "get", "pause", "patch"]


def test_one_that_is_too_full_is_written_to_all_the_same(
    server: ApiServer, evictor: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {f"k{n}": entry(f"train-a-{n}", used=n + 1, pad=9000) for n in range(70)}
    server.put("configmaps", config_map(CACHE, data))
    controller = Controller(server)
    before_writes(server, 4, lambda: controller.save(CACHE, f"new{len(controller.saved)}", entry("t-b-1", used=9000)))
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", lambda seconds: pauses.append(seconds) if seconds > 5 else None)
    evictor().evict(NAMESPACE, Lru(), Limits(settle=9.0))
    assert sum(len(key) + len(text) for key, text in held(server).items()) <= HALF
    assert controller.saved.items() <= held(server).items()
    assert len(pauses) == 4  # of five reads, the last one in a hurry


def test_a_config_map_that_is_deleted_meanwhile_is_gone(server: ApiServer, evictor: Make) -> None:
    server.put("configmaps", config_map(CACHE, {"old": entry("train-a-1")}))
    before_writes(server, 1, server.objects.clear)
    assert outcomes(evictor().evict(NAMESPACE, Nothing(), ALL)) == {"old": "evicted"}


@pytest.mark.slow
def test_two_evictors_and_a_busy_controller_agree(server: ApiServer, evictor: Make, tmp_path: Path) -> None:
    """Real threads: whatever the order, what was saved is there, and artifacts go with their entries only."""
    store = tmp_path / "bucket"
    key = "train-a/train-a-{0}00001/x"
    data = {f"k{n}": entry(f"train-a-{n}00001", [artifact(key.format(n))], used=n + 1) for n in range(60)}
    for n in range(60):
        (store / key.format(n)).parent.mkdir(parents=True)
        (store / key.format(n)).write_text("x")
    server.put("configmaps", config_map(CACHE, data))
    controller, stop = Controller(server), threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                controller.save(CACHE, f"new{number % 7}", entry(f"train-b-{number}", used=9_000_000_000))
            except Refused:
                continue

    failures: list[Exception] = []
    capacity = 30 * len(data["k10"])

    def evict() -> None:
        try:
            for _ in range(4):
                evictor(store).evict(NAMESPACE, Lru(), Limits(capacity=capacity, settle=0.0, grace=0.0, assumed=1000))
        except Exception as error:  # noqa: BLE001  # whatever it is, the test shows it
            failures.append(error)

    threads = [threading.Thread(target=evict) for _ in range(2)]
    busy = threading.Thread(target=work)
    busy.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    stop.set()
    busy.join(30)
    assert failures == []
    evictor(store).evict(NAMESPACE, Lru(), Limits(capacity=capacity, settle=0.0, grace=0.0, assumed=1000))
    left = held(server)
    assert controller.saved.items() <= left.items()
    there = {path.parent.name.removeprefix("train-a-").removesuffix("00001") for path in store.rglob("x")}
    assert {f"k{n}" for n in there} >= {key for key in left if key.startswith("k")}
    assert len(left) < 60


class Killed(BaseException):
    """Stands for SIGKILL: no handler of ours may stop it."""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_evictor_that_dies_at_any_call_is_taken_up_by_the_next(
    server: ApiServer, evictor: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """At each call to the cluster and to the store in turn: afterwards a round that lives finishes the work."""
    real_answer, real_delete = api_calls._answer, FolderStore.delete
    left = [10**9]

    def mortal(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            left[0] -= 1
            if left[0] < 0 and when == "before":
                raise Killed
            result = real(*arguments)
            if left[0] < 0:
                raise Killed
            return result

        return call

    monkeypatch.setattr(api_calls, "_answer", mortal(real_answer))
    monkeypatch.setattr(FolderStore, "delete", mortal(real_delete))
    calls = 0
    for dies_after in range(40):
        store = tmp_path / f"bucket-{dies_after}"
        want = _scene(server, store)
        left[0] = dies_after
        try:
            for _ in range(2):
                evictor(store).evict(NAMESPACE, Lru(), Limits(capacity=WORTH, settle=0.0, grace=0.0, assumed=0))
        except Killed:
            calls += 1
        else:
            break
        finally:
            left[0] = 10**9
        _check_whole(server, store)
        for _ in range(2):
            evictor(store).evict(NAMESPACE, Lru(), Limits(capacity=WORTH, settle=0.0, grace=0.0, assumed=0))
        assert _state(server, store) == want
    else:
        pytest.fail("it never came to its end")
    assert calls >= 10  # two rounds: two lists each, two writes each, and the deletions


WORTH = 4 * 380


def _scene(server: ApiServer, store: Path) -> tuple[set[str], set[str]]:
    """Two caches with artifacts, one of which a running workflow reads; returns what has to be left in the end."""
    server.objects.clear()
    data: dict[str, str] = {}
    for at, shard in enumerate(("00", "01")):
        data = {}
        for n in range(4):
            key = f"train-a/train-a-{shard}{n}1/x"
            (store / key).parent.mkdir(parents=True)
            (store / key).write_text("")
            data[f"k{shard}{n}"] = entry(f"train-a-{shard}{n}1", [artifact(key)], used=10 * n + at + 1)
        server.put("configmaps", config_map(f"couler-cache-train-{shard}", data))
    spec = {"entrypoint": "a", "templates": [{"name": "a", "container": {"image": "a"}}]}
    reads = node("b-1", "a", phase="Running", outputs={"artifacts": [artifact("train-a/train-a-0001/x")]})
    server.put("workflows", workflow("b-1", spec, [reads]))
    keys = {"k002", "k012", "k003", "k013"}
    assert 4 * (len(data["k010"]) + 4) <= WORTH < 5 * (len(data["k010"]) + 4)
    return keys, {f"train-a-{key[1:]}1" for key in keys} | {"train-a-0001"}


def _state(server: ApiServer, store: Path) -> tuple[set[str], set[str]]:
    maps = [thing for (plural, _, _), thing in server.objects.items() if plural == "configmaps"]
    return {key for thing in maps for key in thing["data"]}, {path.parent.name for path in store.rglob("x")}


def _check_whole(server: ApiServer, store: Path) -> None:
    """After a death: each artifact is there, or neither an entry nor a running workflow refers to it."""
    keys, there = _state(server, store)
    assert {f"train-a-{key[1:]}1" for key in keys} | {"train-a-0001"} <= there
    written = [graves_in(thing["metadata"].get("annotations") or {}) for thing in server.objects.values()]
    waiting = {grave.pod for graves in written for grave in graves.values()}
    assert (
        there <= {f"train-a-{key[1:]}1" for key in keys} | waiting
    )  # what is evicted is written down, at every moment


def test_an_entry_that_comes_back_keeps_its_artifact(server: ApiServer, evictor: Make, tmp_path: Path) -> None:
    """Evicted, and saved again with the same artifact before the grace is over: it is an artifact of a result again."""
    store, key = tmp_path / "bucket", "train-a/train-a-11/x"
    (store / key).parent.mkdir(parents=True)
    (store / key).write_text("x")
    text = entry("train-a-11", [artifact(key)])
    server.put("configmaps", config_map(CACHE, {"k": text}))
    evictor(store).evict(NAMESPACE, Nothing(), Limits(capacity=0, settle=0.0, grace=3600.0))
    Controller(server).save(CACHE, "k", text)
    found = evictor(store).evict(NAMESPACE, Everything(), Limits(settle=0.0, grace=0.0))
    assert (found.deleted, found.waiting) == ((), 0)
    assert (store / key).exists()
