"""The lint agrees with Tekton's own webhook on what is refused; tests/oracles/ has the program that asks Tekton."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest

from adapters.tekton.counts import objects
from adapters.tekton.lint_cases import CASES, GOOD
from adapters.tekton.lint_mutations import KINDS, broken_at_random, mutants
from adapters.tekton.older import for_v1beta1
from couler_plugins.documents import Document, Remark, read
from couler_plugins.ir.bundle import Bundle
from couler_tekton.feature_gates import LEVELS
from couler_tekton.lint.lint import lint
from couler_tekton.plugin import Options
from oracles.tekton_oracle import Oracle, build
from support import SHARED

pytestmark = pytest.mark.oracle

CORPUS = SHARED / "corpus" / "tekton"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="needs corpus/tekton in the shared folder")
PLACES = 2
"""At how many places of a document each mutation is made."""
MOST = 6
"""How many documents are broken in each way."""
HARMLESS = {"a custom task", "onError", "no type, no default and no properties", "nothing that is passed"}
"""Mutations that are accepted, wherever they are made or nearly so."""
LATER = {
    "a negative number of retries",
    "a sidecar without an image",
    "a sidecar with a script and a command",
    "results of a step, and a template",
    "params of a step, and a template",
}
"""Mutations that v1beta1 accepts."""
INVALID = {"pipelineruns/no-ci/compressed-results-pipeline.yaml"}
"""An example that Tekton refuses itself."""


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


def remarks(documents: Sequence[Any], level: Any) -> list[Remark]:
    wrapped = tuple(Document("a.yaml", number, item, 1, "") for number, item in enumerate(documents))
    return list(lint(Bundle((), wrapped, (0,) * len(wrapped)), Options(api=level)))


def errors(found: Sequence[Remark], document: int = 0) -> list[Remark]:
    return [remark for remark in found if remark.document == document and remark.severity == "error"]


@cache
def corpus() -> dict[str, list[Any]]:
    """The documents of each file."""
    paths = sorted(CORPUS.rglob("*.yaml"))
    files = {path.relative_to(CORPUS).as_posix(): read(path.read_bytes(), path.name) for path in paths}
    return {name: [document.data for document in file.documents] for name, file in files.items()}


def as_they_are(item: Any) -> Any:
    return item


every_version = pytest.mark.parametrize("written", [as_they_are, for_v1beta1], ids=["v1", "v1beta1"])


@needs_corpus
@every_version
@pytest.mark.parametrize("level", LEVELS)
def test_files_of_the_corpus(oracle: Oracle, level: str, written: Callable[[Any], Any]) -> None:
    files = {
        name: [written(item) if any(objects(item)) else item for item in documents]
        for name, documents in corpus().items()
    }
    seen: Counter[bool] = Counter()
    verdicts = oracle.judge([(level, documents) for documents in files.values()])
    for (name, documents), judged in zip(files.items(), verdicts, strict=True):
        found = remarks(documents, level)
        for number, verdict in enumerate(judged):
            assert bool(verdict) is bool(errors(found, number)), (name, number, verdict, found)
            seen[bool(verdict)] += 1
        folder = "alpha" if "/alpha/" in name else "beta"
        if level == folder and name not in INVALID:
            assert not any(judged), (name, judged)
    assert seen[True]
    assert seen[False]


@needs_corpus
@every_version
@pytest.mark.parametrize("kind", KINDS)
def test_broken_documents(oracle: Oracle, kind: str, written: Callable[[Any], Any]) -> None:
    items = [item for documents in corpus().values() for document in documents for item in objects(document)]
    able = [item for item in items if any(True for _ in KINDS[kind](item))]
    chosen = able[:: -(-len(able) // MOST)]
    broken = [written(one) for item in chosen for one in mutants(KINDS[kind], item, PLACES)]
    cases = [(level, [one]) for one in broken for level in ("beta", "alpha")]
    seen: Counter[bool] = Counter()
    for (level, documents), (verdict,) in zip(cases, oracle.judge(cases), strict=True):
        found = errors(remarks(documents, level))
        if "cel expression" not in verdict:  # only Tekton's own compiler looks into these
            assert bool(verdict) is bool(found), (kind, level, verdict, found, documents[0])
        seen[bool(verdict)] += 1
    assert seen[True] or kind in HARMLESS or (kind in LATER and written is for_v1beta1)


@needs_corpus
@every_version
@pytest.mark.parametrize("level", LEVELS)
def test_documents_broken_at_random(oracle: Oracle, level: str, written: Callable[[Any], Any]) -> None:
    """What is left out is in structures of Kubernetes' own, which the lint does not look into, and in CEL."""
    items = [item for documents in corpus().values() for document in documents for item in objects(document)]
    broken = list(map(written, broken_at_random(items, 400, random.Random(level))))
    seen: Counter[bool] = Counter()
    for document, (verdict,) in zip(broken, oracle.judge([(level, [one]) for one in broken]), strict=True):
        found = errors(remarks([document], level))
        if (not found and verdict.startswith("decoding: ")) or "cel expression" in verdict:
            continue
        assert bool(verdict) is bool(found), (verdict, found, document)
        seen[bool(verdict)] += 1
    assert min(seen[True], seen[False]) > 50


@pytest.mark.parametrize("level", LEVELS)
def test_the_cases_of_our_own_tests(oracle: Oracle, level: str) -> None:
    texts = {**CASES, **GOOD}
    cases = [[document.data for document in read(text, "a.yaml").documents] for text in texts.values()]
    for name, documents, verdicts in zip(texts, cases, oracle.judge([(level, one) for one in cases]), strict=True):
        found = remarks(documents, level)
        for number, verdict in enumerate(verdicts):
            assert bool(verdict) is bool(errors(found, number)), (name, verdict, found)
