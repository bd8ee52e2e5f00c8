"""KFP's backend accepts what we make of its pipelines, and makes the same of what was not changed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.test_sharing import pipeline
from adapters.subjects import KFP
from couler_plugins.api import convert, optimize
from couler_plugins.documents import read
from couler_plugins.sources import Text
from oracles.kfp_oracle import Answer, KfpOracle, build

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> KfpOracle:
    return build(tmp_path_factory.mktemp("kfp-oracle"))


@pytest.fixture(scope="module")
def files() -> list[Path]:
    return [path for path in KFP.files() if path.name != "manifest.yaml"]  # that is a Kubernetes object


@pytest.fixture(scope="module")
def originals(oracle: KfpOracle, files: list[Path]) -> list[Answer]:
    return oracle.compile([[document.data for document in KFP.read(path).documents] for path in files])


def compiled(oracle: KfpOracle, texts: Sequence[str | None]) -> list[Answer]:
    return oracle.compile([[document.data for document in read(text or "", "").documents] for text in texts])


def test_the_corpus_is_accepted(originals: list[Answer]) -> None:
    """All but what the backend cannot do; `test_bad_pipelines_are_refused` shows that it does refuse."""
    refused = [answer.error or "" for answer in originals if answer.error]
    assert len(originals) > 70
    assert all("artifact iterator not implemented" in error for error in refused), refused
    assert len(refused) < len(originals) / 20


def test_bad_pipelines_are_refused(oracle: KfpOracle, files: list[Path]) -> None:
    (spec, *_) = (document.data for document in KFP.read(files[0]).documents)

    def without(*keys: str) -> list[Any]:
        return [{key: content for key, content in spec.items() if key not in keys}]

    bad = [without("components"), without("pipelineInfo"), [{**spec, "unheard": "of"}]]
    assert [answer.workflow for answer in oracle.compile(bad)] == [None] * 3
    assert all(answer.error for answer in oracle.compile(bad))


def test_what_is_only_lifted_and_lowered_compiles_to_the_same(
    oracle: KfpOracle, files: list[Path], originals: list[Answer]
) -> None:
    result = convert([str(path) for path in files], "kfp")
    assert compiled(oracle, [file.text for file in result.files]) == originals


@pytest.mark.parametrize("optimizers", ["dedupe", "prune", "dedupe,prune"])
def test_what_is_optimized_is_accepted(
    oracle: KfpOracle, files: list[Path], originals: list[Answer], optimizers: str
) -> None:
    result = optimize([str(path) for path in files], optimizers)
    assert any(file.edits for file in result.files) or optimizers == "prune"
    for before, after in zip(originals, compiled(oracle, [file.text for file in result.files]), strict=True):
        assert after.error == before.error
        assert before.error or after.size <= before.size


def test_tasks_that_share_an_executor_run_as_they_did(oracle: KfpOracle, files: list[Path]) -> None:
    """All but the labels of executors, which the backend writes down and nobody reads, is equal."""
    texts = [path.read_text("utf-8") for path in files]
    texts += [pipeline(6), pipeline(6, platforms=(2, 4)), pipeline(6, platforms=(1, 2, 3, 4, 5, 6))]
    shared = [optimize(Text(text), "dedupe").text for text in texts]
    assert sum(text != before for text, before in zip(shared, texts, strict=True)) > 20
    before, after = (list(map(without_labels, compiled(oracle, these))) for these in (texts, shared))
    assert after == before


def without_labels(answer: Answer) -> Answer:
    if answer.workflow is None:
        return answer
    text = re.sub(r'\\"executorLabel\\":\\"[^"]*\\",?', "", json.dumps(answer.workflow))
    return Answer(json.loads(text), answer.error)
