"""Every pipeline of the corpus: KFP's own proto reads what comes out, nothing else changes, and twice is once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from couler_plugins.api import Text, optimize
from couler_plugins.documents import Path as Place
from support import corpus_files

FILES = corpus_files("kfp")
OPTIONS = ["cache", "cache{assume-pure=true}"]


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


def tasks_with_executors(documents: Any) -> list[int]:
    """How many tasks of each pipeline call something that runs."""
    counts = []
    for document in documents:
        spec = document.get("spec", {}).get("pipelineSpec", document) if isinstance(document, dict) else {}
        components = spec.get("components", {})
        dags = [part["dag"] for part in (*components.values(), spec.get("root", {})) if "dag" in part]
        called = [task["componentRef"]["name"] for dag in dags for task in dag.get("tasks", {}).values()]
        counts.append(sum(1 for name in called if "executorLabel" in components.get(name, {})))
    return counts


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
