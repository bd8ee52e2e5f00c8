"""The cache follows a run as it progresses: what pending steps need stays, and goes once they are done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.evict.apiserver import ApiServer
from adapters.argo.evict.cluster import NAMESPACE, artifact, config_map, entry, node, workflow
from benchmarks.baselines.paper import Paper
from couler_argo.evict.evictor import ArgoEvictor
from couler_plugins.caching.policies.scr import Scr
from couler_plugins.caching.policies.simple import Fifo, Lru, Nothing
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.hookspecs.eviction import Evicted, Limits

Make = Callable[..., ArgoEvictor]
CACHE = "couler-cache-train-00"
STEPS = ("load", "clean", "fit", "score")
TASKS = [
    {"name": step, "template": "pod", **({"depends": before} if before else {})}
    for step, before in zip(STEPS, ("", "load", "clean", "clean && fit"), strict=True)
]
SPEC = {
    "entrypoint": "main",
    "templates": [{"name": "main", "dag": {"tasks": TASKS}}, {"name": "pod", "container": {"image": "a"}}],
}


def key(step: str) -> str:
    return f"train-x/train-x-pod-{STEPS.index(step) + 1}0/{step}.tgz"


def at_work(done: int, *, phase: str = "Running") -> dict[str, Any]:
    """The workflow when so many of its steps are done, and the next one is running."""
    nodes = [node("train-x", "main", kind="DAG", phase=phase, children=["train-x-10"])]
    for number, step in enumerate(STEPS[: done + 1], 1):
        state = "Succeeded" if number <= done else "Running"
        made = {"artifacts": [artifact(key(step))]} if number <= done else None
        following = [f"train-x-{number + 1}0"] if number <= done and number < len(STEPS) else []
        nodes.append(
            node(
                f"train-x-{number}0", "pod", name=step, boundary="train-x", phase=state, memo=f"memo-{step}",
                outputs=made, children=following, at=1000.0 + number,
            )
        )  # fmt: skip
    return workflow("train-x", SPEC, nodes, phase=phase, at=2000.0)


def settle(
    server: ApiServer, evictor: ArgoEvictor, policy: CachePolicy, done: int, *, phase: str = "Running"
) -> Evicted:
    """One round when so many steps are done; every result so far was saved, and each is as large as the capacity."""
    server.put("workflows", at_work(done, phase=phase))
    saved = {f"memo-{step}": entry(f"train-x-{n}0", [artifact(key(step))]) for n, step in enumerate(STEPS[:done], 1)}
    old = {"memo-older": entry("train-w-10", [artifact("train-w/train-w-pod-10/x.tgz")], used=8_000_000_000)}
    server.put("configmaps", config_map(CACHE, {**old, **saved}))
    return evictor.evict(NAMESPACE, policy, Limits(capacity=1500, settle=0.0, assumed=1000, grace=0.0))


@pytest.mark.parametrize("policy", [Scr(), Paper(), Lru(), Fifo(), Nothing()], ids=lambda policy: policy.name)
def test_what_pending_steps_need_stays_until_they_are_done(
    server: ApiServer, evictor: Make, policy: CachePolicy
) -> None:
    for done, needed in ((1, "memo-load"), (2, "memo-clean")):
        found = settle(server, evictor(), policy, done)
        assert set(server.get("configmaps", NAMESPACE, CACHE)["data"]) == {needed}
        (decision,) = [decision for decision in found.decisions if decision.outcome == "kept"]
        assert dict(decision.figures)["pending_consumers"] >= 1  # type: ignore[operator]
        assert "still to come read it" in decision.reason
    found = settle(server, evictor(), policy, 3)  # `score` reads both `clean` and `fit`, and there is room for one
    assert len(set(server.get("configmaps", NAMESPACE, CACHE)["data"]) - {"memo-clean", "memo-fit"}) == 0
    found = settle(server, evictor(), policy, 4, phase="Succeeded")
    assert all(dict(decision.figures)["pending_consumers"] == 0 for decision in found.decisions)
    kept = {decision.key for decision in found.decisions if decision.outcome == "kept"}
    assert kept == {"memo-older"} if isinstance(policy, Lru) else len(kept) <= 1


def test_an_artifact_outlives_its_entry_until_the_run_is_over(server: ApiServer, evictor: Make, tmp_path: Path) -> None:
    """`load` is evicted once nobody waits for it; its artifact is in the status of the run, and stays for as long."""
    bucket = tmp_path / "bucket"
    for step in STEPS:
        (bucket / key(step)).parent.mkdir(parents=True)
        (bucket / key(step)).write_text("x" * 1000)

    def there() -> set[str]:
        return {path.name.removesuffix(".tgz") for path in bucket.rglob("*.tgz")}

    settle(server, evictor(bucket), Lru(), 2)
    assert "memo-load" not in server.get("configmaps", NAMESPACE, CACHE)["data"]
    for _ in range(2):
        found = evictor(bucket).evict(NAMESPACE, Lru(), Limits(capacity=1500, settle=0.0, grace=0.0))
        assert key("load") not in found.deleted
        assert found.waiting == 1
        assert there() == set(STEPS)
    server.put("workflows", at_work(4, phase="Succeeded"))
    found = evictor(bucket).evict(NAMESPACE, Lru(), Limits(capacity=1500, settle=0.0, grace=0.0))
    assert found.deleted == (key("load"),)
    assert there() == set(STEPS) - {"load"}


@pytest.mark.parametrize("hit", [False, True])
def test_what_a_retried_step_has_made_or_found_is_waited_for(hit: bool, server: ApiServer, evictor: Make) -> None:
    """Argo looks a memo up before it makes an attempt: a hit has none, and a miss has its key on the node of all."""
    tasks = [{"name": "a", "template": "pod"}, {"name": "b", "template": "pod", "depends": "a"}]
    pod = {"name": "pod", "container": {"image": "i"}, "retryStrategy": {"limit": 2}}
    spec = {"entrypoint": "main", "templates": [{"name": "main", "dag": {"tasks": tasks}}, pod]}
    going = node("w", "main", kind="DAG", phase="Running", children=["w-1"])
    attempts = [] if hit else [node("w-10", "pod", name="a(0)", boundary="w", seconds=7.0)]
    whole = node(
        "w-1",
        "pod",
        kind="Retry",
        name="a",
        boundary="w",
        memo="memo-a",
        hit=hit,
        children=[one["id"] for one in attempts],
    )
    server.put("workflows", workflow("w", spec, [going, whole, *attempts], phase="Running"))
    data = {"memo-a": entry("w-1", used=1), "memo-b": entry("x-1", used=9_000)}
    server.put("configmaps", config_map(CACHE, data))
    found = evictor().evict(NAMESPACE, Nothing(), Limits(capacity=len(data["memo-a"]) + 50, settle=0.0))
    assert set(server.get("configmaps", NAMESPACE, CACHE)["data"]) == {"memo-a"}
    figures = {decision.key: dict(decision.figures) for decision in found.decisions}
    assert figures["memo-a"]["pending_consumers"] == 1
    assert figures["memo-a"].get("compute_seconds") == (None if hit else 7.0)
