"""KFP's own word: documents that were lifted and lowered mean the same to its protos and to its compiler."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.sources import nested
from adapters.subjects import KFP, Subject, each_file, lift_file, lift_source, lower_and_write, regenerate
from couler_plugins.documents import read
from couler_plugins.ir import rename_steps, without_origin
from couler_plugins.optimizers.dedupe import Dedupe
from optimizers.running import CONTEXT
from support import ROOT

pytest.importorskip("google.protobuf", reason="needs kfp")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning"
)  # of kfp and its libraries


def protos(documents: list[Any]) -> Iterator[Any]:
    """The PipelineSpecs and the PlatformSpecs; a field that the proto does not have is an error."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    for document in documents:
        parts = (
            (document["spec"].get(key) for key in ("pipelineSpec", "platformSpec"))
            if "kind" in document
            else [document]
        )
        for spec in filter(None, parts):
            kind = pipeline_spec_pb2.PlatformSpec if "platforms" in spec else pipeline_spec_pb2.PipelineSpec
            yield json_format.ParseDict(spec, kind())


@pytest.mark.parametrize(("subject", "path"), each_file([KFP]))
def test_protos_of_what_is_generated_are_equal(subject: Subject, path: Path) -> None:
    plan = lift_file(subject, path)
    workflows = [without_origin(workflow) for workflow in plan.workflows]
    for workflow, (documents, _) in zip(plan.workflows, regenerate(subject, workflows), strict=True):
        assert list(protos(documents)) == list(protos(subject.origin(plan, workflow)))


@pytest.mark.parametrize(("subject", "path"), each_file([KFP]))
def test_protos_take_what_was_edited(subject: Subject, path: Path) -> None:
    """All tasks have other names, and identical components are one."""
    plan = lift_file(subject, path)
    for workflow in plan.workflows:
        renamed = workflow
        for graph in workflow.graphs:
            renamed = rename_steps(renamed, graph.name, {step.name: f"r-{step.name}" for step in graph.steps})
        edited = Dedupe().run(plan.with_workflow(workflow, renamed), CONTEXT)
        lowered, written = lower_and_write(subject, edited)
        assert not lowered.refused
        again = lift_source(subject, read(written.texts[0], path.name))
        assert list(protos(subject.origin(again, again.workflows[0])))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline as KFP's compiler writes it."""
    pytest.importorskip("kfp", reason="needs kfp")
    from kfp import compiler

    path = tmp_path_factory.mktemp("compiled") / "nested.yaml"
    compiler.Compiler().compile(nested(), str(path))
    return path


def test_the_fixture_is_what_the_compiler_writes(compiled: Path) -> None:
    """As data: what else was imported in this process may have told PyYAML to quote texts otherwise."""
    fixture = ROOT / "tests/fixtures/kfp/nested.yaml"
    written, kept = (read(path.read_bytes(), path.name).documents for path in (compiled, fixture))
    assert [document.data for document in written] == [document.data for document in kept]


def test_a_manifest_holds_the_same_pipeline() -> None:
    (spec,), (manifest,) = (
        lift_file(KFP, ROOT / "tests/fixtures/kfp" / name).workflows for name in ("nested.yaml", "manifest.yaml")
    )
    assert (manifest.graphs, manifest.operations) == (spec.graphs, spec.operations)
    assert manifest.kind == "PipelineVersion"


def test_what_was_deduplicated_loads_and_compiles_again(compiled: Path, tmp_path: Path) -> None:
    from kfp import compiler, components

    plan = Dedupe().run(lift_source(KFP, KFP.read(compiled)), CONTEXT)
    _, written = lower_and_write(KFP, plan)
    assert plan.decisions
    loaded = components.load_component_from_text(written.texts[0])
    compiler.Compiler().compile(loaded, str(tmp_path / "again.yaml"))
    plain, again = (
        read(path.read_bytes(), path.name).documents[0].data for path in (compiled, tmp_path / "again.yaml")
    )
    assert again["components"].keys() == plain["components"].keys()
    assert len(again["deploymentSpec"]["executors"]) == len(plan.workflows[0].operations)
