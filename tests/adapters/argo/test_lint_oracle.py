"""The lint agrees with Argo's own on what is refused; tests/oracles/ has the program that asks Argo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import pytest

from adapters.argo.lint_cases import CASES, GOOD
from adapters.argo.lint_disagreements import DISAGREEMENTS, RELEASE, Disagreement, errors, is_outside, refused
from adapters.argo.lint_mutations import KINDS, mutants
from adapters.argo.objects import Mapping, objects
from couler_argo.lint.lint import lint
from couler_argo.plugin import Options
from couler_plugins.documents import Document, Remark, read
from couler_plugins.ir.bundle import Bundle
from oracles.argo_oracle import Oracle, build
from support import SHARED

pytestmark = pytest.mark.oracle

NEWEST = "4.1"
"""The release that the corpus is of."""
CORPUS = SHARED / "corpus" / "argo"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="needs corpus/argo in the shared folder")
PLACES = 2
"""At how many places of a document each mutation is made."""

AT_RUN_TIME = {"half a depends": "depends-syntax", "reference to it, inside a text": "reference-order"}
"""Mutations that Argo lets through, and the warning that they get."""

LIBRARIES = ("WorkflowTemplate", "ClusterWorkflowTemplate")


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


def remarks(documents: Sequence[Any], version: str = RELEASE) -> list[Remark]:
    wrapped = tuple(Document("a.yaml", number, item, 1, "") for number, item in enumerate(documents))
    return list(lint(Bundle((), wrapped, (0,) * len(wrapped)), Options(version=version)))


@cache
def corpus() -> dict[str, list[Mapping]]:
    """The Argo objects of each file."""
    files = {path.name: read(path.read_bytes(), path.name) for path in sorted(CORPUS.rglob("*.yaml"))}
    return {
        name: [item for document in file.documents for item in objects(document.data)] for name, file in files.items()
    }


def _key(item: Mapping) -> tuple[str, str]:
    return item["kind"], str(item["metadata"].get("name"))


def _references(data: Any) -> Iterator[tuple[str, str]]:
    """The workflow templates that some data refers to."""
    if isinstance(data, dict):
        for key, content in data.items():
            if key in ("templateRef", "workflowTemplateRef") and isinstance(content, dict):
                yield LIBRARIES[bool(content.get("clusterScope"))], str(content.get("name"))
            yield from _references(content)
    elif isinstance(data, list):
        for content in data:
            yield from _references(content)


@cache
def _libraries() -> dict[tuple[str, str], Mapping]:
    return {_key(item): item for items in corpus().values() for item in items if item["kind"] in LIBRARIES}


def _beside(item: Mapping) -> list[Mapping]:
    """The workflow templates of the corpus that an object needs, and those that these need."""
    known = _libraries()
    found: dict[tuple[str, str], Mapping] = {}
    pending = [item]
    while pending:
        for key in _references(pending.pop()):
            if key in known and key not in found and key != _key(item):
                found[key] = known[key]
                pending.append(known[key])
    return list(found.values())


@needs_corpus
def test_files_of_the_corpus(oracle: Oracle) -> None:
    files = corpus()
    for name, verdicts in zip(files, oracle.judge(files.values()), strict=True):
        found = remarks(files[name])
        for number, verdict in enumerate(verdicts):
            if not is_outside(verdict, found, number):
                assert refused(verdict) is bool(errors(found, number)), (name, verdict, found)
        assert not [remark for remark in remarks(files[name], NEWEST) if remark.severity != "note"]


@needs_corpus
def test_all_of_the_corpus_at_once(oracle: Oracle) -> None:
    every = [item for items in corpus().values() for item in items]
    found = remarks(every)
    (verdicts,) = oracle.judge([every])
    for number, verdict in enumerate(verdicts):
        assert refused(verdict) is bool(errors(found, number)), (verdict, every[number])
    assert not remarks(every, NEWEST)


@needs_corpus
@pytest.mark.parametrize("kind", KINDS)
def test_broken_documents(oracle: Oracle, kind: str) -> None:
    items = [item for items in corpus().values() for item in items]
    calls = [[broken, *_beside(item)] for item in items for broken in mutants(KINDS[kind], item, PLACES)]
    seen: Counter[bool] = Counter()
    for call, verdicts in zip(calls, oracle.judge(calls), strict=True):
        found = remarks(call)
        if not is_outside(verdicts[0], found):
            assert refused(verdicts[0]) is bool(errors(found)), (kind, verdicts[0], found, call[0])
            seen[refused(verdicts[0])] += 1
            if kind in AT_RUN_TIME and not refused(verdicts[0]):
                assert AT_RUN_TIME[kind] in [remark.code for remark in found]
    assert seen[True] or kind in AT_RUN_TIME
    assert len(calls) > 1


@needs_corpus
@pytest.mark.parametrize("kind", KINDS)
def test_callers_of_broken_workflow_templates(oracle: Oracle, kind: str) -> None:
    items = [item for items in corpus().values() for item in items]
    libraries = _libraries()
    calls = [
        [caller, broken, *(other for other in _beside(caller) if _key(other) != key)]
        for caller in items
        for key in sorted(set(_references(caller)))
        if key in libraries
        for broken in mutants(KINDS[kind], libraries[key], PLACES)
    ]
    for call, verdicts in zip(calls, oracle.judge(calls), strict=True):
        found = remarks(call)
        for number in (0, 1):
            if not is_outside(verdicts[number], found, number):
                assert refused(verdicts[number]) is bool(errors(found, number)), (kind, verdicts[number], found, call)


@pytest.mark.parametrize("name", [*CASES, *GOOD])
def test_the_cases_of_our_own_tests(oracle: Oracle, name: str) -> None:
    documents = [document.data for document in read({**CASES, **GOOD}[name], "a.yaml").documents]
    every = [item for document in documents for item in objects(document)]
    found = remarks(every)
    # Where a name is there twice, Argo's linter takes the last one, and ours none.
    several = {"ambiguous-reference", "duplicate-library"} & {remark.code for remark in found}
    for number, verdict in enumerate(oracle.judge([every])[0]):
        if not is_outside(verdict, found, number) and not several:
            assert refused(verdict) is bool(errors(found, number)), (verdict, found)


def test_the_cases_of_argos_own_tests(oracle: Oracle) -> None:
    cases = oracle.cases()
    assert len(cases) > 100
    calls = [case.call(lint=True) for case in cases]
    for case, call, verdicts in zip(cases, calls, oracle.judge(calls), strict=True):
        found = remarks([{"apiVersion": "argoproj.io/v1alpha1", **item} for item in call.documents])
        if not is_outside(verdicts[0], found):
            assert refused(verdicts[0]) is bool(errors(found)), (case.name, verdicts[0], found)
        (own, *_) = oracle.judge([case.call()])[0] if not case.lint else verdicts
        if refused(own) and not refused(verdicts[0]):  # to be run at once, it would need values
            assert (own.error or "").startswith("spec.arguments.")
            codes = [remark.code for remark in found]
            assert codes == (["missing-value"] if case.kind == "Workflow" else [])


@pytest.mark.parametrize("disagreement", DISAGREEMENTS, ids=lambda disagreement: disagreement.subject)
def test_disagreements_are_still_there(oracle: Oracle, disagreement: Disagreement) -> None:
    documents = [read(text, "a.yaml").documents[0].data for text in disagreement.documents]
    verdict = oracle.judge([documents])[0][0]
    assert disagreement.argo == ("refuses" if refused(verdict) else "accepts")
    assert tuple((remark.severity, remark.code) for remark in remarks(documents)) == disagreement.codes
