"""Splitting pipelines: into what, what holds together, what is refused, and that it can all be read again."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.kfp.split.generating import chain, fan, grouped, pipeline, random_pipeline
from adapters.kfp.split.runs import documents_of, split, splitting
from couler_kfp.split.splitting import splitting_of
from couler_plugins.api import Text, lift, optimize
from couler_plugins.documents import dump_yaml
from couler_plugins.driver.session import originals_in, session
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.inputs.sources import read_source
from couler_plugins.options.config import load_config
from couler_plugins.plan import Plan
from support import corpus_files, examples

pytestmark = pytest.mark.sampled

SPECS = {"chain": chain(5), "fan": fan(6), "grouped": grouped()}
each = pytest.mark.parametrize("name", SPECS)
DATA_EDGES = ("taskOutputParameter", "taskOutputArtifact")


def plan_of(documents: list[Any]) -> Plan:
    return lift(documents)


def pipelines_in(documents: list[Any]) -> dict[str, Any]:
    return {item["pipelineInfo"]["name"]: item for item in documents if "pipelineInfo" in item}


def test_too_many_bytes_become_parts_that_are_small_enough() -> None:
    result = optimize(Text(pipeline(chain(12)), "pipeline.json"), splitting("max-bytes=34kB"))
    sizes = [dict(item.figures)["bytes"] for item in result.decisions if item.action == "make a part"]
    assert len(sizes) > 1
    assert all(int(str(size)) <= 34_000 for size in sizes)


@each
def test_each_part_is_a_pipeline_that_kfp_reads(name: str) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    from kfp import components

    documents = split(SPECS[name], "max-steps=3")
    found = pipelines_in(documents)
    assert len(found) > 2
    for part, spec in found.items():
        if part != SPECS[name]["pipelineInfo"]["name"]:
            assert components.load_component_from_text(dump_yaml(spec)).name == part


@each
def test_each_task_is_in_one_part_and_as_it_was(name: str) -> None:
    spec = SPECS[name]
    found = pipelines_in(split(spec, "max-steps=2"))
    del found[spec["pipelineInfo"]["name"]]
    tasks: dict[str, Any] = {}
    for part in found.values():
        own = {key: task for key, task in part["root"]["dag"]["tasks"].items() if not key.startswith("couler-")}
        assert len(own) <= 2
        assert not tasks.keys() & own.keys()
        tasks |= own
        for key, task in own.items():
            called = task["componentRef"]["name"]
            assert part["components"][called] == spec["components"][called], key
    assert tasks.keys() == spec["root"]["dag"]["tasks"].keys()


@each
def test_what_was_split_is_read_as_the_plan_that_was_written(name: str) -> None:
    """Parts and what crosses between them can be found in the documents."""
    result = optimize(Text(pipeline(SPECS[name]), "pipeline.json"), splitting("max-steps=2"))
    again = plan_of(list(result.documents))
    assert {(part.workflow, part.name): set(part.steps) for part in again.parts} == {
        (part.workflow, part.name): set(part.steps) for part in result.parts
    }
    whole = next(item for item in again.workflows if item.name == SPECS[name]["pipelineInfo"]["name"])
    crossing = {(link.producer, link.output, link.consumer, link.kind) for link in again.links}
    assert crossing
    names = {workflow.name for workflow in again.workflows}
    assert {end for link in again.links for end in (link.producer, link.consumer)} <= names - {whole.name}


@each
def test_splitting_again_changes_nothing(name: str) -> None:
    documents = split(SPECS[name], "max-steps=2")
    again = optimize(documents, splitting("max-steps=2"))
    assert not again.changed
    assert again.decisions == ()


@each
def test_lowering_what_was_lifted_gives_the_same_documents(name: str) -> None:
    documents = split(SPECS[name], "max-steps=2")
    assert list(optimize(documents, []).documents) == documents


@each
def test_the_original_can_be_had_again(name: str) -> None:
    text = f"# mine\n{dump_yaml(SPECS[name])}"
    result = optimize(Text(text, "pipeline.yaml"), splitting("max-steps=2"))
    config = load_config()
    assert originals_in(read_source(list(result.documents), config.max_bytes), session(config)) == {
        "pipeline.yaml": text
    }


def test_no_part_is_larger_than_it_was_counted() -> None:
    for spec in SPECS.values():
        result = optimize(Text(pipeline(spec), "pipeline.json"), splitting("max-steps=2"))
        figures: list[Any] = [
            dict(decision.figures) for decision in result.decisions if decision.action == "make a part"
        ]
        assert figures
        for part in figures:
            assert part["bytes"] <= part["estimated bytes"]


def test_types_and_defaults_cross() -> None:
    found = pipelines_in(split(chain(4), "max-steps=2"))
    inputs = {name: item["root"].get("inputDefinitions", {}).get("parameters", {}) for name, item in found.items()}
    assert inputs["chained-part-1"] == {"number": chain(4)["root"]["inputDefinitions"]["parameters"]["number"]}
    last = inputs["chained-part-3"]
    assert {name: item["parameterType"] for name, item in last.items()} == {
        "rate": "NUMBER_DOUBLE",
        "step-3-Output": "NUMBER_INTEGER",
        "step-3-out-uri": "STRING",
    }
    imported = found["chained-part-3"]["deploymentSpec"]["executors"]["exec-couler-import-step-3-out"]
    schema = {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}
    assert imported == {"importer": {"artifactUri": {"runtimeParameter": "uri"}, "typeSchema": schema}}


def test_what_is_left_names_no_task_of_the_parts() -> None:
    whole = pipelines_in(split(fan(4), "max-steps=2"))["fanned"]
    assert set(whole["root"]["dag"]["tasks"]) == {f"part-{at}" for at in range(1, 5)}
    assert all("pipeline" in executor for executor in whole["deploymentSpec"]["executors"].values())
    assert whole["root"]["dag"]["outputs"]["parameters"]["number"]["valueFromParameter"]["producerSubtask"] == "part-4"


def test_kfp_refuses_what_is_left() -> None:
    """Nobody runs it for the pipeline that it was: its executors are none that KFP has."""
    pytest.importorskip("kfp", reason="needs kfp")
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    whole = pipelines_in(split(fan(4), "max-steps=2"))["fanned"]
    with pytest.raises(json_format.ParseError, match="pipeline"):
        json_format.ParseDict(whole["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())


def test_names_of_untouched_parts_stay_across_an_edit(tmp_path: Path) -> None:
    """KFP looks cached results up by the name of the pipeline."""
    first = optimize(Text(pipeline(chain(8)), "pipeline.json"), splitting("max-steps=3"))
    config = load_config()
    work = session(config)
    edited = chain(8)
    edited["root"]["dag"]["tasks"]["extra"] = copy.deepcopy(edited["root"]["dag"]["tasks"]["step-7"])
    edited["root"]["dag"]["tasks"]["extra"]["taskInfo"]["name"] = "extra"
    from msgspec.structs import replace

    from couler_plugins.driver.session import optimize_inputs

    work = replace(work, previous=first.parts)
    inputs = read_source(Text(pipeline(edited), "pipeline.json"), config.max_bytes)
    second = optimize_inputs(inputs, splitting("max-steps=3"), work)
    before, after = (pipelines_in(list(result.documents)) for result in (first, second))
    same = [name for name in before if name.startswith("chained-part") and before[name] == after.get(name)]
    assert len(same) >= 2


def test_platform_configuration_moves_with_its_task() -> None:
    spec = chain(3)
    platform = {
        "platforms": {
            "kubernetes": {"deploymentSpec": {"executors": {"exec-tell": {"nodeSelector": {"labels": {"a": "b"}}}}}}
        }
    }
    text = f"{dump_yaml(spec)}---\n{dump_yaml(platform)}"
    documents = list(optimize(Text(text, "pipeline.yaml"), splitting("max-steps=2")).documents)
    assert documents[1] == {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {}}}}}
    following = [documents[at + 1] for at, item in enumerate(documents) if "comp-tell" in item.get("components", {})]
    assert following == [platform]


BONDS = {
    "exit": "depends on how another one ends",
    "final status": "the finalStatus of",
    "skipped": "may wait in vain",
    "claim": "the platform configuration of 'tell' reads it",
    "run": "the name, the id or the times of their run",
    "workspace": "they share the workspace",
}


def bonded(kind: str) -> list[Any]:
    """A chain whose first and last tasks cannot be apart."""
    spec = chain(2)
    documents = [spec]
    tasks = spec["root"]["dag"]["tasks"]
    tell = tasks["tell"]
    match kind:
        case "exit":
            tasks["step-0"].pop("dependentTasks", None)
            tell["triggerPolicy"] = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
        case "final status":
            tell["inputs"]["parameters"]["facts"] = {"taskFinalStatus": {"producerTask": "facts"}}
        case "skipped":
            tasks["facts"]["triggerPolicy"] = {"condition": "inputs.parameter_values['number'] == 3"}
            del spec["root"]["dag"]["outputs"], spec["root"]["outputDefinitions"]
            tell["inputs"]["parameters"]["facts"] = {"runtimeValue": {"constant": {}}}
        case "claim":
            claim = {
                "pvcNameParameter": {"taskOutputParameter": {"producerTask": "facts", "outputParameterKey": "Output"}}
            }
            executors = {"exec-tell": {"pvcMount": [{"mountPath": "/data", **claim}]}}
            documents.append({"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}})
        case "run" | "workspace":
            text = "{{$.pipeline_job_uuid}}" if kind == "run" else "{{$.workspace_path}}"
            for name in ("step-0", "step-1"):
                tasks[name]["inputs"]["parameters"]["name"] = {"runtimeValue": {"constant": text}}
    return documents


@pytest.mark.parametrize("kind", BONDS)
def test_what_must_not_be_cut_stays_together(kind: str) -> None:
    text = "---\n".join(map(dump_yaml, bonded(kind)))
    plan = lift(Text(text, "pipeline.yaml"))
    facet = splitting_of(plan.workflows[0], plan)
    assert facet is not None
    assert any(BONDS[kind] in bond.reason for bond in facet.bonds()), facet.bonds()
    with pytest.raises(InvalidInput, match=re.escape(BONDS[kind])):
        _ = optimize(Text(text, "pipeline.yaml"), splitting("max-steps=1")).documents


def test_lists_of_artifacts_stay_with_what_reads_them() -> None:
    spec = fan(2)
    spec["components"]["comp-write"]["outputDefinitions"]["artifacts"]["out"]["isArtifactList"] = True
    with pytest.raises(InvalidInput, match="a list of artifacts, which nothing imports"):
        split(spec, "max-steps=1")


def test_names_that_kfp_does_not_take_are_refused() -> None:
    spec = chain(3)
    spec["pipelineInfo"]["name"] = "a" * 125
    with pytest.raises(Unsupported, match="KFP takes 128 characters"):
        split(spec, "max-steps=2")


def test_artifacts_that_the_pipeline_is_given_are_refused() -> None:
    spec = chain(3)
    dataset = {"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}}
    spec["root"]["inputDefinitions"]["artifacts"] = {"given": dataset}
    spec["root"]["dag"]["tasks"]["tell"]["inputs"]["artifacts"]["one"] = {"componentInputArtifact": "given"}
    with pytest.raises(Unsupported, match=r"^pipeline\.json: the optimizer 'split': .* input 'given' is an artifact"):
        split(spec, "max-steps=2")


def test_outputs_that_are_chosen_from_several_are_refused() -> None:
    spec = chain(3)
    selectors = [{"outputParameterKey": "Output", "producerSubtask": f"step-{at}"} for at in (0, 1)]
    handed = spec["root"]["dag"]["outputs"]["parameters"]
    handed["number"] = {"valueFromOneof": {"parameterSelectors": selectors}}
    with pytest.raises(Unsupported, match="its output 'number' is one of several values"):
        split(spec, "max-steps=2")


def test_parts_have_their_names_for_themselves() -> None:
    taken = chain(2)
    taken["pipelineInfo"]["name"] = "chained-part-1"
    text = f"{dump_yaml(chain(3))}---\n{dump_yaml(taken)}"
    with pytest.raises(InvalidInput, match="split part name 'chained-part-1' collides"):
        _ = optimize(Text(text, "pipeline.yaml"), splitting("max-steps=4")).documents


@pytest.mark.parametrize("path", corpus_files("kfp"))
def test_every_pipeline_of_the_corpus_is_split_or_it_is_said_why_not(path: Path) -> None:
    try:
        documents = split(path.read_text("utf-8"), "max-steps=1")
    except CoulerError:
        return
    again = plan_of(documents)
    assert len(again.workflows) == 1 or again.parts
    assert list(optimize(documents, []).documents) == documents
    if len(documents) == len(documents_of(path.read_text("utf-8"))):
        return
    pytest.importorskip("kfp", reason="needs kfp")
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    for document in documents:
        if "pipelineInfo" in document:
            json_format.ParseDict(document, pipeline_spec_pb2.PipelineSpec())


@st.composite
def edges(draw: st.DrawFn) -> list[list[int]]:
    count = draw(st.integers(2, 9))
    return [sorted(draw(st.sets(st.integers(0, at - 1), max_size=3))) if at else [] for at in range(count)]


@settings(max_examples=examples(25))
@given(edges(), st.integers(1, 4))
def test_whatever_the_graph_all_edges_are_there_again(drawn: list[list[int]], steps: int) -> None:
    """What a task reads in its part is what it read in the whole, by whatever way."""
    spec = random_pipeline(drawn)
    documents = split(spec, f"max-steps={steps}")
    found = pipelines_in(documents)
    if len(found) == 1:
        assert len(drawn) <= steps
        return
    whole = found.pop("random")
    producers: dict[tuple[str, str], tuple[str, str]] = {}
    for task, executor in (
        (name, item["componentRef"]["name"]) for name, item in whole["root"]["dag"]["tasks"].items()
    ):
        label = whole["components"][executor]["executorLabel"]
        outputs = found[whole["deploymentSpec"]["executors"][label]["pipeline"]["name"]]["root"]["dag"].get(
            "outputs", {}
        )
        for name, value in outputs.get("parameters", {}).items():
            made = value["valueFromParameter"]
            producers[task, name] = (made["producerSubtask"], made["outputParameterKey"])
        for name, value in outputs.get("artifacts", {}).items():
            (made,) = value["artifactSelectors"]
            producers[task, name] = (made["producerSubtask"], made["outputArtifactKey"])
    assert read_in_parts(whole, found, producers) == {
        name: reads(task) for name, task in spec["root"]["dag"]["tasks"].items()
    }


def reads(task: Any) -> set[tuple[str, str]]:
    values = [value for kind in task.get("inputs", {}).values() for value in kind.values()]
    sources = [value[key] for value in values for key in DATA_EDGES if key in value]
    return {(item["producerTask"], item.get("outputParameterKey") or item["outputArtifactKey"]) for item in sources}


def read_in_parts(whole: Any, parts: Any, producers: Any) -> dict[str, set[tuple[str, str]]]:
    """What each task reads, through importers and inputs of its part."""
    result = {}
    for task in whole["root"]["dag"]["tasks"].values():
        executor = whole["deploymentSpec"]["executors"][
            whole["components"][task["componentRef"]["name"]]["executorLabel"]
        ]
        uris = {uri: name for name, uri in executor["pipeline"].get("uris", {}).items()}
        outer = {
            name: producers[
                value[key]["producerTask"], value[key].get("outputParameterKey") or value[key]["outputArtifactKey"]
            ]
            for kind in task.get("inputs", {}).values()
            for name, value in kind.items()
            for key in DATA_EDGES
            if key in value
        }
        tasks = parts[executor["pipeline"]["name"]]["root"]["dag"]["tasks"]
        imports = {
            name: outer[uris[item["inputs"]["parameters"]["uri"]["componentInputParameter"]]]
            for name, item in tasks.items()
            if name.startswith("couler-import-")
        }
        for name, item in tasks.items():
            if name.startswith("couler-"):
                continue
            own = {imports.get(step, (step, key)) for step, key in reads(item)}
            values = item.get("inputs", {}).get("parameters", {}).values()
            given_by = [value.get("componentInputParameter") for value in values]
            result[name] = own | {outer[port] for port in given_by if port in outer}
    return result
