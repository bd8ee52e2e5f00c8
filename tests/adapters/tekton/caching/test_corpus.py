"""`cache` over the corpus: what it emits passes the lint, the CRDs and Tekton's own webhook, and twice is once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import TEKTON, each_file
from adapters.tekton.caching.tasks import BASE, PIPELINE, cached, documents
from adapters.tekton.counts import objects
from couler_plugins.documents import MAX_BYTES, Document, dump_yaml, read
from couler_plugins.engine_kit.crd import Schemas, check, load_schemas
from couler_plugins.ir.bundle import Bundle
from couler_tekton.cache.wrapping import RESTORE
from couler_tekton.lint.lint import lint
from couler_tekton.plugin import Options
from oracles.tekton_oracle import build
from support import SHARED, at_least, where_shared

pytestmark = pytest.mark.sampled

S3 = "cache{assume-pure=true,via=wrapper,store=s3://bucket/cache,image=registry.example.org/couler-cache:1,secret=s3}"
API = "tekton{api=alpha}"


@cache
def schemas() -> Schemas:
    return load_schemas(str(SHARED / "schemas/tekton"), MAX_BYTES)


def bounded(path: Path) -> str:
    """A file of the corpus whose owner says that results are small, and that Tasks are pure and have a version."""
    found = [document.data for document in read(path.read_bytes(), path.name).documents]
    for data in found:
        for item in objects(data):
            annotations = item.setdefault("metadata", {}).setdefault("annotations", {})
            annotations["couler.io/max-output-bytes"] = "64"
            if item["kind"] == "Task":
                annotations |= {"couler.io/cache": "pure", "couler.io/cache-version": "1"}
            for task in embedded(item):
                task.setdefault("metadata", {}).setdefault("annotations", {})["couler.io/cache-version"] = "1"
    return "---\n".join(map(dump_yaml, filter(None, found)))


def embedded(data: Any) -> Iterator[Any]:
    """The task specs that tasks of pipelines hold."""
    if isinstance(data, dict):
        for key, item in data.items():
            if key in ("tasks", "finally") and isinstance(item, list):
                yield from (one["taskSpec"] for one in item if "steps" in (one.get("taskSpec") or {}))
            yield from embedded(item)
    elif isinstance(data, list):
        for item in data:
            yield from embedded(item)


def wrapped(data: Any) -> Iterator[Any]:
    """The task specs that look their results up."""
    if isinstance(data, dict):
        steps = data.get("steps")
        if isinstance(steps, list) and steps and steps[0].get("name") == RESTORE:
            yield data
        for item in data.values():
            yield from wrapped(item)
    elif isinstance(data, list):
        for item in data:
            yield from wrapped(item)


def remarks(found: list[Any]) -> set[str]:
    each = tuple(Document("a.yaml", number, item, 1, "") for number, item in enumerate(found))
    return {
        f"{one.code}"
        for one in lint(Bundle((), each, (0,) * len(each)), Options(api="alpha"))
        if one.severity != "note"
    }


@pytest.mark.parametrize(("subject", "path"), each_file([TEKTON]))
def test_results_pass_the_lint_and_are_left_alone_the_second_time(subject: Any, path: Path) -> None:
    text = bounded(path)
    result = cached(text, S3, API)
    assert [file.error for file in result.files] == [None]
    found = documents(result)
    before = remarks([document.data for document in read(text, "a.yaml").documents])
    assert remarks(found) <= before
    again = cached("---\n".join(map(dump_yaml, found)), S3, API)
    assert not again.added_documents
    assert not any(file.edits for file in again.files)
    bare = cached("---\n".join(map(dump_yaml, found)), "cache", API)
    assert not list(wrapped([item for item in documents(bare) if "couler.io/cached-from" not in dump_yaml(item)]))


@pytest.mark.parametrize(("subject", "path"), where_shared("schemas/tekton", each_file([TEKTON])))
def test_results_pass_the_schemas(subject: Any, path: Path) -> None:
    """All but for the names of steps: the webhook adds them, before the API server looks."""
    found = documents(cached(bounded(path), S3, API))
    each = [Document("a.yaml", number, item, 1, "") for number, item in enumerate(found)]
    problems = [one for one in check(each, schemas()) if one.path[-2:-1] != ("steps",) or "'name'" not in one.message]
    assert not problems


def test_every_task_has_a_decision_and_some_are_cached() -> None:
    rules: Counter[str] = Counter()
    for path in TEKTON.files():
        result = cached(bounded(path), S3, API)
        decisions = [one for file in result.files for one in file.decisions]
        for one in decisions:
            rule = dict(one.figures).get("rule", "")
            assert one.verdict == "cached" or bool(rule) is (one.action == ""), one
            rules[str(rule) or one.action] += 1
        found = documents(result)
        made = sum(1 for one in decisions if one.action == "cache")
        assert bool(made) is bool(list(wrapped(found)))
    assert rules["cache"] > at_least(5, 25), rules


@pytest.mark.oracle
@pytest.mark.parametrize("level", ["stable", "beta", "alpha"])
def test_tekton_accepts_whatever_it_accepted_before(tmp_path_factory: pytest.TempPathFactory, level: str) -> None:
    oracle = build(tmp_path_factory)
    seen = 0
    texts = [BASE, PIPELINE, *map(bounded, TEKTON.files())]
    sides = (
        [(level, [one.data for one in read(text, "a.yaml").documents]) for text in texts],
        [(level, documents(cached(text, S3, API))) for text in texts],
    )
    assert all(list(wrapped(found)) for _, found in sides[1][:2])
    before, after = (oracle.judge(side) for side in sides)
    for old, new, (_, found) in zip(before, after, sides[1], strict=True):
        refused = {verdict for verdict in old if verdict}
        if not refused:
            assert not any(new), new
            seen += len(list(wrapped(found)))
    assert seen > 20
