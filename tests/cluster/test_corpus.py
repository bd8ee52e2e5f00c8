"""Examples of Argo, of Tekton and our own, run as they are and as passes make them: what they do must be equal."""

from __future__ import annotations

import fcntl
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.api import Api
from cluster.cluster import Cluster
from cluster.corpus.examples import examples, left_out, localized, own_examples
from cluster.corpus.observing import STORE, Observed, differences, facts, hits, observed
from cluster.corpus.passes import PASSES, changed, declared
from cluster.corpus.records import keep
from couler_plugins.errors import CoulerError
from support import SHARED

SAMPLE = [
    ("argo", "memoize", "own/declared.yaml"),
    ("argo", "split", "own/dag-diamond.yaml"),
    ("argo", "default-retry", "own/parameters.yaml"),
    ("argo", "dedupe", "own/map-reduce.yaml"),
    ("tekton", "extract", "own/step-results.yaml"),
    ("tekton", "retries", "own/context.yaml"),
    ("tekton", "split into ones", "own/results.yaml"),
    ("tekton", "extract", "own/results.yaml"),
]
"""A few that every run of the cluster's tests has."""
RUNS = 4
"""How often what caches is run at most."""


def all_examples() -> Iterator[Any]:
    for engine, passes in PASSES.items():
        found = {**examples(engine), **own_examples(engine)}
        names = [name for name, path in found.items() if not left_out(engine, name, path)]
        # One example after the other: who comes first runs it as it is, for all passes.
        for example in names:
            for name in passes:
                marks = pytest.mark.cluster_long
                yield pytest.param(engine, name, example, id=f"{engine}-{name}-{example}", marks=marks)


@pytest.fixture(scope="session")
def api(cluster: Cluster) -> Api:
    return cluster.api


@pytest.fixture(scope="session")
def debian(cluster: Cluster) -> str:
    """The name of the image that stands in for most others."""
    return cluster.image("debian")


@pytest.fixture(scope="session")
def couler(cluster: Cluster) -> str:
    """The name of the image with `couler` in it."""
    return cluster.image("couler")


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers share, for runs of examples as they are."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "corpus-runs"
    folder.mkdir(exist_ok=True)
    return folder


def run_before(cluster: Cluster, api: Api, runs: Path, engine: str, example: str, number: int = 0) -> Observed:
    """What the example does as it is: run once in a session, or once more for each number."""
    kept = runs / f"{engine}-{example}-{number}.json".replace("/", "_")
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            path = {**examples(engine), **own_examples(engine)}[example]
            kept.write_text(json.dumps(run(cluster, api, engine, localized(engine, example, path))[0]))
    found: Observed = json.loads(kept.read_text())
    return found


def run(
    cluster: Cluster, api: Api, engine: str, documents: Any, *, caches: bool = False, driven: bool = False
) -> list[Observed]:
    """What documents do, in a namespace of their own: with a cache, until a run has found what one before it has kept.

    A wrapper gives the container that keeps a result ten seconds to start, which is not much on a node that is loaded.
    """
    namespace = f"corpus-{uuid.uuid4().hex[:8]}"
    cluster.add_namespace(namespace)
    api.create(namespace, STORE)
    try:
        found = [observed(cluster, api, engine, namespace, documents, driven=driven)]
        while caches and not hits(found[-1]) and len(found) < RUNS:
            found.append(observed(cluster, api, engine, namespace, documents, driven=driven))
        return found
    finally:
        api.remove_namespace(namespace)


@pytest.mark.skipif(not (SHARED / "corpus").is_dir(), reason="needs corpus in the shared folder")
@pytest.mark.parametrize(("engine", "name", "example"), list(all_examples()))
def test_an_example_does_the_same(request: pytest.FixtureRequest, engine: str, name: str, example: str) -> None:
    if not does_the_same(request, engine, name, example):
        pytest.skip("the pass leaves it as it is")


@pytest.mark.parametrize(("engine", "name", "example"), SAMPLE)
def test_an_example_of_ours_does_the_same(request: pytest.FixtureRequest, engine: str, name: str, example: str) -> None:
    assert does_the_same(request, engine, name, example), "the pass has to change it"


def does_the_same(request: pytest.FixtureRequest, engine: str, name: str, example: str) -> bool:
    """Whether the pass changes the example; what it makes of it must do the same."""
    cluster, api, runs, _ = map(request.getfixturevalue, ("cluster", "api", "runs", "debian"))
    image = request.getfixturevalue("couler") if name == "wrapper" else ""
    wanted = PASSES[engine][name]
    path = {**examples(engine), **own_examples(engine)}[example]
    version = f"v{uuid.uuid4().hex[:8]}"  # no number, whatever the digits
    documents = localized(engine, example, path)
    if wanted.caches:
        documents = declared(engine, name, documents, version)
    try:
        made = changed(engine, name, documents, image=image, store=f"cache-{version}")
    except CoulerError as error:
        keep(engine, name, example, outcome="refused", why=str(error))
        pytest.skip(f"the pass refuses it: {error}")
    if made is None:
        keep(engine, name, example, outcome="unchanged")
        return False
    if wanted.caches and engine == "argo":
        request.getfixturevalue("memoizing")
    before = run_before(cluster, api, runs, engine, example)
    found = run(cluster, api, engine, made.documents, caches=wanted.caches, driven=wanted.driven)
    told = [line for after in found for line in differences(before, after)]
    if told:
        # What two runs of the original do not share is the example's own choice.
        again = facts(run_before(cluster, api, runs, engine, example, 1))
        varying = [fact for fact, value in facts(before).items() if again.get(fact) != value]
        told = [line for after in found for line in differences(before, after, varying)]
    if wanted.caches and not hits(found[-1]):
        told.append("nothing was reused")
    outcome = "differs" if told else "equal"
    detail = {"phase": before["phase"], "steps": len(before["steps"]), "hits": hits(found[-1]), "runs": len(found)}
    keep(engine, name, example, outcome=outcome, differences=told, text=made.text if told else "", **detail)
    assert told == []
    return True
