"""Splitting pipelines of Tekton: into what, what holds together, what is refused, and that it does the same."""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.tekton.split.generating import TRAIN, chain, random_run, train
from adapters.tekton.split.interpreter import run_document
from adapters.tekton.split.runs import differences, objects_of, runs_in, split, splitting
from couler_plugins.api import Text, lift, optimize
from couler_plugins.documents import MAX_BYTES, Document, read
from couler_plugins.driver.session import originals_in, session
from couler_plugins.engine_kit.crd import Schemas, check, load_schemas
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.inputs.sources import read_source
from couler_plugins.ir.bundle import Bundle
from couler_plugins.options.config import load_config
from couler_tekton.lint.lint import lint
from support import SHARED, corpus_files, examples

pytestmark = pytest.mark.sampled

each_document = pytest.mark.parametrize(
    "path", [item for item in corpus_files("tekton") if item.id.startswith(("own/", "pipelineruns/"))]
)


@cache
def schemas() -> Schemas:
    return load_schemas(str(SHARED / "schemas/tekton"), MAX_BYTES)


def documents_of(path: Path) -> list[Any]:
    return [item.data for item in read(path.read_bytes(), path.name).documents if item.data is not None]


def wrapped(documents: list[Any]) -> Bundle:
    found = tuple(Document("a.yaml", number, item, 1, "") for number, item in enumerate(documents))
    return Bundle((), found, (0,) * len(found))


def errors(documents: list[Any]) -> list[str]:
    """What our lint and the schemas of the CRDs say against documents."""
    said = [str(remark) for remark in lint(wrapped(documents)) if remark.severity == "error"]
    if (SHARED / "schemas/tekton").is_dir():
        said += map(str, check(wrapped(documents).documents, schemas()))
    return said


def cut_most(documents: list[Any]) -> list[Any] | None:
    """The documents cut as far as they can be; None where there is nothing to cut."""
    for steps in range(1, 30):
        try:
            after = split(documents, f"max-steps={steps}")
        except InvalidInput:  # some have to stay together
            continue
        return None if after == documents else after
    return None


@each_document
def test_what_the_corpus_computes_is_what_its_parts_compute(path: Path) -> None:
    documents = documents_of(path)
    try:
        after = cut_most(documents)
    except Unsupported:
        return
    if after is not None:
        assert differences(documents, after) == []
        if not errors(documents):
            assert errors(after) == []


@settings(max_examples=examples(40), deadline=None)
@given(seed=st.integers(0, 10**5))
def test_what_a_random_pipeline_computes_is_what_its_parts_compute(seed: int) -> None:
    documents = random_run(seed)
    assert errors(documents) == []
    try:
        after = cut_most(documents)
    except Unsupported:
        return
    if after is None:
        return
    assert differences(documents, after) == []
    assert errors(after) == []
    tasks = list(run_document(documents, runs_in(documents)[0]).tasks)
    for failing in tasks:
        assert differences(documents, after, frozenset({failing})) == []


def test_most_random_pipelines_are_cut() -> None:
    """What is not refused is enough of a test."""
    cut = 0
    for seed in range(40):
        with contextlib.suppress(Unsupported):
            cut += cut_most(random_run(seed)) is not None
    assert cut >= 15


def test_each_part_is_a_pipeline_and_the_rest_says_how_they_hang_together() -> None:
    documents = split(train(), "max-steps=2")
    (run,) = objects_of(documents, "PipelineRun")
    parts = {item["metadata"]["name"]: item["spec"] for item in objects_of(documents, "Pipeline")}
    assert list(parts) == ["train-part-1", "train-part-2", "train-finally", "train-finally-2"]
    spec = run["spec"]["pipelineSpec"]
    assert [task["taskRef"]["name"] for task in [*spec["tasks"], *spec["finally"]]] == list(parts)
    second = spec["tasks"][1]
    assert second["runAfter"] == ["part-1"]
    assert {"name": "clean-o", "value": "$(tasks.part-1.results.clean-o[*])"} in second["params"]
    declared = {item["name"]: item for item in parts["train-part-2"]["params"]}
    assert declared["clean-o"] == {"name": "clean-o", "type": "object", "properties": {"a": {}, "b": {}}}
    assert {"name": "clean-o", "type": "object", "value": "$(tasks.clean.results.o[*])"} in parts["train-part-1"][
        "results"
    ]
    assert {item["name"]: item["value"] for item in spec["tasks"][0]["params"]} == {
        "loose": "$(params.loose)",
        "pipelinerun-name": "$(context.pipelineRun.name)",
        "rows": "$(params.rows)",
    }
    assert [item["name"] for item in parts["train-part-1"]["workspaces"]] == ["data"]
    assert "workspaces" not in parts["train-part-2"]
    assert spec["results"][1] == {"name": "said", "value": "$(finally.finally.results.tell-said)"}
    assert errors(documents) == []


def test_each_task_is_as_it_was_but_for_what_crosses() -> None:
    documents = split(train(), "max-steps=2")
    after = [task for item in objects_of(documents, "Pipeline") for task in item["spec"]["tasks"]]
    before = train()[0]["spec"]["pipelineSpec"]
    for old in [*before["tasks"], *before["finally"]]:
        (new,) = (task for task in after if task["name"] == old["name"])
        kept = {key: content for key, content in old.items() if key not in ("params", "runAfter", "taskSpec")}
        assert {key: new.get(key) for key in kept} == kept


def test_too_many_bytes_become_parts_that_are_small_enough() -> None:
    result = optimize([chain(40, "x" * 3000)], splitting("max-bytes=60kB"))
    figures: list[Any] = [dict(item.figures) for item in result.decisions if item.action == "make a part"]
    assert len(figures) > 2
    for part in figures:
        assert part["bytes"] <= part["estimated bytes"] <= 60_000


def test_what_was_split_is_read_as_the_plan_that_was_written() -> None:
    result = optimize(train(), splitting("max-steps=2"))
    again = lift(list(result.documents))
    assert again.parts == result.parts
    assert {(link.producer, link.output, link.consumer) for link in again.links} == {
        ("train-part-1", "clean-o", "train-part-2"),
        ("train-part-1", "fetch-key", "train-finally-2"),
    }


def test_splitting_again_changes_nothing() -> None:
    documents = split(train(), "max-steps=2")
    again = optimize(documents, splitting("max-steps=2"))
    assert not again.changed
    assert again.decisions == ()


def test_lowering_what_was_lifted_gives_the_same_documents() -> None:
    documents = split(train(), "max-steps=2")
    assert list(optimize(documents, []).documents) == documents


def test_the_original_can_be_had_again() -> None:
    result = optimize(Text(TRAIN, "train.yaml"), splitting("max-steps=2"))
    config = load_config()
    kept = originals_in(read_source(list(result.documents), config.max_bytes), session(config))
    assert kept == {"train.yaml": TRAIN}


def test_a_run_that_refers_to_its_pipeline_stays_as_it_is() -> None:
    (whole,) = train()
    pipeline: dict[str, Any] = {"apiVersion": "tekton.dev/v1", "kind": "Pipeline", "metadata": {"name": "train"}}
    pipeline["spec"] = whole["spec"].pop("pipelineSpec")
    pipeline["spec"]["params"].append({"name": "loose"})
    whole["spec"]["pipelineRef"] = {"name": "train"}
    after = split([pipeline, whole], "max-steps=2")
    assert objects_of(after, "PipelineRun") == [whole]
    assert differences([pipeline, whole], after) == []


def test_what_is_extracted_first_is_cut_at_arrays_and_objects_as_well() -> None:
    """A Task that an optimizer has just made tells the types of its results."""
    result = optimize(train(), f"extract,{splitting('max-steps=1')}")
    parts = {item["metadata"]["name"]: item["spec"] for item in objects_of(list(result.documents), "Pipeline")}
    given = {item["name"]: item for part in parts.values() for item in part["params"]}
    assert given["clean-o"]["type"] == "object"
    assert given["fetch-list"]["type"] == "array"
    ran = run_document(list(result.documents), runs_in(list(result.documents))[0])
    whole = run_document(train(), train()[0])
    assert {name: what["params"].keys() for name, what in ran.tasks.items()} == {
        name: what["params"].keys() for name, what in whole.tasks.items()
    }
    assert (ran.status, ran.mistakes) == ("Succeeded", [])
    assert [remark for remark in lint(wrapped(list(result.documents))) if remark.severity == "error"] == []


def changed(change: Callable[[Any], object]) -> list[Any]:
    documents = train()
    change(documents[0])
    return documents


def tasks(run: Any) -> dict[str, Any]:
    spec = run["spec"]["pipelineSpec"]
    return {task["name"]: task for task in [*spec["tasks"], *spec["finally"]]}


def reads(task: str, value: str) -> Callable[[Any], object]:
    return lambda run: tasks(run)[task]["params"].append({"name": "more", "value": value})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (reads("tell", "$(tasks.fit.status)"), "'tell', which runs at the end, reads how 'fit' ended"),
        (reads("tell", "$(context.pipelineRun.uid)"), "'tell' reads the uid of the run"),
        (lambda run: run.update(metadata={"name": "n" * 60}), "and Tekton takes 63 characters"),
        (lambda run: run.update(metadata={}), "it has no name, after which its parts could be called"),
        (lambda run: run.update(apiVersion="tekton.dev/v1beta1"), "it is written for an older API version"),
        (
            lambda run: tasks(run)["fit"].update(when=[{"input": "a", "operator": "in", "values": ["a"]}]),
            "may be skipped",
        ),
        (reads("tidy", "$(tasks.fetch.outputs.model.uri)"), "an artifact of 'fetch' is known to its own run only"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_what_cannot_be_cut_is_refused(change: Callable[[Any], object], reason: str) -> None:
    with pytest.raises(Unsupported, match=re.escape(reason)):
        split(changed(change), "max-steps=2")


def test_what_only_some_clusters_take_stays_where_it_was_written() -> None:
    """It was there before: nobody has to be asked whether the cluster takes it."""
    documents = changed(lambda run: tasks(run)["fit"]["taskSpec"]["steps"][0].update(stdoutConfig={"path": "/tmp/out"}))
    assert differences(documents, split(documents, "max-steps=2")) == []


def matrix(run: Any) -> None:
    tasks(run)["fetch"]["matrix"] = {"params": [{"name": "rows", "value": ["1", "2"]}]}
    tasks(run)["fetch"]["params"] = []
    tasks(run)["tidy"]["params"][0]["value"] = "k"


def elsewhere(run: Any) -> None:
    task = tasks(run)["fetch"]
    task["taskRef"] = {"name": "elsewhere"}
    del task["taskSpec"]
    del tasks(run)["clean"]["params"][1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (matrix, "'list' of 'fetch' is gathered from its matrix"),
        (elsewhere, "'list' of 'fetch' is of a type that only its Task tells, which is not here"),
    ],
)
def test_what_holds_together_is_not_cut(change: Callable[[Any], object], reason: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(reason)):
        split(changed(change), "max-steps=1")
    result = optimize(changed(change), splitting("max-steps=2"))
    assert any(reason in decision.reason for decision in result.decisions)
    assert differences(changed(change), list(result.documents)) == []


BROKEN: dict[str, Callable[[dict[str, Any]], object]] = {
    "a value is not passed": lambda by: by["train"]["spec"]["pipelineSpec"]["tasks"][1]["params"].pop(),
    "another value is passed": lambda by: by["train"]["spec"]["pipelineSpec"]["tasks"][1]["params"][1].update(
        value="8"
    ),
    "a task is left out": lambda by: by["train-part-1"]["spec"]["tasks"].pop(0),
    "a task is there twice": lambda by: by["train-part-2"]["spec"]["tasks"].insert(
        0, by["train-part-1"]["spec"]["tasks"][0]
    ),
    "a part is left out": lambda by: by["train"]["spec"]["pipelineSpec"]["tasks"].pop(),
    "a result is not handed out": lambda by: by["train-part-1"]["spec"]["results"].pop(0),
    "a result of another task is handed out": lambda by: by["train-part-2"]["spec"]["results"][0].update(value="x"),
    "what runs at the end is left out": lambda by: by["train"]["spec"]["pipelineSpec"]["finally"].pop(),
    "the status is frozen": lambda by: by["train"]["spec"]["pipelineSpec"]["finally"][0]["params"][0].update(
        value="Failed"
    ),
    "the name is that of the part": lambda by: by["train"]["spec"]["pipelineSpec"]["tasks"][0]["params"][1].update(
        value="train-part-1"
    ),
    "a workspace is not passed": lambda by: by["train"]["spec"]["pipelineSpec"]["tasks"][0].pop("workspaces"),
    "it is tried less often": lambda by: by["train-part-2"]["spec"]["tasks"][0].pop("retries"),
    "it has another script": lambda by: by["train-part-2"]["spec"]["tasks"][1]["taskSpec"]["steps"][0].update(
        script="x"
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_the_judge_sees_what_is_broken(how: str) -> None:
    after = split(train(), "max-steps=2")
    assert differences(train(), after) == []
    broken = copy.deepcopy(after)
    BROKEN[how]({item["metadata"]["name"]: item for item in broken})
    try:
        found = differences(train(), broken)
    except (AssertionError, KeyError) as error:
        found = [str(error)]
    assert found, yaml.safe_dump_all(broken)
