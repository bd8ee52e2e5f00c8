"""Every pipeline of the corpus: KFP's own proto reads what comes out, nothing else changes, and twice is once.

By default, no task loses its caching but those that their owners mark.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.api import Text, optimize
from couler_plugins.documents import Path as Place
from couler_plugins.options.config import Config
from support import corpus_files, own_files

pytestmark = pytest.mark.sampled

FILES = corpus_files("kfp")
STRICT = "cache{strict=true}"
OPTIONS = ["cache", "cache{assume-pure=true}", STRICT]
DEFAULT = Config().pipeline


def is_ours(place: Place) -> bool:
    """Whether only caching writes there."""
    salts = any(str(key).startswith("couler-salt") for key in place)
    return salts or "cachingOptions" in place


@pytest.mark.parametrize("path", FILES)
def test_only_switches_and_salts_change_and_twice_is_once(path: Path) -> None:
    for options in OPTIONS:
        (file,) = optimize(str(path), options).files
        assert file.error is None
        for edit in file.edits:
            place = edit.edit.after or edit.edit.before or ()
            # Where a task had no inputs, the salt comes with the mapping around it.
            assert is_ours(place) or "couler-salt" in str(edit.edit.new), place
            assert edit.decision is not None
        again = optimize(Text(file.text or ""), options).files if file.edits else ()
        assert not any(item.edits for item in again)
        explained = {item.subject for item in file.decisions if item.optimizer == "cache"}
        assert len(explained) == sum(tasks_with_executors(file.documents))


def specs_of(documents: Any) -> Iterator[dict[str, Any]]:
    """Yield the PipelineSpecs in some documents."""
    for document in documents:
        spec = document.get("spec", {}).get("pipelineSpec", document) if isinstance(document, dict) else {}
        if "root" in spec:
            yield spec


def tasks_of(spec: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The tasks of a pipeline, by component and name."""
    parts = {**spec.get("components", {}), "root": spec["root"]}
    return {
        (name, task): content
        for name, part in parts.items()
        for task, content in part.get("dag", {}).get("tasks", {}).items()
    }


def executor_of(spec: dict[str, Any], task: dict[str, Any]) -> str | None:
    """The label of the executor that a task calls."""
    label: str | None = spec.get("components", {}).get(task["componentRef"]["name"], {}).get("executorLabel")
    return label


def tasks_with_executors(documents: Any) -> list[int]:
    """How many tasks of each pipeline call something that runs."""
    return [
        sum(executor_of(spec, task) is not None for task in tasks_of(spec).values()) for spec in specs_of(documents)
    ]


def tasks_on(documents: Any) -> set[tuple[int, str, str]]:
    """The tasks that are on, by the number of their pipeline, component and name."""
    return {
        (number, *place)
        for number, spec in enumerate(specs_of(documents))
        for place, task in tasks_of(spec).items()
        if task.get("cachingOptions", {}).get("enableCache") is True
    }


def lowered(source: str | Text, options: str) -> set[tuple[int, str, str]]:
    """The tasks that a pipeline of optimizers switches off."""
    (before,), (after,) = optimize(source, []).files, optimize(source, options).files
    assert after.error is None
    return tasks_on(before.documents) - tasks_on(after.documents)


@pytest.mark.parametrize("path", FILES)
def test_the_default_switches_no_task_off(path: Path) -> None:
    assert not lowered(str(path), DEFAULT)
    assert not lowered(str(path), OPTIONS[1])


def test_strict_switches_tasks_of_our_corpus_off() -> None:
    """What the test above would miss if it looked at the wrong places."""
    assert sum(len(lowered(str(path), STRICT)) for path in own_files("kfp")) > 10


@pytest.mark.parametrize("path", FILES)
def test_the_default_switches_only_tasks_off_that_are_marked_never(path: Path) -> None:
    (file,) = optimize(str(path), []).files
    documents = json.loads(json.dumps(file.documents))
    marked: set[tuple[int, str, str]] = set()
    for number, spec in enumerate(specs_of(documents)):
        executors = {place: executor_of(spec, task) for place, task in tasks_of(spec).items()}
        containers = spec.get("deploymentSpec", {}).get("executors", {})
        label = next((label for label in executors.values() if "container" in containers.get(label, {})), None)
        if label is not None:
            mark_never(documents, spec, label)
            marked |= {(number, *place) for place, called in executors.items() if called == label}
    source = Text("\n---\n".join(map(json.dumps, documents)))
    assert lowered(source, DEFAULT) == marked & tasks_on(documents)


def mark_never(documents: list[Any], spec: dict[str, Any], label: str) -> None:
    """Annotates an executor of a pipeline in its platform document; appends that where there is none."""
    (whole,) = (item for item in documents if item is spec or item.get("spec", {}).get("pipelineSpec") is spec)
    if whole is spec:
        platform = next((item for item in documents if "platforms" in item), None)
        if platform is None:
            documents.append(platform := {})
    else:
        platform = whole["spec"].setdefault("platformSpec", {})
    for key in ("platforms", "kubernetes", "deploymentSpec", "executors", label, "podMetadata", "annotations"):
        platform = platform.setdefault(key, {})
    platform["couler.io/cache"] = "never"


@pytest.mark.parametrize("path", FILES)
def test_kfps_own_proto_reads_what_comes_out(path: Path) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    (file,) = optimize(str(path), OPTIONS[1]).files
    specs = [item.get("spec", {}).get("pipelineSpec", item) for item in file.documents]
    spec = next(item for item in specs if "root" in item)
    parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    salted = [
        task
        for component in (*parsed.components.values(), parsed.root)
        for task in component.dag.tasks.values()
        if "couler-salt" in task.inputs.parameters
    ]
    for task in salted:
        assert task.caching_options.enable_cache
        definition = parsed.components[task.component_ref.name].input_definitions.parameters["couler-salt"]
        assert definition.is_optional
        assert not task.caching_options.cache_key
