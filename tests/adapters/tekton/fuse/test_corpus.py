"""Pipelines of Tekton's own examples: their chains do what their tasks did, and Tekton takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import TEKTON, each_file
from adapters.tekton.fuse.chains import fuse_all
from adapters.tekton.fuse.symbols import steps_of_chain, steps_of_tasks
from adapters.tekton.fuse.test_fusing import CHAIN, TWO
from adapters.tekton.test_extract import problems
from couler_plugins.documents import dump_yaml, read
from couler_plugins.inputs.sources import Text
from oracles.tekton_oracle import build

FUSED = "couler.io/fused-steps"


def pipelines(documents: list[Any]) -> list[dict[str, Any]]:
    specs = [item["spec"] for item in documents if item and item.get("kind") in ("Pipeline", "PipelineRun")]
    return [spec.get("pipelineSpec", spec) for spec in specs]


def differences(before: list[Any], after: list[Any]) -> int:
    """How many chains there are; each has the steps of its tasks."""
    tasks = {item["metadata"]["name"]: item["spec"] for item in before if item and item.get("kind") == "Task"}
    chains = 0
    for old, new in zip(pipelines(before), pipelines(after), strict=True):
        for task in new.get("tasks", ()):
            annotations = task.get("taskSpec", {}).get("metadata", {}).get("annotations", {})
            if FUSED not in annotations:
                continue
            names = annotations[FUSED].split(",")
            specs = {
                item["name"]: item.get("taskSpec") or tasks[item["taskRef"]["name"]]
                for item in old["tasks"]
                if item["name"] in names
            }
            results = [f"{name}.{item['name']}" for name in names for item in specs[name].get("results", ())]
            assert steps_of_chain(new, task["name"], results) == steps_of_tasks(old, tasks, names)
            chains += 1
    return chains


def data_of(text: str) -> list[Any]:
    return [item.data for item in read(text, "a.yaml").documents]


def test_a_chain_has_the_steps_of_its_tasks() -> None:
    for text in (CHAIN, TWO):
        assert differences(data_of(text), list(fuse_all(Text(text)).documents)) == 1


@pytest.mark.parametrize(("subject", "path"), each_file([TEKTON]))
def test_chains_of_examples_have_the_steps_of_their_tasks(subject: Any, path: Path) -> None:
    before = data_of(path.read_text())
    result = fuse_all(str(path), "tekton{api=alpha}")
    assert [file.error for file in result.files] == [None]
    after = [item for item in result.documents if item is not None]
    if differences(before, after):
        assert problems(after) <= problems(before)
        again = fuse_all(Text("---\n".join(map(dump_yaml, after))), "tekton{api=alpha}")
        assert not any(file.edits for file in again.files)


@pytest.mark.oracle
@pytest.mark.parametrize("level", ["beta", "alpha"])
def test_tekton_accepts_chains_of_what_it_accepts(tmp_path_factory: pytest.TempPathFactory, level: str) -> None:
    oracle = build(tmp_path_factory)
    texts = [CHAIN, TWO, *(path.read_text() for path in TEKTON.files())]
    before = oracle.judge((level, data_of(text)) for text in texts)
    results = [fuse_all(Text(text), f"tekton{{api={level}}}") for text in texts]
    after = oracle.judge((level, list(result.documents)) for result in results)
    assert sum(any(file.edits for file in result.files) for result in results) > 5
    for text, old, new in zip(texts, before, after, strict=True):
        assert any(old) or not any(new), (text, new)
