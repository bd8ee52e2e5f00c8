"""Wrapped commands in real workflows: valid, up to date for lint, made once, and without a trace afterwards."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from adapters.argo.caching.corpus import declared, files, optimized
from adapters.argo.crd import violations
from couler_plugins.api import lint
from oracles.argo_oracle import build
from support import at_least

pytestmark = pytest.mark.sampled

WRAPPER = "cache{via=both,store=s3://bucket/cache,image=registry/couler:1,secret=s3,assume-pure=true}"
MEMOIZED = "cache{assume-pure=true,via=memoize}"
TRACES = ("couler-restore", "couler-save", "/couler", '"couler-cache"')


def unbounded(document: Any) -> Any:
    """A document made easy to cache, but for that nothing bounds what its templates give."""
    document = declared(document)
    spec = (document or {}).get("spec") or {}
    for template in spec.get("workflowSpec", spec).get("templates") or ():
        del template["metadata"]["annotations"]["couler.io/max-output-bytes"]
        for key in ("container", "script"):
            if isinstance(template.get(key), dict):
                template[key].setdefault("command", ["run"])
    return document


@cache
def wrapped() -> dict[str, tuple[list[Any], list[Any]]]:
    """The files of the corpus in which something is wrapped: before and after."""
    found = {}
    for name, documents in files().items():
        before = [unbounded(document) for document in documents]
        after = list(optimized(before, WRAPPER).documents)
        if "couler-restore" in json.dumps(after):
            found[name] = before, after
    return found


def test_there_are_enough() -> None:
    assert len(wrapped()) > at_least(8, 28)


def test_the_schema_has_nothing_against_them() -> None:
    for name, (before, after) in wrapped().items():
        for one, other in zip(before, after, strict=True):
            assert violations(other) == violations(one), name


@pytest.mark.oracle
def test_argo_says_nothing_new(tmp_path_factory: pytest.TempPathFactory) -> None:
    oracle = build(tmp_path_factory)
    before, after = zip(*wrapped().values(), strict=True)
    for olds, news in zip(oracle.judge(list(before)), oracle.judge(list(after)), strict=True):
        for old, new in zip(olds, news, strict=True):
            assert new.complaint == old.complaint or (new.accepted and old.accepted)


def test_lint_has_nothing_against_them_that_it_had_not_before() -> None:
    for name, (before, after) in wrapped().items():
        codes = [{item.code for item in lint(copy.deepcopy(documents)).findings} for documents in (before, after)]
        assert codes[1] <= codes[0], name


def test_they_are_wrapped_once() -> None:
    for name, (_, after) in wrapped().items():
        again = optimized(after, WRAPPER)
        assert not again.changed, name


def test_they_go_without_a_trace() -> None:
    """A private copy stays one, so documents may differ in which of two is the copy: what caching made is compared."""
    for name, (before, after) in wrapped().items():
        without, never = optimized(after, MEMOIZED), optimized(before, MEMOIZED)
        text = json.dumps(list(without.documents))
        assert not any(trace in text for trace in TRACES), name
        assert _keys(without.documents) == _keys(never.documents), name
        assert not optimized(without.documents, MEMOIZED).changed, name


def test_no_command_of_anybody_else_knows_the_secret() -> None:
    for name, (_, after) in wrapped().items():
        for template in (item for document in after for item in _templates(document)):
            ours = [*template.get("initContainers", ()), *template.get("sidecars", ())]
            named = [one for one in ours if one["name"] in ("couler-restore", "couler-save")]
            rest = {key: part for key, part in template.items() if key not in ("initContainers", "sidecars")}
            assert len(named) in (0, 2), name
            assert "secretRef" not in json.dumps(rest) or "secretRef" in json.dumps(files()[name])


def _templates(document: Any) -> list[dict[str, Any]]:
    spec = (document or {}).get("spec") or {}
    return [item for item in spec.get("workflowSpec", spec).get("templates") or () if isinstance(item, dict)]


def _keys(documents: Sequence[Any]) -> list[str]:
    """The keys of memoized templates, each once."""
    memoized = [item["memoize"] for document in documents for item in _templates(document) if "memoize" in item]
    return sorted({json.dumps(memoize) for memoize in memoized})
